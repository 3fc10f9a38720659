/// What a picture's file says of itself before its pixels.
public struct PictureHeader: Hashable, Sendable {
    /// What the file is.
    public var format: PictureFormat
    /// Rows of pixels as seen: after EXIF's orientation.
    public var height: Int
    /// Pixels in a row as seen.
    public var width: Int
    /// Whether the pixels have colours: palettes do, whatever is in them.
    public var isColour: Bool
    /// How the picture lies in its file: EXIF's orientation, 1 to 8; 1, upright, where there is none.
    public var orientation: Int

    /// A header; height and width are those seen.
    public init(format: PictureFormat, height: Int, width: Int, isColour: Bool, orientation: Int = 1) {
        precondition(min(height, width) > 0 && (1...8).contains(orientation), "no header of a picture")
        self.format = format
        self.height = height
        self.width = width
        self.isColour = isColour
        self.orientation = orientation
    }

    /// Finds it in the first bytes of a file; `nil` if more of them are needed (ask again with twice as many).
    ///
    /// - Parameters:
    ///   - prefix: the first bytes, or all.
    ///   - length: the length of the whole file in bytes.
    ///   - path: what messages call the file.
    ///   - maxPixels: the most pixels that are taken.
    /// - Throws: `ImagesError` for what is no picture, damaged, or announces more pixels.
    public init?(
        prefix: UnsafeRawBufferPointer, length: Int, path: String,
        maxPixels: Int = DecodingOptions.defaultMaxPixels
    ) throws {
        struct MoreIsNeeded: Error {}
        do {
            try self.init(length: length, path: path, maxPixels: maxPixels) { place, memory in
                guard place + memory.count <= prefix.count else { throw MoreIsNeeded() }
                memory.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: prefix[place..<place + memory.count]))
            }
        } catch is MoreIsNeeded {
            return nil
        }
    }

    /// Finds it by reading the places of a file that say it, mostly a few bytes at its beginning. Those of a PNG or WebP file may be
    /// at its end.
    ///
    /// - Parameters:
    ///   - length: the length of the file in bytes.
    ///   - path: what messages call the file.
    ///   - maxPixels: the most pixels that are taken.
    ///   - read: fills memory with the bytes from a place on; both lie inside the length.
    /// - Throws: as `init(prefix:length:path:maxPixels:)`, and what `read` throws.
    public init(
        length: Int, path: String, maxPixels: Int = DecodingOptions.defaultMaxPixels,
        read: (_ place: Int, _ memory: UnsafeMutableRawBufferPointer) throws -> Void
    ) throws {
        var start = [UInt8](repeating: 0, count: min(length, PictureFormat.markLength))
        try start.withUnsafeMutableBytes { try read(0, $0) }
        guard let format = PictureFormat(start) else {
            throw ImagesError.notAPicture(path: path, ForeignFile(start))
        }
        self = try withoutActuallyEscaping(read) { read in
            let file = FileBytes(length: length, path: path, format: format, read: read)
            return switch format {
            case .jpeg: try JPEGDecoder.header(file, maxPixels)
            case .png: try PNGDecoder.header(file, maxPixels)
            case .webp: try WebPDecoder.header(file, maxPixels)
            case .gif: try GIFDecoder.header(file, maxPixels)
            case .bmp: try BMPDecoder.header(file, maxPixels)
            }
        }
    }

    /// The size of its pixels with so many channels, made smaller `reduction` times (1, 2, 4 or 8); parts of a pixel count as one.
    func size(channels: Int, reduction: Int = 1) -> ImageSize {
        ImageSize(
            height: (height + reduction - 1) / reduction, width: (width + reduction - 1) / reduction,
            channels: channels)
    }

    /// Its height and width as they lie in the file.
    var stored: (height: Int, width: Int) {
        Orientation(orientation).isTransposed ? (width, height) : (height, width)
    }

    /// A header from the size that lies in the file.
    init(_ format: PictureFormat, storedHeight: Int, storedWidth: Int, isColour: Bool, orientation: Int) {
        let isTransposed = Orientation(orientation).isTransposed
        self.init(
            format: format, height: isTransposed ? storedWidth : storedHeight,
            width: isTransposed ? storedHeight : storedWidth, isColour: isColour, orientation: orientation)
    }
}
