import Foundation

/// How a list of pictures is made of what is in a folder, an archive or a table.
public struct PictureListOptions: Sendable {
    /// How pictures are parted that nothing parts.
    public var split = PictureSplit()
    /// Which folder below a class names the source of a picture (a camera, a place): 1 for the first below the class's own;
    /// `nil`: there are no sources, but where a table has a column of them.
    public var sourceLevel: Int?
    /// The classes, where they are known already, in their order; `nil`: those that are found.
    public var classNames: [String]?
    /// Whether pictures that cannot be read are left out and counted, in place of being an error.
    public var skipsBroken = false
    /// Whether every picture is decoded, not only its header read: finds all that is broken, and takes as long.
    public var decodesAll = false
    /// How files become pixels; the list needs of it how large a picture may be.
    public var decoding = DecodingOptions(channels: 3)
    /// What the columns of a table are called.
    public var columns = PictureTableColumns()
    /// The number of threads that read.
    public var threads = max(ProcessInfo.processInfo.activeProcessorCount, 2)

    /// The usual way.
    public init() {}
}

/// How far the making of a list is.
public enum PictureListProgress: Hashable, Sendable {
    /// So many files have been found in folders, archives or lines.
    case found(Int)
    /// So many files of all have been looked into.
    case read(Int, of: Int)
}
