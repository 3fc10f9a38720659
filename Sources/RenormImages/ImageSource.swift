/// Where the pixels of a dataset's images come from: memory, files, or a computation.
///
/// A source of your own says how many images it has, how large each is, and writes the pixels of one:
///
///     struct Stripes: ImageSource {
///         let count = 100
///         let commonSize: ImageSize? = ImageSize(height: 8, width: 8, channels: 1)
///         func size(of image: Int) -> ImageSize { commonSize! }
///         func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) {
///             for place in pixels.indices { pixels[place] = place % (image + 2) == 0 ? 255 : 0 }
///         }
///         func addFingerprint(of image: Int, to fingerprint: inout Fingerprint) { fingerprint.add(image) }
///     }
///     let dataset = try Dataset(
///         DatasetIndex(name: "stripes", labels: labels, classNames: ["coarse", "fine"]), images: Stripes())
///
/// Several threads may ask at once. What is asked for the same image twice is the same.
public protocol ImageSource: Sendable {
    /// The number of images.
    var count: Int { get }

    /// The size of every image; `nil` where they differ.
    var commonSize: ImageSize? { get }

    /// How large an image is, if possible without decoding its pixels. All images of a source have as many channels.
    ///
    /// - Throws: what keeps it from being known, naming the file if there is one.
    func size(of image: Int) throws -> ImageSize

    /// Writes all pixels of an image.
    ///
    /// - Parameter pixels: memory of `size(of: image).valueCount` bytes for them: rows from the top, channels last.
    /// - Throws: what keeps them from being had, naming the file if there is one; also where it is no longer of that size.
    func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws

    /// Calls `body` once with the pixels of an image, or with the part of them that a placement needs
    /// (`Placement.pixelsNeeded`).
    ///
    /// By default all of them are read into the workspace. A source that has them in memory lends them from there; one that
    /// can decode a part alone does that.
    ///
    /// - Throws: as `read`.
    func withPixels(
        of image: Int, for placement: Placement, in workspace: ImageWorkspace, _ body: (PixelView) -> Void
    ) throws

    /// What an image is called, such as its file's path; `nil`: by number.
    func name(of image: Int) -> String?

    /// Whether pixels are there without reading a file or decoding, so that one thread prepares batches fast enough.
    var isInMemory: Bool { get }

    /// Adds to a fingerprint what tells this image from others. It need not read pixels: a file's path and size do.
    func addFingerprint(of image: Int, to fingerprint: inout Fingerprint)
}

extension ImageSource {
    /// No name.
    public func name(of image: Int) -> String? { nil }

    /// Not in memory.
    public var isInMemory: Bool { false }

    /// Reads all pixels into the workspace and calls `body` with them.
    public func withPixels(
        of image: Int, for placement: Placement, in workspace: ImageWorkspace, _ body: (PixelView) -> Void
    ) throws {
        let size = try size(of: image)
        let pixels = workspace.read.memory(of: size.valueCount)
        try read(image, into: pixels)
        body(PixelView(of: size, pixels: UnsafePointer(pixels.baseAddress!)))
    }
}
