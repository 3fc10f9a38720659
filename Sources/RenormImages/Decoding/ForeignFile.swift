/// What a file is that is no picture that is read, by its first bytes, and what to do with it.
struct ForeignFile {
    /// Goes on after the file's name: `is a TIFF file`.
    let what: String
    /// A sentence without its full stop.
    let remedy: String

    /// Tells it by at least `PictureFormat.markLength` bytes, or all that there are.
    init(_ start: [UInt8]) {
        if let known = ForeignFile.known.first(where: { $0.marks(start) }) {
            (what, remedy) = (known.what, known.remedy)
        } else if start.isEmpty {
            (what, remedy) = ("is empty", "Fetch the file again, or remove it")
        } else if start.allSatisfy({ (32..<127).contains($0) || (9...13).contains($0) || $0 >= 0x80 }) {
            (what, remedy) =
                start.first == UInt8(ascii: "<")
                ? ("is a page of HTML or XML", "Fetch the picture itself")
                : ("is a text file", "Check that this is the right file")
        } else {
            let bytes = start.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
            what = "starts with the bytes \(bytes.joined(separator: " ")), as no picture that is read does"
            remedy = "Convert it to PNG or JPEG, or remove it"
        }
    }

    /// A kind of files.
    private struct Kind {
        let what: String
        let remedy: String
        /// What the file has after its first `place` bytes, one of these.
        let place: Int
        let texts: [[UInt8]]

        init(_ texts: [String], at place: Int = 0, _ what: String, _ remedy: String) {
            (self.what, self.remedy, self.place) = (what, remedy, place)
            // Latin letters, so that each is a byte.
            self.texts = texts.map { $0.unicodeScalars.map { UInt8($0.value) } }
        }

        /// A picture that ImageMagick reads.
        init(_ texts: [String], at place: Int = 0, picture: String, suffix: String) {
            what = "is \(picture)"
            remedy =
                "Convert it to PNG or JPEG, with ImageMagick for example: convert picture.\(suffix) picture.png"
            self.place = place
            self.texts = texts.map { $0.unicodeScalars.map { UInt8($0.value) } }
        }

        func marks(_ start: [UInt8]) -> Bool { texts.contains { start.dropFirst(place).starts(with: $0) } }
    }

    private static let heic =
        "Convert it to JPEG, on Debian with heif-convert of libheif-examples, on macOS with: sips -s format jpeg "
        + "picture.heic --out picture.jpg"
    private static let drawing = "Render it, for example with: rsvg-convert drawing.svg -o picture.png"

    /// The first that fits counts.
    private static let known = [
        Kind(["II*\0", "MM\0*", "II+\0", "MM\0+"], picture: "a TIFF file", suffix: "tif"),
        Kind(["ftypavif", "ftypavis"], at: 4, picture: "an AVIF file", suffix: "avif"),
        Kind(["ftyphei", "ftyphev", "ftypmif1", "ftypmsf1"], at: 4, "is a HEIC file", heic),
        Kind(
            ["ftyp"], at: 4, "is a film or another file of MPEG-4's kind",
            "Take single pictures out of it, or remove it"),
        Kind(["jP  "], at: 4, picture: "a JPEG 2000 file", suffix: "jp2"),
        Kind(["\u{FF}\u{4F}\u{FF}\u{51}"], picture: "a JPEG 2000 file", suffix: "j2k"),
        Kind(["JXL "], at: 4, picture: "a JPEG XL file", suffix: "jxl"),
        Kind(["\u{FF}\u{A}"], picture: "a JPEG XL file", suffix: "jxl"),
        Kind(["8BPS"], picture: "a Photoshop file", suffix: "psd"),
        Kind(["\0\0\u{1}\0"], picture: "an icon", suffix: "ico"),
        Kind(["P1\n", "P2\n", "P3\n", "P4\n", "P5\n", "P6\n", "P7\n"], picture: "a PNM file", suffix: "pnm"),
        Kind(["%PDF"], "is a PDF file", "Render its pages, for example with: pdftoppm -png file.pdf page"),
        Kind(["PK\u{3}\u{4}"], "is a ZIP archive", "Unpack it"),
        Kind(["\u{1F}\u{8B}"], "is compressed by gzip", "Unpack it"),
        Kind(["RIFF"], "is a film or a sound in a RIFF file", "Remove it"),
        Kind(["<svg"], "is an SVG drawing", drawing),
        Kind(["<?xml"], "is XML text, perhaps an SVG drawing", drawing),
    ]
}

extension ImagesError {
    /// An error that says what a file is instead of a picture.
    static func notAPicture(path: String, _ file: ForeignFile) -> ImagesError {
        .notAPicture(path: path, found: file.what, remedy: file.remedy)
    }
}
