import Foundation
import RenormArrays
import RenormImages
import Testing

/// Pictures in tar archives, which are read where they are.
@Suite struct TarTests {
    /// Packs what is in a folder with the system's tar.
    static func pack(_ folder: URL, _ names: [String], to archive: URL, _ options: [String] = []) throws {
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tar.arguments = ["tar"] + options + ["-cf", archive.path, "-C", folder.path] + names
        var environment = ProcessInfo.processInfo.environment
        // macOS's tar would add files of its own.
        environment["COPYFILE_DISABLE"] = "1"
        tar.environment = environment
        try tar.run()
        tar.waitUntilExit()
        try #require(tar.terminationStatus == 0)
    }

    static let formats = ["ustar", "pax", "gnutar"]

    /// The option that both GNU's and BSD's tar know.
    private static func option(_ format: String) -> String {
        "--format=" + (format == "gnutar" && !isDarwin ? "gnu" : format)
    }

    #if canImport(Darwin)
        private static let isDarwin = true
    #else
        private static let isDarwin = false
    #endif

    @Test(arguments: formats) func anArchiveIsReadAsItsFolder(format: String) throws {
        let folder = try TemporaryFolder()
        let long = String(repeating: "long name ", count: 9)
        try folder.add("data/cat", count: 3)
        try folder.add("data/dog/\(long)/\(long).bmp", bitmap(height: 5))
        if format != "ustar" { try folder.add("data/dog/\(long)\(long)/\(long)\(long).bmp") }
        try folder.add("data/dog/2.bmp", bitmap([1, 2, 3]))
        try folder.add("data/dog/._2.bmp", [1])
        try folder.add("data/dog/notes.txt", [1, 2])
        try folder.link("data/dog/link.bmp", to: "2.bmp")
        let archive = folder.url.appendingPathComponent("pictures.tar")
        try TarTests.pack(
            folder.url.appendingPathComponent("data"), ["."], to: archive, [TarTests.option(format)])
        let (list, files) = (
            try PictureList(archive), try PictureList(folder.url.appendingPathComponent("data"))
        )
        #expect(list.paths == files.paths.map { "pictures.tar/" + $0 })
        #expect(list.classNames == files.classNames)
        #expect(list.labels == files.labels)
        #expect(list.report.hidden == 1)
        #expect(list.report.others == ["txt": 1])
        for picture in 0..<list.count {
            #expect(list.header(of: picture) == files.header(of: picture))
            #expect(list.fileSize(of: picture) == files.fileSize(of: picture))
            #expect(try pixels(PictureFiles(list), picture) == pixels(PictureFiles(files), picture))
        }
    }

    @Test func partsInsideAndFoldersAroundAllAreFound() throws {
        let folder = try TemporaryFolder()
        for part in ["train", "val", "test"] {
            for name in ["a", "b"] { try folder.add("set/photos/\(part)/\(name)", count: 3) }
        }
        try folder.add("set/readme.txt", [1])
        let archive = folder.url.appendingPathComponent("x.tar")
        try TarTests.pack(folder.url, ["set"], to: archive)
        let list = try PictureList(archive)
        #expect(list.classNames == ["a", "b"])
        #expect(list.parts == [.training, .validation, .test])
        #expect(list.path(of: 0) == "x.tar/set/photos/train/a/0.bmp")
        #expect(list.classCounts(of: .validation) == [3, 3])
    }

