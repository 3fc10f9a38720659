import CZlib
import Foundation
import RenormFormats
import RenormImages
import Testing

/// What is read from PNG files of every kind, and what is refused.
@Suite struct PNGFileTests {
    @Test func grayIsLuma() throws {
        let file = png(3, 1, rows: [[255, 0, 0, 0, 255, 0, 0, 0, 255]], type: 2)
        #expect(
            try PictureDecoder.decode(file, DecodingOptions(channels: 1), path: "").values(of: UInt8.self)
                == [76, 150, 29])
    }

    // MARK: Damage

    /// A chunk with its length and checksum.
    private func chunk(_ name: String, _ data: [UInt8], length: Int? = nil) -> [UInt8] {
        func word(_ value: UInt) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
        let content = Array(name.utf8) + data
        return word(UInt(length ?? data.count)) + content + word(crc32(0, content, UInt32(content.count)))
    }

    private func compressed(_ bytes: [UInt8]) -> [UInt8] {
        var size = compressBound(UInt(bytes.count))
        var result = [UInt8](repeating: 0, count: Int(size))
        #expect(compress(&result, &size, bytes, UInt(bytes.count)) == Z_OK)
        return Array(result.prefix(Int(size)))
    }

    private let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// A file of 8 bits a sample.
    private func png(
        _ width: Int, _ height: Int, rows: [[UInt8]], type: UInt8 = 0, before: [UInt8] = [],
        after: [UInt8] = []
    ) -> [UInt8] {
        let header = [width, height].flatMap { size in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) }
        }
        return signature + chunk("IHDR", header + [8, type, 0, 0, 0]) + before
            + chunk("IDAT", compressed(rows.flatMap { [0] + $0 })) + after + chunk("IEND", [])
    }

    /// Why a file is refused.
    private func reason(_ bytes: [UInt8]) throws -> String {
        let error = try #require(throws: ImagesError.self) {
            try PictureDecoder.decode(bytes, DecodingOptions(channels: 3), path: "x.png")
        }
        guard case .undecodable("x.png", .png, let reason) = error else { return "\(error)" }
        #expect(
            "\(error)"
                == "x.png is a PNG file that cannot be decoded: \(reason). Expected a complete, intact PNG image. "
                + "Fetch or save the file again.")
        return reason
    }

    @Test func aCutIsRefusedAtEveryLength() throws {
        let large = try [UInt8](Data(contentsOf: fixtures.appendingPathComponent("images/large.png")))
        let ended = png(2, 1, rows: [[1, 2]], after: chunk("tEXt", Array("a\0b".utf8)))
        for file in [large, ended] {
            for length in 8..<file.count {
                let part = length < 26 ? "header" : "last chunk, IEND,"
                let ending = "it ends after \(length) bytes, before its \(part) does"
                let found = try reason(Array(file.prefix(length)))
                // Where a chunk is longer than what is left of the file, that is seen first.
                // Where it is shorter than its pixels can be, or a chunk is, that is seen first.
                #expect(found == ending || found.hasSuffix("chunk data is too large"), "\(found)")
            }
        }
        #expect(
            try reason(Array(ended.dropLast(12)))
                == "it ends after \(ended.count - 12) bytes, before its last chunk, IEND, does")
    }

    @Test func everyChangedBitIsFound() throws {
        let text = chunk("tEXt", Array("a\0b".utf8))
        for file in [
            png(2, 1, rows: [[1, 2]], before: chunk("gAMA", [0, 1, 0, 0]) + text, after: text),
            png(
                2, 1, rows: [[1, 0]], type: 3, before: chunk("PLTE", [1, 2, 3, 4, 5, 6]) + chunk("tRNS", [9])),
        ] {
            #expect(
                try PictureDecoder.decode(file, DecodingOptions(channels: 3), path: "").shape == [1, 2, 3])
            for (place, bit) in (0..<file.count).flatMap({ place in (0..<8).map { (place, $0) } }) {
                var changed = file
                changed[place] ^= 1 << bit
                #expect(throws: ImagesError.self, "byte \(place), bit \(bit)") {
                    try PictureDecoder.decode(changed, DecodingOptions(channels: 3), path: "")
                }
            }
        }
    }

    @Test func chunksAreNoLongerThanTheirFile() throws {
        let text = chunk("tEXt", Array("a\0b".utf8), length: 0x7FFF_FFFF)
        #expect(try reason(png(2, 1, rows: [[1, 2]], before: text)) == "tEXt: chunk data is too large")
        // Long texts and compressed ones are passed over, unpacked by nobody.
        let bomb = compressed([UInt8](repeating: 65, count: 1 << 24))
        let long = chunk("tEXt", [UInt8](repeating: 65, count: 10_000_000))
        let file = png(2, 1, rows: [[1, 2]], before: chunk("zTXt", Array("a\0\0".utf8) + bomb) + long)
        #expect(
            try PictureDecoder.decode(file, DecodingOptions(channels: 1), path: "").values(of: UInt8.self)
                == [1, 2])
    }

    @Test func wrongPixelsAreRefused() throws {
        let palette = chunk("PLTE", [1, 2, 3, 4, 5, 6])
        #expect(
            try reason(png(3, 1, rows: [[0, 1, 2]], type: 3, before: palette))
                == "a pixel has the colour 2 of a palette of 2")
        #expect(try reason(png(1, 1, rows: [[0]], type: 3)) == "IDAT: Missing PLTE before IDAT")
        #expect(try reason(png(2, 2, rows: [[1, 2], [1]])) == "Not enough image data")
        #expect(try reason(png(2, 1, rows: [[1, 2, 3]])) == "IDAT: Too much image data")
        #expect(
            try reason(png(1, 1, rows: [[1]], before: chunk("ABCD", []))) == "ABCD: unhandled critical chunk")
        #expect(try reason(png(0, 1, rows: [[]])) == "it announces 0 × 1 pixels")
        var changed = compressed([0, 1, 2])
        changed[changed.count - 1] ^= 1
        let file = png(2, 1, rows: [[1, 2]])
        let header = Array(file.prefix(33))
        #expect(
            try reason(header + chunk("IDAT", changed) + chunk("IEND", [])) == "IDAT: incorrect data check")
    }

    @Test func largeImagesAreRefusedBeforeMemoryIsAskedFor() throws {
        let bound = "Expected at most 65535 in a row or column and 178956970 in all. Make the image smaller."
        for (width, height) in [(65_536, 1), (1, 65_536), (16_385, 10_923), (Int(Int32.max), Int(Int32.max))]
        {
            let error = try #require(throws: ImagesError.self) {
                try PictureDecoder.decode(
                    png(width, height, rows: [[1]]), DecodingOptions(channels: 1), path: "x.png")
            }
            #expect("\(error)" == "x.png announces \(width) × \(height) pixels. \(bound)")
        }
        let small = png(16_384, 8_192, rows: [[1]])
        #expect(
            try reason(small)
                == "\(small.count) bytes are too few for the 16384 × 8192 pixels that it announces")
        // All zeros of a row of the greatest length: deflate's largest ratio is enough.
        let row = [UInt8](repeating: 0, count: 65_535)
        #expect(
            try PictureDecoder.decode(
                png(65_535, 2, rows: [row, row]), DecodingOptions(channels: 1), path: ""
            ).shape == [
                2, 65_535, 1,
            ])
    }

    @Test func compressedPNGsAreImagesToo() throws {
        let folder = try TemporaryFolder()
        let file = png(2, 1, rows: [[1, 2]])
        let url = try folder.file("x.png.gz", gzip(file))
        #expect(try ImageFile(url, framing: squashed(1, 2, 1)).images.values(of: UInt8.self) == [1, 2])
        let cut = try folder.file("cut.png.gz", gzip(file).dropLast())
        #expect(throws: ImagesError.cutCompression(path: cut.path, found: file.count)) {
            try ImageFile(cut, framing: squashed(1, 2, 1))
        }
    }
}
