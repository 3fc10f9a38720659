/// What a picture's file is, told by its first bytes and not by its name.
public enum PictureFormat: String, Hashable, Sendable, Codable, CaseIterable {
    /// Portable Network Graphics; of animations (APNG) the picture that programs show that know none.
    case png
    /// JPEG: baseline, progressive, or with arithmetic coding; of several in a file (MPO) the first.
    case jpeg
    /// WebP, lossy or lossless; of animations the first frame.
    case webp
    /// Graphics Interchange Format; the first frame.
    case gif
    /// Windows's and OS/2's bitmaps.
    case bmp

    /// As messages say it.
    var name: String { self == .webp ? "WebP" : rawValue.uppercased() }

    /// The number of first bytes that tell one from another, and from what is none.
    static let markLength = 16

    /// Tells it by at least so many first bytes, or all that there are.
    init?(_ start: some Collection<UInt8>) {
        if start.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if start.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if start.starts(with: Array("RIFF".utf8)), start.dropFirst(8).starts(with: Array("WEBP".utf8))
        {
            self = .webp
        } else if start.starts(with: Array("GIF87a".utf8)) || start.starts(with: Array("GIF89a".utf8)) {
            self = .gif
        } else if PictureFormat.startsBitmap(start) {
            self = .bmp
        } else {
            return nil
        }
    }

    /// Two letters are few: a bitmap's header also has one of a few lengths.
    private static func startsBitmap(_ start: some Collection<UInt8>) -> Bool {
        let length = Array(start.dropFirst(14).prefix(2))
        return start.starts(with: Array("BM".utf8)) && length.count == 2
            && BMPDecoder.headerLengths.contains(Int(length[0]) | Int(length[1]) << 8)
    }
}