    @Test func webDatasetsAreRead() throws {
        let folder = try TemporaryFolder()
        var number = 0
        for shard in 0..<3 {
            var names: [String] = []
            for _ in 0..<8 {
                let key = "x/\(number).half"
                try folder.add("raw/x/\(number).BMP", bitmap(width: number + 1))
                try folder.add("raw/x/\(number).cls", Array("\(number % 3 == 0 ? 10 : 9)\n".utf8))
                try folder.add("raw/x/\(number).json", Array("{}".utf8))
                try folder.add("raw/\(key).seg.png", [1])
                names += ["BMP", "cls", "json"].map { "x/\(number).\($0)" } + ["\(key).seg.png"]
                number += 1
            }
            let archive = folder.url.appendingPathComponent("shards/photos-00000\(shard).tar")
            try FileManager.default.createDirectory(
                at: archive.deletingLastPathComponent(), withIntermediateDirectories: true)
            try TarTests.pack(folder.url.appendingPathComponent("raw"), names, to: archive)
        }
        let list = try PictureList(folder.url.appendingPathComponent("shards"))
        #expect(list.count == 24)
        // Numbers are in the order of numbers.
        #expect(list.classNames == ["9", "10"])
        #expect(list.path(of: 9) == "photos-000001.tar/x/9.BMP")
        #expect(list.labels[9] == 1 && list.labels[10] == 0)
        #expect(list.header(of: 9).width == 10)
        #expect(list.report.others == ["json": 24, "png": 24])
        #expect(list.parts == [.training, .validation, .test])
    }

    @Test func archivesAreOfThePartThatTheyAreCalled() throws {
        let folder = try TemporaryFolder()
        for (part, count) in [("train", 4), ("val", 2)] {
            for name in ["a", "b"] {
                try folder.add("\(part)/\(name)", count: count)
            }
            try TarTests.pack(
                folder.url.appendingPathComponent(part), ["a", "b"],
                to: folder.url.appendingPathComponent("photos-\(part)-0.tar"))
        }
        let archives = ["train", "val"].map { folder.url.appendingPathComponent("photos-\($0)-0.tar") }
        let list = try PictureList(archives: archives)
        #expect(list.classCounts(of: .training) == [4, 4])
        #expect(list.classCounts(of: .validation) == [2, 2])
        #expect(list.parts == [.training, .validation])
    }

