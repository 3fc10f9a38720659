import Foundation
import RenormImages
import Testing

@Suite struct IDXFileTests {
    @Test func readsImagesPlainAndCompressedWhateverTheName() throws {
        let folder = try TemporaryFolder()
        let pixels = (0..<30).map { UInt8($0 * 8) }
        let bytes = idx([5, 2, 3], pixels)
        for (name, content) in try [
            ("plain", bytes), ("plain.gz", bytes), ("compressed.gz", gzip(bytes)),
            ("compressed", gzip(bytes)),
        ] {
            let images = try IDXFile.readImages(folder.file(name, content))
            #expect(images.shape == [5, 2, 3, 1])
            #expect(images.values(of: UInt8.self) == pixels)
        }
    }

    @Test func readsThroughALink() throws {
        let folder = try TemporaryFolder()
        let pixels = [UInt8](repeating: 7, count: 600_000)
        let file = try folder.file("compressed", gzip(idx([6, 250, 400], pixels)))
        let link = file.deletingLastPathComponent().appendingPathComponent("l")
        try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: file.path)
        #expect(try IDXFile.readImages(link).values(of: UInt8.self) == pixels)
    }

    @Test func readsChannelsAndLabels() throws {
        let folder = try TemporaryFolder()
        let images = try IDXFile.readImages(folder.file("c", idx([2, 1, 2, 3], Array(0..<12))))
        #expect(images.shape == [2, 1, 2, 3])
        #expect(try IDXFile.readLabels(folder.file("l", idx([4], [3, 0, 255, 1]))) == [3, 0, 255, 1])
        #expect(try IDXFile.readLabels(folder.file("none", idx([0], []))) == [])
    }

    /// Content of a file read as images, and what is said about it.
    static let wrongImages: [(String, [UInt8], String)] = [
        (
            "empty", [],
            "DIR/empty ends after 0 bytes. Expected at least 4 (uncompressed, with the header). Fetch the file again."
        ),
        (
            "text", Array("hello world".utf8),
            "The content of DIR/text starts with the bytes 68 65 6c 6c. Expected an IDX file of bytes, plain or "
                + "compressed by gzip, which starts with 00 00 08 and the number of axes, 01 to 08. Check that this is the right file."
        ),
        (
            "floats", idx([1, 1, 1], [0, 0, 0, 0], type: 0x0D),
            "DIR/floats is an IDX file with elements of type 0d. Expected unsigned bytes (type 08). Convert its "
                + "values to bytes."
        ),
        (
            "header", Array(idx([2, 2, 2], []).prefix(9)),
            "DIR/header ends after 9 bytes. Expected at least 16 (uncompressed, with the header). Fetch the file again."
        ),
        (
            "short", idx([2, 2, 2], [1, 2, 3]),
            "DIR/short ends after 19 bytes. Expected at least 24 (uncompressed, with the header). Fetch the file again."
        ),
        (
            "huge", idx([60_000, 30_000, 30_000], [1, 2, 3]),
            "DIR/huge announces 60000 × 30000 × 30000 values. Expected at most 2^40. Check that this is the right file, or "
                + "fetch it again."
        ),
        (
            "large", idx([60_000, 3000, 3000], [1, 2, 3]),
            "DIR/large ends after 19 bytes. Expected at least 540000000016 (uncompressed, with the header). Fetch "
                + "the file again."
        ),
        (
            "long", idx([1, 2, 2], [1, 2, 3, 4, 5]),
            "DIR/long goes on after 20 bytes (uncompressed). Expected it to end there, by its header. Fetch the file again, or "
                + "correct the counts in its header."
        ),
        (
            "labels", idx([3], [1, 2, 3]),
            "DIR/labels looks like the labels file: its shape is [3]. Expected images [count, height, width] or "
                + "[count, height, width, channels]. Check whether the images and labels files are swapped."
        ),
    ]

    @Test(arguments: wrongImages)
    func saysWhatIsWrong(name: String, content: [UInt8], message: String) throws {
        let folder = try TemporaryFolder()
        let url = try folder.file(name, content)
        let error = try #require(throws: ImagesError.self) { try IDXFile.readImages(url) }
        #expect(error.message(in: folder) == message)
    }

    @Test func imagesAreNoLabels() throws {
        let folder = try TemporaryFolder()
        let url = try folder.file("images", idx([1, 2, 2], [1, 2, 3, 4]))
        let error = try #require(throws: ImagesError.self) { try IDXFile.readLabels(url) }
        #expect(
            error.message(in: folder)
                == "DIR/images looks like the images file: its shape is [1, 2, 2]. Expected labels [count]. "
                + "Check whether the images and labels files are swapped.")
    }

    @Test func missingFilesAndFoldersAreNamed() throws {
        let folder = try TemporaryFolder()
        #expect(throws: ImagesError.missingFile(folder: folder.url.path, candidates: ["absent"])) {
            try IDXFile.read(folder.url.appendingPathComponent("absent"))
        }
        #expect(throws: ImagesError.unreadable(path: folder.url.path, reason: "it is a folder")) {
            try IDXFile.read(folder.url)
        }
    }
}
