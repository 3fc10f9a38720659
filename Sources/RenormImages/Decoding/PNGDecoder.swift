import CZlib
import RenormCodecs

/// PNG files, through libpng.
///
/// Of 16 bits the upper 8 are taken; gamma and colour profiles are left aside. A file is taken if it is whole: to its last
/// chunk, IEND, with every checksum right.
enum PNGDecoder {
    /// Reads the chunks; that of EXIF's data may be the last one.
    ///
    /// Source: PNG (third edition), 5 and 11.
    static func header(_ file: FileBytes, _ maxPixels: Int) throws -> PictureHeader {
        let start = try file.bytes(at: 8, count: 18)
        guard start[4...].starts(with: Array("IHDR".utf8)) else {
            throw file.damage("it does not begin with its header, IHDR")
        }
        let (width, height) = (start.bigEndian32(at: 8), start.bigEndian32(at: 12))
        let (depth, type) = (Int(start[16]), start[17])
        guard let (samples, depths) = forms[type], depths.contains(depth) else {
            throw file.damage("its pixels have the unknown type \(type) with \(depth) bits")
        }
        try file.check(height: height, width: width, maxPixels: maxPixels) {
            $0 * (($1 * samples * depth + 7) / 8) / FileContent.largestRatio
        }
        return PictureHeader(
            .png, storedHeight: height, storedWidth: width, isColour: type & 2 != 0,
            orientation: try orientation(file))
    }

    /// Samples a pixel and bits a sample, by type.
    private static let forms: [UInt8: (samples: Int, depths: [Int])] = [
        0: (1, [1, 2, 4, 8, 16]), 2: (3, [8, 16]), 3: (1, [1, 2, 4, 8]), 4: (2, [8, 16]), 6: (4, [8, 16]),
    ]

    private static func orientation(_ file: FileBytes) throws -> Int {
        var place = 33
        var (exif, profile, xmp): ([UInt8]?, [UInt8]?, Int?)
        while place + 12 <= file.length {
            let start = try file.bytes(at: place, count: 8)
            let (length, name) = (start.bigEndian32(at: 0), String(decoding: start[4...], as: UTF8.self))
            guard name != "IEND", length <= file.length - place - 12 else { break }
            func content(after beginning: [UInt8]) throws -> [UInt8]? {
                guard length > beginning.count, length <= largestText,
                    try file.bytes(at: place + 8, count: beginning.count) == beginning
                else { return nil }
                return try file.bytes(at: place + 8 + beginning.count, count: length - beginning.count)
            }
            switch name {
            case "eXIf": exif = try content(after: [])
            case "zTXt": profile = try content(after: profileStart).flatMap(unpacked)
            case "iTXt": xmp = try content(after: xmpStart).flatMap { Orientation.number(xmp: $0) }
            default: break
            }
            place += 12 + length
        }
        return (exif ?? profile).flatMap { Orientation.number(exif: $0) } ?? xmp ?? 1
    }

    /// The most bytes of a chunk that are looked through.
    private static let largestText = 1 << 24

    /// The keyword of XMP's text and the sign that it is not compressed.
    private static let xmpStart = Array("XML:com.adobe.xmp\0\0".utf8)

    /// The keyword and the number of the compression with which older ImageMagicks save EXIF's data.
    private static let profileStart = Array("Raw profile type exif\0\0".utf8)

    /// EXIF's data from their compressed text: three lines that name them, then lines of hexadecimal digits.
    private static func unpacked(_ text: [UInt8]) -> [UInt8]? {
        // The orientation stands among the first of them.
        var unpacked = [UInt8](repeating: 0, count: 1 << 16)
        var size = UInt(unpacked.count)
        // Z_BUF_ERROR is that of a longer text, which is cut.
        let code = uncompress(&unpacked, &size, text, UInt(text.count))
        guard code == Z_OK || code == Z_BUF_ERROR else { return nil }
        let lines = unpacked[..<Int(size)].split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let digits = lines.dropFirst(3).joined().compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// Reads all pixels as they lie in the file into memory of their form.
    static func read(
        _ bytes: UnsafeRawBufferPointer, _ header: PictureHeader, path: String,
        into memory: (renorm_form) -> UnsafeMutablePointer<UInt8>
    ) throws -> renorm_form {
        var reason = renorm_reason()
        func damage(_ text: String) -> ImagesError { .undecodable(path: path, format: .png, reason: text) }
        let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
        guard let png = renorm_png_open(start, bytes.count, &reason) else { throw damage(reason.description) }
        defer { renorm_png_close(png) }
        let found = renorm_png_get_header(png)
        guard (Int(found.height), Int(found.width)) == header.stored else {
            throw damage("it is not of the size that its header announced")
        }
        guard renorm_png_read(png, memory(found.form), &reason) != 0 else { throw damage(reason.description) }
        return found.form
    }
}