    @Test func aPictureWithoutItsClassIsNamed() throws {
        let folder = try TemporaryFolder()
        for (key, name) in [("1", "a"), ("2", "b"), ("3", "")] {
            try folder.add("raw/\(key).bmp")
            if !name.isEmpty { try folder.add("raw/\(key).cls", Array(name.utf8)) }
        }
        let archive = folder.url.appendingPathComponent("x.tar")
        try TarTests.pack(folder.url.appendingPathComponent("raw"), ["."], to: archive)
        let error = try #require(throws: ImagesError.self) { try PictureList(archive) }
        #expect(
            error.message(in: folder).hasPrefix(
                "1 of 3 pictures of DIR/x.tar cannot be read:\n  DIR/x.tar: './3.bmp' has no .cls file with its class beside it"
            ))
        var options = PictureListOptions()
        options.skipsBroken = true
        #expect(try PictureList(archive, options: options).classNames == ["a", "b"])
    }

    @Test func anIndexIsKeptAndBelievedOnlyIfItIsOfThisArchive() throws {
        let folder = try TemporaryFolder()
        for name in ["a", "b"] { try folder.add("data/\(name)", count: 3) }
        let archive = folder.url.appendingPathComponent("x.tar")
        try TarTests.pack(folder.url.appendingPathComponent("data"), ["a", "b"], to: archive)
        let beside = folder.url.appendingPathComponent(".x.tar.renorm-index")
        // Small archives get none.
        let first = try TarIndex(archive)
        #expect(!FileManager.default.fileExists(atPath: beside.path))
        #expect(try !TarIndex(archive, keptFrom: 0).wasKept)
        let kept = try TarIndex(archive, keptFrom: 0)
        #expect(kept.wasKept)
        #expect(kept.entries.map(\.path) == first.entries.map(\.path))
        #expect(kept.entries.map(\.offset) == first.entries.map(\.offset))
        #expect(kept.entries.map(\.size) == first.entries.map(\.size))
        let bytes = try [UInt8](Data(contentsOf: beside))
        for place in stride(from: 0, to: bytes.count, by: 7) {
            var damaged = bytes
            damaged[place] ^= 0x10
            try Data(damaged).write(to: beside)
            let index = try TarIndex(archive, keptFrom: 0)
            #expect(!index.wasKept)
            #expect(index.entries.map(\.path) == first.entries.map(\.path))
        }
        for count in [0, 10, bytes.count - 1] {
            try Data(bytes.prefix(count)).write(to: beside)
            #expect(try !TarIndex(archive, keptFrom: 0).wasKept)
        }
        // Another archive of the same name and size.
        #expect(try TarIndex(archive, keptFrom: 0).wasKept)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: archive.path)
        #expect(try !TarIndex(archive, keptFrom: 0).wasKept)
        // Where none can be written it goes without.
        try FileManager.default.removeItem(at: beside)
        try FileManager.default.createDirectory(at: beside, withIntermediateDirectories: false)
        #expect(try !TarIndex(archive, keptFrom: 0).wasKept)
    }

    @Test func anArchiveOfTenGigabytesIsNotReadToBeIndexed() throws {
        let folder = try TemporaryFolder()
        let picture = bitmap()
        let padding = [UInt8](repeating: 0, count: 1024 - picture.count % 512)
        // A hole as large as that between two pictures; its size is to the base of 256, as GNU's tar writes large ones.
        let hole = 10 << 30
        let size = [0x80] + (0..<11).map { UInt8(truncatingIfNeeded: hole >> (8 * (10 - $0))) }
        let first = tarHeader("a/1.bmp", size: octal(picture.count)) + picture + padding.dropLast(512)
        let film = tarHeader("a/film", size: size)
        let last = tarHeader("b/1.bmp", size: octal(picture.count)) + picture + padding.dropLast(512)
        let archive = try folder.file("large.tar", first + film)
        let handle = try FileHandle(forUpdating: archive)
        try handle.truncate(atOffset: UInt64(first.count + film.count + hole))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(last + [UInt8](repeating: 0, count: 1024)))
        try handle.close()
        for wasKept in [false, true] {
            #expect(try TarIndex(archive).wasKept == wasKept)
            let list = try PictureList(archive)
            #expect(list.paths == ["large.tar/a/1.bmp", "large.tar/b/1.bmp"])
            #expect(list.report.others == ["": 1])
            #expect(try pixels(PictureFiles(list), 1).prefix(3) == [10, 20, 30])
        }
    }

    @Test func moreArchivesThanAreKeptOpenAreRead() throws {
        let folder = try TemporaryFolder()
        for number in 0..<70 {
            let picture = bitmap([UInt8(number), 0, 0])
            let content = tarHeader("\(number % 2)/\(number).bmp", size: octal(picture.count)) + picture
            _ = try folder.file("\(number).tar", content + [UInt8](repeating: 0, count: 2048 - picture.count))
        }
        let files = PictureFiles(try PictureList(folder.url))
        #expect(files.count == 70)
        for image in 0..<70 {
            let number = try #require(UInt8(files.list.path(of: image).prefix { $0 != "." }))
            #expect(try pixels(files, image).prefix(3) == [number, 0, 0])
        }
        let changed = folder.url.appendingPathComponent("7.tar")
        try (Data(contentsOf: changed) + [0]).write(to: changed)
        let image = try #require((0..<70).first { files.list.path(of: $0).hasPrefix("7.tar") })
        #expect(throws: ImagesError.changedPicture(path: changed.path, found: 2561, expected: 2560)) {
            try pixels(files, image)
        }
    }

    /// Damage that is made again in each run; `Tests/Fuzz` makes more of it.
    @Test func damagedArchivesAreRefusedOrRead() throws {
        let folder = try TemporaryFolder()
        let picture = bitmap()
        var whole: [UInt8] = []
        for path in ["a/1.bmp", "a/2.bmp", "b/1.bmp"] {
            whole += tarHeader(path, size: octal(picture.count)) + picture
            whole += [UInt8](repeating: 0, count: 512 - picture.count)
        }
        whole += [UInt8](repeating: 0, count: 1024)
        var options = PictureListOptions()
        (options.skipsBroken, options.threads) = (true, 1)
        var (read, refused) = (0, 0)
        for number in 0..<300 {
            var random = Random(seed: 1, stream: "tar", counter: number)
            var bytes = whole
            for _ in 0...random.integer(below: 3) {
                bytes[random.integer(below: bytes.count)] = UInt8(random.integer(below: 256))
            }
            if random.integer(below: 4) == 0 { bytes.removeLast(random.integer(below: bytes.count)) }
            let archive = try folder.file("x.tar", bytes)
            do {
                let files = PictureFiles(try PictureList(archive, options: options))
                for image in 0..<files.count { _ = try pixels(files, image) }
                read += 1
            } catch is ImagesError {
                refused += 1
            }
        }
        #expect(read > 50 && refused > 50)
    }

    @Test func whatIsNoArchiveOrDamagedIsSaid() throws {
        let folder = try TemporaryFolder()
        func said(_ name: String, _ content: [UInt8]) throws -> String {
            let url = try folder.file(name, content)
            return try #require(throws: ImagesError.self) { try PictureList(url) }.message(in: folder)
        }
        let end = [UInt8](repeating: 0, count: 1024)
        #expect(
            try said("x.tar.gz", gzip(tarHeader("a/1.jpg", size: octal(0)) + end))
                == "DIR/x.tar.gz is compressed by gzip. Expected a plain .tar archive, whose pictures can be read where they are. "
                + "Unpack it: gzip -dk '\(folder.url.path)/x.tar.gz'."
                .replacingOccurrences(of: folder.url.path, with: "DIR"))
        #expect(
            try said("x.tar", Array("no archive".utf8)).contains(
                "a header of 512 bytes is cut off after 10, at byte 0. Expected"))
        #expect(
            try said("y.tar", [UInt8](repeating: 65, count: 2000)).contains(
                "the checksum of a header is wrong, at byte 0. Expected"))
        #expect(
            try said("z.tar", tarHeader("a/1.jpg", size: Array("1000".utf8)) + [1, 2, 3])
                == "DIR/z.tar is no tar archive, or a damaged one: 'a/1.jpg' is said to have 512 bytes, and the archive has 3 from "
                + "there on, at byte 0. Expected a plain .tar archive. Fetch it again, or write it anew with tar."
        )
        let huge = tarHeader("a/1.jpg", size: Array("777777777777".utf8))
        #expect(try said("h.tar", huge + end).contains("is said to have 68719476735 bytes"))
        #expect(
            try said("e.tar", end)
                == "DIR/e.tar holds no file. Expected pictures (JPEG, PNG, WebP, GIF or BMP) in folders, a folder a class. Check the path."
        )
        let record = Array("99 path=a\n".utf8)
        #expect(
            try said(
                "p.tar",
                tarHeader("x", size: Array("12".utf8), kind: "x") + record + [UInt8](repeating: 0, count: 502)
                    + end
            )
            .contains("a pax record is damaged, at byte 512"))
    }
}

