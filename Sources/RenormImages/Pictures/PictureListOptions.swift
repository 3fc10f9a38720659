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

/// The parts that pictures come in.
public enum PicturePart: UInt8, Sendable, BitwiseCopyable, CaseIterable, CustomStringConvertible {
    /// What a network is trained on.
    case training
    /// What it is chosen by.
    case validation
    /// What a finished network is measured on.
    case test

    /// What a folder of the part, or its value in a table, may be called, in small letters.
    var names: [String] {
        switch self {
        case .training: ["train", "training"]
        case .validation: ["val", "valid", "validation"]
        case .test: ["test", "testing"]
        }
    }

    /// The part of a name, in whatever letters it is written.
    init?(named name: String) {
        let name = name.lowercased()
        guard let part = PicturePart.allCases.first(where: { $0.names.contains(name) }) else { return nil }
        self = part
    }

    /// The name: `training`, `validation` or `test`.
    public var description: String { names.last == "testing" ? "test" : names.last! }
}
