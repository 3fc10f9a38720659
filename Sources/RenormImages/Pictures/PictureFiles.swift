import RenormArrays

/// The pictures of a list, read from their files and decoded each time they are asked for.
///
/// JPEGs decode no more than a placement needs. A file that has vanished, changed or broken since the list was made is an error
/// with its name (`ReplacedImages` does without it).
public struct PictureFiles: ImageSource {
    /// The list; image i is its picture i.
    public let list: PictureList
    /// How files become pixels.
    public let options: DecodingOptions
    /// What the short side of a picture keeps at least when it is decoded smaller than it is; `nil`: nothing is.
    public let shortSide: Int?
    /// The size of every picture; `nil` where they differ.
    public let commonSize: ImageSize?

    /// The pictures of a list.
    ///
    /// - Parameter options: `nil`: with the channels that all pictures have in common, over white.
    public init(_ list: PictureList, options: DecodingOptions? = nil) {
        self.init(list, options ?? DecodingOptions(channels: list.commonChannels), shortSide: nil)
    }

    private init(_ list: PictureList, _ options: DecodingOptions, shortSide: Int?) {
        self.list = list
        self.options = options
        self.shortSide = shortSide
        commonSize =
            list.commonSize == nil
            ? nil : PictureFiles.size(of: list.header(of: 0), options, shortSide: shortSide)
    }

    /// The same pictures at a half, a quarter or an eighth of their size, whichever is the least whose short side is not below
    /// `side`. It is a rule by picture, so pixels do not depend on what is cut out of them.
    public func reduced(toShortSide side: Int) -> any ImageSource {
        PictureFiles(list, options, shortSide: side)
    }

    /// They are decoded.
    public var decodes: Bool { true }

    /// The path below the list's folder.
    public func name(of image: Int) -> String? { list.path(of: image) }

    /// The number of pictures.
    public var count: Int { list.count }

    /// How large a picture becomes: what its header says, made smaller as `reduced` has it.
    public func size(of image: Int) -> ImageSize {
        PictureFiles.size(of: list.header(of: image), options, shortSide: shortSide)
    }

    private static func size(
        of header: PictureHeader, _ options: DecodingOptions, shortSide: Int?
    ) -> ImageSize {
        header.size(
            channels: options.channels, reduction: reduction(of: header, toShortSide: shortSide))
    }

    private static func reduction(of header: PictureHeader, toShortSide shortSide: Int?) -> Int {
        guard let shortSide else { return 1 }
        let side = min(header.height, header.width)
        return [8, 4, 2].first { (side + $0 - 1) / $0 >= shortSide } ?? 1
    }

    /// Writes all pixels of a picture.
    ///
    /// - Throws: `ImagesError` naming the file that is missing, changed or broken.
    public func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        let workspace = ImageWorkspace()
        try withBytes(of: image, in: workspace) { bytes, header, reduction, path in
            try PictureDecoder.read(
                bytes, header, options, reduction: reduction, path: path, into: pixels, in: workspace)
        }
    }

    /// Calls `body` with the pixels of a picture that a placement needs, or with more of them.
    ///
    /// - Throws: as `read`; what is broken elsewhere in a JPEG is not found.
    public func withPixels(
        of image: Int, for placement: Placement, in workspace: ImageWorkspace, _ body: (PixelView) -> Void
    ) throws {
        try withBytes(of: image, in: workspace) { bytes, header, reduction, path in
            try PictureDecoder.withPixels(
                of: bytes, header, options, reduction: reduction, for: placement, path: path, in: workspace,
                body)
        }
    }

    /// Reads a file whole, and calls `body` with its bytes, what the list says of it, how much smaller it becomes, and its path.
    private func withBytes(
        of image: Int, in workspace: ImageWorkspace,
        _ body: (UnsafeRawBufferPointer, PictureHeader, Int, String) throws -> Void
    ) throws {
        let bytes = try list.places.open(image, of: list.columns)
        let expected = list.fileSize(of: image)
        guard bytes.count == expected else {
            throw ImagesError.changedPicture(path: bytes.path, found: bytes.count, expected: expected)
        }
        let memory = UnsafeMutableRawBufferPointer(workspace.file.memory(of: expected))
        try bytes.read(at: 0, into: memory)
        let header = list.header(of: image)
        try body(
            UnsafeRawBufferPointer(memory), header,
            PictureFiles.reduction(of: header, toShortSide: shortSide), bytes.path)
    }

    /// The path below the data's folder and the size of the file, which stay the same where the data are copied to.
    public func addFingerprint(of image: Int, to fingerprint: inout Fingerprint) {
        let path = list.columns.path(of: image)
        fingerprint.add(path.count)
        path.withUnsafeBytes { fingerprint.add($0) }
        fingerprint.add(list.fileSize(of: image))
    }

    /// A number that pictures with other pixels would almost surely not have: of paths, sizes and times of change of all files,
    /// and of how they are decoded.
    public var cacheIdentity: UInt64 {
        var fingerprint = Fingerprint()
        fingerprint.add(list.root)
        for image in 0..<count {
            addFingerprint(of: image, to: &fingerprint)
            fingerprint.add(list.columns.modified[image])
        }
        fingerprint.add(options.channels)
        fingerprint.add(options.background.rawValue)
        fingerprint.add(shortSide ?? 0)
        return fingerprint.value
    }
}