/// All pixels of an image.
func pixels(_ source: any ImageSource, _ image: Int) throws -> [UInt8] {
    let count = try source.size(of: image).valueCount
    return try [UInt8](unsafeUninitializedCapacity: count) { memory, initialized in
        try source.read(image, into: UnsafeMutableBufferPointer(rebasing: memory[..<count]))
        initialized = count
    }
}

/// A number in a header.
private func octal(_ number: Int) -> [UInt8] { Array(String(number, radix: 8).utf8) }

/// The header of a file in an archive, as POSIX has it.
private func tarHeader(_ path: String, size: [UInt8], kind: String = "0") -> [UInt8] {
    func field(_ text: some Collection<UInt8>, _ count: Int) -> [UInt8] {
        Array(text) + [UInt8](repeating: 0, count: count - text.count)
    }
    func bytes(_ sum: String) -> [UInt8] {
        var result = field(path.utf8, 100) + field("0000644".utf8, 8) + field("0000000".utf8, 8)
        result += field("0000000".utf8, 8) + field(size, 12) + field("00000000000".utf8, 12) + Array(sum.utf8)
        return result + Array(kind.utf8) + field([], 100) + field("ustar\u{0}00".utf8, 255)
    }
    let sum = bytes("        ").reduce(0) { $0 + Int($1) }
    let digits = String(sum, radix: 8)
    return bytes(String(repeating: "0", count: 6 - digits.count) + digits + "\0 ")
}
