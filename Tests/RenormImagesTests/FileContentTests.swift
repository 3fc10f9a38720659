import Foundation
import RenormArrays
import RenormImages
import Testing

/// Files compressed by gzip, pipes, and what is no file.
@Suite struct FileContentTests {
    private static let pixels: [UInt8] = {
        var random = Random(seed: 1, stream: "pixels")
        return (0..<1000).map { _ in UInt8(random.integer(below: 16)) }
    }()
    private static let plain = idx([10, 10, 10], pixels)

    private func read(_ bytes: [UInt8]) throws -> [UInt8] {
        let folder = try TemporaryFolder()
        return try IDXFile.read(folder.file("f.gz", bytes)).values(of: UInt8.self)
    }

    @Test func everyCutIsTold() throws {
        let folder = try TemporaryFolder()
        let compressed = try gzip(Self.plain)
        for length in 2..<compressed.count {
            let url = try folder.file("cut.gz", Array(compressed.prefix(length)))
            let error = try #require(throws: ImagesError.self) { try IDXFile.read(url) }
            guard case .cutCompression(url.path, let found) = error else {
                Issue.record("\(length): \(error)")
                return
            }
            // The trailer is 8 bytes: without it, all of the content is there and unproved.
            #expect(length < compressed.count - 8 ? found <= 1016 : found == 1016)
        }
    }

    @Test func noChangedByteGivesOtherPixels() throws {
        for content in try [gzip(Self.plain), gzip(idx([10, 10, 10], (0..<1000).map { UInt8($0 & 255) }))] {
            let pixels = try read(content)
            for place in content.indices {
                var changed = content
                changed[place] ^= 1 << UInt8(place % 8)
                // Some bits say nothing, such as the time of compression.
                if let found = try? read(changed) { #expect(found == pixels, "byte \(place)") }
            }
        }
    }

    @Test(arguments: [1, 5])
    func aWrongChecksumOrLengthIsDamage(fromTheEnd: Int) throws {
        var content = try gzip(Self.plain)
        content[content.count - fromTheEnd] ^= 1
        let folder = try TemporaryFolder()
        let url = try folder.file("wrong.gz", content)
        let reason = fromTheEnd > 4 ? "incorrect data check" : "incorrect length check"
        let error = try #require(throws: ImagesError.self) { try IDXFile.read(url) }
        #expect(error == .damagedCompression(path: url.path, reason: reason))
        #expect(
            error.message(in: folder)
                == "DIR/wrong.gz is compressed by gzip and damaged: \(reason). Expected it as gzip wrote it. "
                + "Fetch the file again.")
    }

    @Test func membersAreOneContent() throws {
        let (first, second) = try (
            gzip(Array(Self.plain.prefix(300))), gzip(Array(Self.plain.dropFirst(300)))
        )
        let zeros = [UInt8](repeating: 0, count: 700)
        #expect(try read(first + second) == Self.pixels)
        #expect(try read(first + gzip([]) + second + gzip([]) + zeros) == Self.pixels)
        #expect(try read(first + zeros + second) == Self.pixels)
        for end in [[0x1F], [0x1F, 0x8C], zeros + [7], Array(first.prefix(1)), Array("more".utf8)]
            as [[UInt8]]
        {
            let error = try #require(throws: ImagesError.self) { try read(first + second + end) }
            guard
                case .damagedCompression(_, "bytes that gzip did not write follow its compressed data") =
                    error
            else {
                Issue.record("\(error)")
                return
            }
        }
        for length in 2..<second.count {
            #expect(throws: ImagesError.self) { try read(first + second.prefix(length)) }
        }
        #expect(throws: ImagesError.self) { try read(first) }
    }

    /// Five gigabytes in a file of five megabytes: only what the header announces is unpacked.
    @Test func whatIsNotExpectedIsNotUnpacked() throws {
        let member = try gzip([UInt8](repeating: 0, count: 1 << 24))
        let zeros = [[UInt8]](repeating: member, count: 300).flatMap { $0 }
        let folder = try TemporaryFolder()
        let url = try folder.file("bomb.gz", gzip(idx([2, 2], [1, 2, 3, 4])) + zeros)
        let clock = ContinuousClock()
        let time = clock.measure {
            #expect(throws: ImagesError.trailingBytes(path: url.path, expected: 16)) { try IDXFile.read(url) }
        }
        #expect(time < .seconds(2))
    }

    // MARK: Pipes

    /// What is made of a named pipe into which somebody writes the bytes, some at a time.
    private func readPipe<Result>(
        _ bytes: [UInt8], step: Int, _ body: (URL) throws -> Result
    ) throws -> Result {
        let folder = try TemporaryFolder()
        let url = folder.url.appendingPathComponent("pipe")
        #expect(mkfifo(url.path, 0o600) == 0)
        let writer = Thread {
            // A reader that has seen enough goes away.
            signal(SIGPIPE, SIG_IGN)
            guard let handle = try? FileHandle(forWritingTo: url) else { return }
            for start in stride(from: 0, to: bytes.count, by: step) {
                let part = Data(bytes[start..<min(start + step, bytes.count)])
                if (try? handle.write(contentsOf: part)) == nil { break }
            }
            try? handle.close()
        }
        writer.start()
        return try body(url)
    }

