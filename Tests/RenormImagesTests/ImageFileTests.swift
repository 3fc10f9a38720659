import Foundation
import RenormArrays
import RenormImages
import Testing

/// The files are made by scripts/fixtures/images.py.
@Suite struct ImageFileTests {
    private static let folder = fixtures.appendingPathComponent("images")

    private func bytes(_ name: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: Self.folder.appendingPathComponent(name)))
    }

    private func pattern(_ height: Int, _ width: Int, _ channels: Int) -> [UInt8] {
        var values: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<channels {
                    values.append(UInt8(truncatingIfNeeded: 37 * y + 11 * x + 71 * channel))
                }
            }
        }
        return values
    }

    @Test(arguments: ["gray8.png", "gray16.png"])
    func decodesGray(name: String) throws {
        let gray = try PictureDecoder.decode(bytes(name), DecodingOptions(channels: 1), path: name)
        #expect(gray.shape == [7, 5, 1])
        #expect(gray.values(of: UInt8.self) == pattern(7, 5, 1))
        let colour = try PictureDecoder.decode(bytes(name), DecodingOptions(channels: 3), path: name)
        #expect(colour.shape == [7, 5, 3])
        #expect(colour.values(of: UInt8.self) == pattern(7, 5, 1).flatMap { [$0, $0, $0] })
    }

    @Test(arguments: ["rgb8.png", "palette.png"])
    func decodesColour(name: String) throws {
        let colour = try PictureDecoder.decode(bytes(name), DecodingOptions(channels: 3), path: name)
        #expect(colour.values(of: UInt8.self) == pattern(7, 5, 3))
    }

    @Test(arguments: [("down", 28, 28), ("up", 64, 45), ("mixed", 13, 50)])
    func resizesAsPillowDoes(name: String, height: Int, width: Int) throws {
        let file = try ImageFile(
            Self.folder.appendingPathComponent("large.png"), framing: squashed(height, width, 3))
        #expect((file.originalHeight, file.originalWidth) == (40, 31))
        #expect(file.images.shape == TensorShape([1, height, width, 3]))
        let expected = try PictureDecoder.decode(
            bytes("large-\(name).png"), DecodingOptions(channels: 3), path: name)
        #expect(file.images.values(of: UInt8.self) == expected.values(of: UInt8.self))
    }

    @Test func imagesOfTheRightSizeStayAsTheyAre() throws {
        let file = try ImageFile(
            Self.folder.appendingPathComponent("gray8.png"), framing: squashed(7, 5, 1))
        #expect(file.images.values(of: UInt8.self) == pattern(7, 5, 1))
    }

    @Test func readsIDXFilesToo() throws {
        let folder = try TemporaryFolder()
        let url = try folder.file("digits.gz", gzip(idx([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])))
        // The first bytes are told after unpacking, so a compressed IDX file is one too.
        let file = try ImageFile(url, framing: squashed(2, 2, 3))
        #expect(file.images.shape == [2, 2, 2, 3])
        #expect(file.images.values(of: UInt8.self).prefix(6) == [1, 1, 1, 2, 2, 2])
        let colour = try folder.file("colour", idx([1, 1, 1, 3], [1, 2, 3]))
        #expect(throws: ImagesError.channels(path: colour.path, found: 3, expected: 1)) {
            try ImageFile(colour, framing: squashed(1, 1, 1))
        }
        let text = try folder.file("text", Array("hello".utf8))
        #expect(
            throws: ImagesError.notAPicture(
                path: text.path, found: "is a text file", remedy: "Check that this is the right file")
        ) {
            try ImageFile(text, framing: squashed(1, 1, 1))
        }
        let labels = try folder.file("labels", idx([3], [1, 2, 3]))
        #expect(throws: ImagesError.labelsInsteadOfImages(path: labels.path, shape: [3])) {
            try ImageFile(labels, framing: squashed(1, 1, 1))
        }
    }
}
