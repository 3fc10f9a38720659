import Foundation
import RenormArrays
import RenormImages
import Testing

/// What messages say is true wherever they appear.
@Suite struct ImagesErrorTests {
    /// Content of a file read as images, and what is said about it.
    static let images: [(String, [UInt8], String)] = [
        (
            "one", [0],
            "DIR/one ends after 1 byte. Expected at least 4 (uncompressed, with the header). Fetch the file again."
        ),
        (
            "three", [0, 0, 8],
            "DIR/three ends after 3 bytes. Expected at least 4 (uncompressed, with the header). Fetch the file again."
        ),
        (
            "two", [0, 1],
            "The content of DIR/two starts with the bytes 00 01. Expected an IDX file of bytes, plain or compressed "
                + "by gzip, which starts with 00 00 08 and the number of axes, 01 to 08. Check that this is the right file."
        ),
        (
            "nine axes", [0, 0, 8, 9, 0],
            "The content of DIR/nine axes starts with the bytes 00 00 08 09. Expected an IDX file of bytes, plain or "
                + "compressed by gzip, which starts with 00 00 08 and the number of axes, 01 to 08. "
                + "Check that this is the right file."
        ),
        (
            "overflow", idx([0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], []),
            "DIR/overflow announces 4294967295 × 4294967295 × 4294967295 values. Expected at most "
                + "2^40. Check that this is the right file, or fetch it again."
        ),
        (
            "overflow of nothing", idx([0, 0xFFFF_FFFF, 0xFFFF_FFFF, 0xFFFF_FFFF], []),
            "DIR/overflow of nothing announces 0 × 4294967295 × 4294967295 × 4294967295 values. Expected at most "
                + "2^40. Check that this is the right file, or fetch it again."
        ),
        (
            "no channels", idx([2, 2, 2, 0], []),
            "DIR/no channels holds images without pixels: its shape is [2, 2, 2, 0]. Expected a height, a width and a "
                + "number of channels of at least 1. Check that this is the right file."
        ),
        (
            "no rows", idx([2, 0, 2], []),
            "DIR/no rows holds images without pixels: its shape is [2, 0, 2]. Expected a height, a width and a "
                + "number of channels of at least 1. Check that this is the right file."
        ),
        (
            "vectors", idx([1, 2], [1, 2]),
            "DIR/vectors holds no images: its shape is [1, 2]. Expected images [count, height, width] or "
                + "[count, height, width, channels]. Write the file with this shape."
        ),
        (
            "volumes", idx([1, 1, 1, 1, 1], [1]),
            "DIR/volumes holds no images: its shape is [1, 1, 1, 1, 1]. Expected images [count, height, width] or "
                + "[count, height, width, channels]. Write the file with this shape."
        ),
    ]

    @Test(arguments: images)
    func imagesAreDescribed(name: String, content: [UInt8], message: String) throws {
        let folder = try TemporaryFolder()
        for content in try [content, gzip(content)] {
            let url = try folder.file(name, content)
            let error = try #require(throws: ImagesError.self) { try IDXFile.readImages(url) }
            #expect(error.message(in: folder) == message)
        }
    }

    @Test func labelsAreDescribed() throws {
        let folder = try TemporaryFolder()
        let url = try folder.file("labels", idx([2, 1], [0, 1]))
        let error = try #require(throws: ImagesError.self) { try IDXFile.readLabels(url) }
        #expect(
            error.message(in: folder)
                == "DIR/labels holds no labels: its shape is [2, 1]. Expected labels [count]. Write the file with "
                + "this shape.")
    }

    @Test func filesForPredictionAreDescribed() throws {
        let folder = try TemporaryFolder()
        func message(_ content: [UInt8], channels: Int = 1) throws -> String {
            let url = try folder.file("x", content)
            return try #require(throws: ImagesError.self) {
                try ImageFile(url, framing: squashed(2, 2, channels))
            }.message(in: folder)
        }
        let expected = "Expected a JPEG, PNG, WebP, GIF or BMP picture."
        let empty = "DIR/x is empty. \(expected) Fetch the file again, or remove it."
        #expect(try message([]) == empty)
        #expect(try message(gzip([])) == empty)
        let text = "DIR/x is a text file. \(expected) Check that this is the right file."
        #expect(try message(Array("hi".utf8)) == text)
        #expect(try message(gzip(Array("hi".utf8))) == text)
        #expect(
            try message(idx([0, 2, 2], []))
                == "DIR/x holds no examples. Expected at least one. Check that this is the right file.")
        #expect(
            try message(idx([3, 0, 2], [])).hasPrefix(
                "DIR/x holds images without pixels: its shape is [3, 0, 2]."))
        #expect(
            try message(idx([1, 1, 1], [1]), channels: 2)
                == "DIR/x holds images with 1 channel. Expected 2, as the model was trained on. Convert the images, or "
                + "use a model for 1 channel.")
    }

    @Test func imagesOfADatasetHavePixels() {
        for shape in [[1, 0, 2, 1], [1, 2, 0, 1], [1, 2, 2, 0]] as [TensorShape] {
            #expect(throws: ImagesError.noPixels(path: "none", shape: shape.dimensions)) {
                try Dataset(
                    name: "none", images: NDArray([UInt8](), shape: shape), labels: [0], classNames: ["a"])
            }
        }
    }

    @Test func nothingCanBeHeldOutOfNothing() throws {
        let none = try numbered([])
        let error = try #require(throws: ImagesError.self) { try none.split(validation: 1, seed: 0) }
        #expect(
            "\(error)"
                == "There are no training images to hold any out of for validation. Expected at least one. Check the data."
        )
    }
}
