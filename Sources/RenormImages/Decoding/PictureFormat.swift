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

    /// What a file is that is none of these, by its first bytes, and what to do with it.
    static func foreign(_ start: [UInt8]) -> (what: String, remedy: String) {
        func has(_ text: String, at place: Int = 0) -> Bool {
            start.dropFirst(place).starts(with: Array(text.utf8))
        }
        func picture(_ name: String, _ ending: String) -> (String, String) {
            (
                "is \(name)",
                "Convert it to PNG or JPEG, with ImageMagick for example: convert picture.\(ending) picture.png"
            )
        }
        if start.isEmpty { return ("is empty", "Fetch the file again, or remove it") }
        if has("II*\0") || has("MM\0*") || has("II+\0") || has("MM\0+") {
            return picture("a TIFF file", "tif")
        }
        if has("ftyp", at: 4) {
            if has("avif", at: 8) || has("avis", at: 8) { return picture("an AVIF file", "avif") }
            if ["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"].contains(where: {
                has($0, at: 8)
            }) {
                return (
                    "is a HEIC file",
                    "Convert it to JPEG, on Debian with heif-convert of libheif-examples, on macOS with: "
                        + "sips -s format jpeg picture.heic --out picture.jpg"
                )
            }
            return (
                "is a film or another file of MPEG-4's kind", "Take single pictures out of it, or remove it"
            )
        }
        if start.dropFirst(4).starts(with: [0x6A, 0x50, 0x20, 0x20])
            || start.starts(with: [0xFF, 0x4F, 0xFF, 0x51])
        {
            return picture("a JPEG 2000 file", "jp2")
        }
        if start.starts(with: [0xFF, 0x0A]) || has("JXL ", at: 4) { return picture("a JPEG XL file", "jxl") }
        if has("8BPS") { return picture("a Photoshop file", "psd") }
        if start.starts(with: [0, 0, 1, 0]) { return picture("an icon", "ico") }
        if has("P1\n") || has("P2\n") || has("P3\n") || has("P4\n") || has("P5\n") || has("P6\n")
            || has("P7\n")
        {
            return picture("a PNM file", "pnm")
        }
        if has("%PDF") {
            return ("is a PDF file", "Render its pages, for example with: pdftoppm -png file.pdf page")
        }
        if has("PK\u{3}\u{4}") { return ("is a ZIP archive", "Unpack it") }
        if start.starts(with: [0x1F, 0x8B]) { return ("is compressed by gzip", "Unpack it") }
        if start.count == PictureFormat.markLength,
            start.dropFirst(4).starts(with: Array("WEBP".utf8)) == false, has("RIFF")
        {
            return ("is a film or a sound in a RIFF file", "Remove it")
        }
        let isText = start.allSatisfy { (32..<127).contains($0) || (9...13).contains($0) || $0 >= 0x80 }
        if isText {
            let text = String(decoding: start, as: UTF8.self).lowercased()
            if text.contains("<svg") || text.hasPrefix("<?xml") {
                return (
                    "is XML text, perhaps an SVG drawing",
                    "Render it, for example with: rsvg-convert drawing.svg -o picture.png"
                )
            }
            if text.hasPrefix("<") { return ("is a page of HTML or XML", "Fetch the picture itself") }
            return ("is a text file", "Check that this is the right file")
        }
        let bytes = start.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(
            separator: " ")
        return (
            "starts with the bytes \(bytes), as no picture that is read does",
            "Convert it to PNG or JPEG, or remove it"
        )
    }
}
