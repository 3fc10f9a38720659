import CZlib
import RenormArrays
import RenormImages
import RenormTestSupport
import Testing

/// What is no picture, or no longer a whole one.
@Suite struct DamagedPictureTests {
    private func picture(_ name: String) -> [UInt8] {
        PillowPicture.all.first { $0.name == name }!.bytes
    }

    private func error(_ bytes: [UInt8], maxPixels: Int = DecodingOptions.defaultMaxPixels) throws -> String {
        let options = DecodingOptions(channels: 3, maxPixels: maxPixels)
        let error = try #require(throws: ImagesError.self) {
            try PictureDecoder.decode(bytes, options, path: "x")
        }
        return "\(error)"
    }

    @Test(arguments: [
        ("II*\0\u{8}\0\0\0\0\0", "is a TIFF file"), ("MM\0*\0\0\0\u{8}", "is a TIFF file"),
        ("\0\0\0\u{18}ftypheic\0\0\0\0mif1", "is a HEIC file"), ("\0\0\0\u{1C}ftypmif1", "is a HEIC file"),
        ("\0\0\0\u{20}ftypavif\0\0\0\0", "is an AVIF file"), ("\0\0\0\u{20}ftypisom", "is a film"),
        ("\0\0\0\u{C}jP  \r\n", "is a JPEG 2000 file"), ("8BPS\0\u{1}", "is a Photoshop file"),
        ("<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "is an SVG drawing"),
        ("<?xml version=\"1.0\"?><svg/>", "perhaps an SVG drawing"),
        ("<!DOCTYPE html>", "is a page of HTML or XML"),
        ("%PDF-1.7", "is a PDF file"), ("P6\n3 2\n255\n", "is a PNM file"),
        ("PK\u{3}\u{4}", "is a ZIP archive"),
        ("a note, no picture", "is a text file"), ("BM, a note", "is a text file"), ("", "is empty"),
        ("\u{1}\u{2}\u{3}", "starts with the bytes 01 02 03"),
        ("RIFF\0\0\0\0WAVEfmt ", "is a film or a sound"),
    ])
    func whatIsNoPictureIsNamed(start: String, name: String) throws {
        let message = try error(Array(start.utf8))
        #expect(message.hasPrefix("x ") && message.contains(name), "\(message)")
        #expect(message.contains(". Expected a JPEG, PNG, WebP, GIF or BMP picture. "))
    }

    @Test(arguments: [
        "33x47-420.jpg", "33x47-420-progressive.jpg", "cjpeg-2x2-arithmetic.jpg", "33x47-RGBA.webp",
        "33x47-RGB-lossless.webp", "animation-RGBA.webp", "transparent.gif", "interlaced-gifsicle.gif",
        "17x26-RGB.bmp", "runs-8.bmp", "palette-4-12.bmp", "pillow-RGBA.png",
    ])
    func aCutIsRefusedAtEveryLength(name: String) throws {
        let bytes = picture(name)
        // What ends a picture, or fills it up, need not be there; animations go on after their first frame.
        let needed =
            name.hasSuffix("jpg") || name.hasSuffix("gif") || name.hasSuffix("bmp")
            ? bytes.count - 4 : bytes.count
        for length in 0..<(name.contains("animation") ? bytes.count / 4 : needed) {
            #expect(throws: ImagesError.self, "\(length) bytes") {
                try PictureDecoder.decode(
                    Array(bytes.prefix(length)), DecodingOptions(channels: 3), path: "x")
            }
        }
    }

    @Test func anEarlyEndOfAJPEGIsSaid() throws {
        let bytes = Array(picture("33x47-420.jpg").prefix(700))
        #expect(
            try error(bytes)
                == "x is a JPEG file that cannot be decoded: it ends after 700 bytes, before its picture does. Expected a complete, "
                + "intact JPEG image. Fetch or save the file again.")
    }

    /// Two bytes, the larger first.
    private func word(_ number: Int) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 255)] }

    @Test func bombsAreRefusedBeforeMemoryIsAskedFor() throws {
        let bound = "Expected at most 65535 in a row or column and 178956970 in all. Make the image smaller."
        func bytes(_ name: String, _ place: Int, _ new: [UInt8]) -> [UInt8] {
            var bytes = picture(name)
            bytes.replaceSubrange(place..<place + new.count, with: new)
            return bytes
        }
        for name in ["33x47-420.jpg", "33x47-420-progressive.jpg", "cjpeg-2x2-arithmetic.jpg"] {
            let frame = picture(name).indices.first {
                picture(name)[$0] == 0xFF && [0xC0, 0xC2, 0xC9].contains(picture(name)[$0 + 1])
            }!
            #expect(
                try error(bytes(name, frame + 5, word(65_000) + word(60_000)))
                    == "x announces 60000 × 65000 pixels. \(bound)")
            if !name.contains("arithmetic") {
                #expect(
                    try error(bytes(name, frame + 5, word(13_000) + word(13_000))).contains(
                        "bytes are too few for the 13000 × 13000 pixels"))
            }
        }
        #expect(
            try error(bytes("transparent.gif", 6, [0xFF, 0xFF, 0xFF, 0xFF]))
                == "x announces 65535 × 65535 pixels. \(bound)")
        #expect(
            try error(bytes("17x26-RGB.bmp", 18, [0, 0x40, 0, 0, 0, 0x40, 0, 0]))
                == "x announces 16384 × 16384 pixels. \(bound)")
        #expect(
            try error(bytes("17x26-RGB.bmp", 18, [0, 0x20, 0, 0, 0, 0x20, 0, 0])).contains(
                "bytes are too few for the 8192 × 8192 pixels"))
        #expect(
            try error(bytes("17x26-RGB.bmp", 18, [0, 0, 1, 0])) == "x announces 65536 × 17 pixels. \(bound)")
        #expect(
            try error(bytes("animation-RGB.webp", 24, [0xFF, 0xFF, 0, 0xFF, 0xFF, 0])).hasPrefix(
                "x announces 65536 × 65536 pixels."))
        #expect(
            try error(picture("33x47-420.jpg"), maxPixels: 1550).hasPrefix(
                "x announces 47 × 33 pixels. Expected at most 65535 in a row or column and 1550 in all."))
        #expect(
            try PictureDecoder.decode(
                picture("33x47-420.jpg"), DecodingOptions(channels: 3, maxPixels: 1551), path: ""
            ).shape == [33, 47, 3])
    }

    @Test func scansWithoutEndAreRefused() throws {
        let bytes = picture("33x47-420-progressive.jpg")
        // The first scan, from its header to the next marker that is no restart.
        let start = bytes.indices.first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA }!
        let end = bytes.indices.first {
            $0 > start + 2 && bytes[$0] == 0xFF && bytes[$0 + 1] != 0
                && !(0xD0...0xD7).contains(bytes[$0 + 1])
        }!
        let scans = Array(repeating: bytes[start..<end], count: 501).joined()
        #expect(
            try error(Array(bytes[..<start]) + scans + Array(bytes[end...])).contains(
                "it has more scans than any real picture"))
        let some = Array(repeating: bytes[start..<end], count: 100).joined()
        #expect(throws: Never.self) {
            try PictureDecoder.decode(
                Array(bytes[..<start]) + some + Array(bytes[end...]), DecodingOptions(channels: 3), path: "")
        }
    }

    @Test func otherKindsOfJPEGAreNamed() throws {
        var bytes = picture("33x47-420.jpg")
        let frame = bytes.indices.first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 }!
        bytes[frame + 4] = 12
        #expect(try error(bytes).contains("its samples have 12 bits, which is not supported"))
        bytes[frame + 1] = 0xC3
        #expect(try error(bytes).contains("it is lossless or hierarchical, which is not supported"))
    }

    @Test func aFileThatChangedIsRefused() throws {
        for name in ["33x47-420.jpg", "pillow-RGB.png", "33x47-RGB.webp", "transparent.gif", "17x26-RGB.bmp"]
        {
            let bytes = picture(name)
            try bytes.withUnsafeBytes { bytes in
                var header = try #require(
                    try PictureHeader(prefix: bytes, length: bytes.count, path: "x"))
                header.height += 1
                var pixels = [UInt8](repeating: 0, count: header.height * header.width * 3)
                let error = try #require(throws: ImagesError.self) {
                    try pixels.withUnsafeMutableBufferPointer {
                        try PictureDecoder.read(
                            bytes, header, DecodingOptions(channels: 3), reduction: 1, path: "x", into: $0,
                            in: ImageWorkspace())
                    }
                }
                #expect("\(error)".contains("it is not of the size that its header announce"), "\(error)")
            }
        }
    }

    // MARK: Any damage

    /// Replaces, removes, doubles or inserts a few bytes.
    private func damaged(_ bytes: [UInt8], _ random: inout Random) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.integer(below: 4) where !bytes.isEmpty {
            // Mostly near the beginning, where more depends on them.
            let reach = random.integer(below: 2) == 0 ? bytes.count : min(bytes.count, 64)
            let place = random.integer(below: reach)
            let length = min(1 + random.integer(below: 12), bytes.count - place)
            switch random.integer(below: 7) {
            case 0: bytes[place] ^= 1 << UInt8(random.integer(below: 8))
            case 1: bytes[place] = [0, 0xFF, 0x7F, 0x80][random.integer(below: 4)]
            case 2: bytes[place] = UInt8(random.integer(below: 256))
            case 3: bytes.removeLast(bytes.count - place)
            case 4: bytes.removeSubrange(place..<place + length)
            case 5: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
            default:
                for index in place..<place + length { bytes[index] = UInt8(random.integer(below: 256)) }
            }
        }
        return bytes
    }

    /// The same with the checksums of what PNG's chunks hold now.
    private func withRightChecksums(png bytes: [UInt8]) -> [UInt8] {
        var result = bytes
        var start = 8
        while start + 12 <= result.count {
            let length = result[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
            guard start + 12 + length <= result.count else { break }
            let end = start + 8 + length
            let content = Array(result[start + 4..<end])
            let checksum = crc32(0, content, UInt32(content.count))
            for byte in 0..<4 {
                result[end + byte] = UInt8(truncatingIfNeeded: checksum >> UInt(24 - 8 * byte))
            }
            start = end + 4
        }
        return result
    }

    @Test(arguments: PictureFormat.allCases)
    func anyDamageIsRefusedOrDecoded(format: PictureFormat) throws {
        let pictures = try PillowPicture.all.filter { try PictureHeader($0).format == format }
        var random = Random(seed: 18, stream: "damage to \(format)")
        let workspace = ImageWorkspace()
        let options = DecodingOptions(channels: 3, maxPixels: 1 << 20)
        var (refused, decoded) = (0, 0)
        for _ in 0..<(testsAreThorough ? 20_000 : 2_000) {
            var bytes = damaged(pictures[random.integer(below: pictures.count)].bytes, &random)
            if format == .png, random.integer(below: 3) > 0 { bytes = withRightChecksums(png: bytes) }
            let reduction = [1, 1, 2, 8][random.integer(below: 4)]
            let crop = Placement.Crop(
                top: Double(random.integer(below: 20)), left: Double(random.integer(below: 20)), height: 9,
                width: 7)
            do {
                try bytes.withUnsafeBytes { bytes in
                    let header = try #require(
                        try PictureHeader(
                            prefix: bytes, length: bytes.count, path: "x", maxPixels: options.maxPixels))
                    for placement in [
                        Placement(crop, height: 4, width: 4),
                        Placement(
                            whole: ImageSize(
                                height: (header.height + reduction - 1) / reduction,
                                width: (header.width + reduction - 1) / reduction, channels: 3), height: 5,
                            width: 5),
                    ] {
                        try PictureDecoder.withPixels(
                            of: bytes, header, options, reduction: reduction, for: placement, path: "x",
                            in: workspace
                        ) { _ in }
                    }
                }
                decoded += 1
            } catch let error as ImagesError {
                #expect("\(error)".hasPrefix("x "))
                refused += 1
            }
        }
        #expect(refused > 100 && decoded > 10)
    }
}