    @Test(arguments: [1, 100, 100_000])
    func pipesAreRead(step: Int) throws {
        for bytes in try [Self.plain, gzip(Self.plain)] {
            #expect(
                try readPipe(bytes, step: step) { try IDXFile.read($0).values(of: UInt8.self) } == Self.pixels
            )
            let image = try readPipe(bytes, step: step) {
                try ImageFile($0, framing: squashed(10, 10, 1))
            }
            #expect(image.images.values(of: UInt8.self) == Self.pixels)
        }
        let png = try [UInt8](Data(contentsOf: fixtures.appendingPathComponent("images/gray8.png")))
        let image = try readPipe(png, step: step) { try ImageFile($0, framing: squashed(7, 5, 1)) }
        #expect(
            try image.images.values(of: UInt8.self)
                == PictureDecoder.decode(png, DecodingOptions(channels: 1), path: "").values(of: UInt8.self))
    }

    @Test func pipesThatEndTooEarlyOrTooLateAreTold() throws {
        func message(_ bytes: [UInt8]) throws -> String {
            let error = try #require(throws: ImagesError.self) {
                try readPipe(bytes, step: 50_000) { try IDXFile.read($0) }
            }
            return "\(error)"
        }
        #expect(
            try message(idx([2, 2, 2], [1, 2, 3])).contains("ends after 19 bytes. Expected at least 24 "))
        #expect(
            try message(Array(Self.plain.prefix(1015))).contains(
                "ends after 1015 bytes. Expected at least 1016 "))
        #expect(
            try message(idx([60_000, 3000, 3000], [1, 2, 3])).contains(
                "ends after 19 bytes. Expected at least 5400"))
        #expect(try message(Self.plain + [1]).contains("goes on after 1016 bytes"))
        #expect(try message([]).contains("ends after 0 bytes. Expected at least 4 "))
        #expect(try message(gzip(Self.plain).dropLast(3)).contains("ends too early, after 1016 bytes"))
    }

    // MARK: What is no file

    @Test func devicesFoldersAndLinksAreDescribed() throws {
        let folder = try TemporaryFolder()
        func message(_ path: String) throws -> String {
            let url = URL(fileURLWithPath: path)
            let error = try #require(throws: ImagesError.self) { try IDXFile.read(url) }
            #expect(
                try #require(throws: ImagesError.self) {
                    try ImageFile(url, framing: squashed(1, 1, 1))
                } == error
                    || path.hasPrefix("/dev"))
            return error.message(in: folder)
        }
        let advice = "Expected a readable file in a readable folder. Check the path and its permissions."
        let home = folder.url.path
        #expect(
            try message(home + "/x.png")
                == "There is no file x.png in DIR. Expected it there. Check the path.")
        #expect(try message(home) == "DIR cannot be read: it is a folder. \(advice)")
        try FileManager.default.createSymbolicLink(atPath: home + "/lost", withDestinationPath: "nowhere")
        #expect(
            try message(home + "/lost")
                == "DIR/lost cannot be read: it is a link to a file that is not there. \(advice)")
        try FileManager.default.createSymbolicLink(atPath: home + "/loop", withDestinationPath: "loop")
        #expect(
            try message(home + "/loop")
                == "DIR/loop cannot be read: \(String(cString: strerror(ELOOP))). \(advice)")
        _ = try folder.file("plain", [])
        #expect(
            try message(home + "/plain/x")
                == "DIR/plain/x cannot be read: \(String(cString: strerror(ENOTDIR))). \(advice)")
        #expect(
            try message("/dev/null")
                == "/dev/null ends after 0 bytes. Expected at least 4 (uncompressed, with the header). "
                + "Fetch the file again.")
        #expect(
            try message("/dev/zero").hasPrefix("The content of /dev/zero starts with the bytes 00 00 00 00. ")
        )
    }

    @Test(.enabled(if: geteuid() != 0)) func filesWithoutPermissionAreDescribed() throws {
        let folder = try TemporaryFolder()
        let url = try folder.file("secret", Self.plain)
        chmod(url.path, 0)
        let reason = String(cString: strerror(EACCES))
        #expect(throws: ImagesError.unreadable(path: url.path, reason: reason)) { try IDXFile.read(url) }
    }

    @Test func foldersOfDataAreDescribed() throws {
        let root = try TemporaryFolder()
        func message(_ path: String) throws -> String {
            try #require(throws: ImagesError.self) { try Dataset.idx(root.url.appendingPathComponent(path)) }
                .message(in: root)
        }
        #expect(
            try message("absent")
                == "There is no folder DIR/absent. Expected one with the files of a dataset. Check the path.")
        _ = try root.file("file", [])
        #expect(
            try message("file")
                == "DIR/file is no folder. Expected one with the files of a dataset. Check the path.")
        #expect(
            try message("").hasPrefix(
                "DIR holds no train-images-idx3-ubyte. Expected one of train-images-idx3-ubyte, "))
        // Some archives unpack to a folder of the file's name beside the file.
        let names = [
            "train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte",
            "t10k-labels.idx1-ubyte",
        ]
        for name in names {
            let folder = name.replacingOccurrences(of: ".", with: "-")
            try FileManager.default.createDirectory(
                at: root.url.appendingPathComponent(folder), withIntermediateDirectories: true)
        }
        #expect(try message("").hasPrefix("DIR/train-images-idx3-ubyte cannot be read: it is a folder. "))
        for name in names {
            _ = try root.file(name, name.contains("images") ? idx([2, 1, 1], [8, 9]) : idx([2], [0, 1]))
        }
        #expect(try Dataset.idx(root.url).training.images.values(of: UInt8.self) == [8, 9])
    }
}
