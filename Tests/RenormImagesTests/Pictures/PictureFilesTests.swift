import Foundation
import RenormArrays
import RenormImages
import Synchronization
import Testing

/// The pictures of a list, read, replaced and kept.
@Suite struct PictureFilesTests {
    private let folder: TemporaryFolder
    private let list: PictureList

    /// Two classes of six pictures of different sizes and colours.
    init() throws {
        folder = try TemporaryFolder()
        for name in ["a", "b"] {
            for number in 0..<6 {
                try folder.add(
                    "data/\(name)/\(number).bmp",
                    bitmap(
                        height: 20 + number, width: 31 - number, [UInt8(number), name == "a" ? 0 : 200, 7]))
            }
        }
        var options = PictureListOptions()
        options.split = PictureSplit(validation: 0, test: 0)
        list = try PictureList(folder.url.appendingPathComponent("data"), options: options)
    }

    @Test func picturesAreDecoded() throws {
        let files = PictureFiles(list)
        #expect(files.commonSize == nil)
        #expect(files.size(of: 7) == ImageSize(height: 21, width: 30, channels: 3))
        #expect(try pixels(files, 7) == (0..<21 * 30).flatMap { _ in [1, 200, 7] as [UInt8] })
        let gray = PictureFiles(list, options: DecodingOptions(channels: 1))
        #expect(gray.size(of: 7).channels == 1)
    }

    @Test func picturesAreReducedByARuleOfTheirSize() throws {
        let files = PictureFiles(list)
        // Short sides from 20 to 26.
        #expect(
            try files.reduced(toShortSide: 11).size(of: 0) == ImageSize(height: 20, width: 31, channels: 3))
        #expect(
            try files.reduced(toShortSide: 11).size(of: 5) == ImageSize(height: 13, width: 13, channels: 3))
        #expect(
            try files.reduced(toShortSide: 10).size(of: 0) == ImageSize(height: 10, width: 16, channels: 3))
        #expect(try files.reduced(toShortSide: 3).size(of: 0) == ImageSize(height: 3, width: 4, channels: 3))
        #expect(
            try pixels(files.reduced(toShortSide: 3), 0) == (0..<12).flatMap { _ in [0, 0, 7] as [UInt8] })
    }

    @Test func aFingerprintIsOfPathsAndSizes() throws {
        func fingerprint(_ list: PictureList) throws -> UInt64 {
            try Dataset(
                list.datasetIndex, images: PictureFiles(list),
                framing: Framing(size: ImageSize(height: 8, width: 8, channels: 3))
            ).fingerprint
        }
        let first = try fingerprint(list)
        try FileManager.default.copyItem(
            at: folder.url.appendingPathComponent("data"), to: folder.url.appendingPathComponent("copy"))
        var options = PictureListOptions()
        options.split = PictureSplit(validation: 0, test: 0)
        let copy = try PictureList(folder.url.appendingPathComponent("copy"), options: options)
        #expect(try fingerprint(copy) == first)
        #expect(PictureFiles(copy).cacheIdentity != PictureFiles(list).cacheIdentity)
        try folder.add("copy/a/3.bmp", bitmap(height: 60))
        #expect(
            try fingerprint(PictureList(folder.url.appendingPathComponent("copy"), options: options)) != first
        )
    }

    @Test func whatVanishesOrChangesIsNamed() throws {
        let files = PictureFiles(list)
        try FileManager.default.removeItem(at: folder.url.appendingPathComponent("data/a/2.bmp"))
        #expect(throws: ImagesError.missingFile(folder: folder.url.path + "/data/a", candidates: ["2.bmp"])) {
            try pixels(files, 2)
        }
        try folder.add("data/b/0.bmp", Array(bitmap(height: 20, width: 31).dropLast(9)))
        #expect(
            throws: ImagesError.changedPicture(
                path: folder.url.path + "/data/b/0.bmp", found: files.list.fileSize(of: 6) - 9,
                expected: files.list.fileSize(of: 6))
        ) { try pixels(files, 6) }
        // The same size, and no picture any more.
        try folder.add("data/b/1.bmp", [UInt8](repeating: 65, count: files.list.fileSize(of: 7)))
        #expect(throws: ImagesError.self) { try pixels(files, 7) }
    }

    @Test func whatIsBrokenIsReplacedByTheNextOfItsClass() throws {
        let broken = BrokenImages()
        let files = ReplacedImages(PictureFiles(list), of: list, broken: broken)
        for path in ["a/2.bmp", "a/5.bmp", "b/0.bmp"] {
            try FileManager.default.removeItem(at: folder.url.appendingPathComponent("data/" + path))
        }
        for _ in 0..<2 {
            // Of the size that the broken one had, and the colours of the next: after the last comes the first.
            #expect(try pixels(files, 2) == (0..<22 * 29).flatMap { _ in [3, 0, 7] as [UInt8] })
            #expect(try pixels(files, 5) == (0..<25 * 26).flatMap { _ in [0, 0, 7] as [UInt8] })
            #expect(try pixels(files, 6) == (0..<20 * 31).flatMap { _ in [1, 200, 7] as [UInt8] })
            #expect(try pixels(files, 0) == (0..<20 * 31).flatMap { _ in [0, 0, 7] as [UInt8] })
        }
        #expect(broken.count == 3)
        #expect(broken.listed.first?.hasPrefix("There is no file 2.bmp in ") == true)
        for number in [0, 1, 3, 4] {
            try FileManager.default.removeItem(at: folder.url.appendingPathComponent("data/a/\(number).bmp"))
        }
        #expect(throws: ImagesError.missingFile(folder: folder.url.path + "/data/a", candidates: ["4.bmp"])) {
            try pixels(files, 4)
        }
    }

    @Test func picturesOfEveryKindAreThoseOfPillow() async throws {
        let pictures = PillowPicture.all
        #expect(pictures.count > 400)
        for (index, picture) in pictures.enumerated() {
            // Names say nothing, and suffixes say nothing true.
            try folder.add("all/\(index % 2)/\(picture.name).png", picture.bytes)
        }
        let files = PictureFiles(try PictureList(folder.url.appendingPathComponent("all")))
        #expect(files.count == pictures.count)
        let byName = Dictionary(uniqueKeysWithValues: pictures.map { ($0.name, $0) })
        let small = files.reduced(toShortSide: 1)
        let kept = try ImageCache.memory.keeping(files, identity: 1)
        for image in 0..<files.count {
            let picture = try #require(byName[String(files.list.path(of: image).dropFirst(2).dropLast(4))])
            let whole = try PictureDecoder.decode(picture.bytes, files.options, path: "")
            #expect([files.size(of: image).height, files.size(of: image).width, 3] == whole.shape.dimensions)
            let found = try pixels(files, image)
            #expect(found == whole.values(of: UInt8.self), "\(picture.name)")
            #expect(try pixels(kept, image) == found, "\(picture.name), kept")
            let eighth = try PictureDecoder.decode(picture.bytes, files.options, reduction: 8, path: "")
            #expect(
                try [small.size(of: image).height, small.size(of: image).width, 3]
                    == eighth.shape.dimensions)
            #expect(try pixels(small, image) == eighth.values(of: UInt8.self), "\(picture.name), an eighth")
        }
    }

    /// A source that counts how often each image was read.
    private struct Counting: ImageSource {
        let base: any ImageSource
        let reads = Counter()
        final class Counter: Sendable {
            let counts = Mutex<[Int: Int]>([:])
        }
        var count: Int { base.count }
        var commonSize: ImageSize? { base.commonSize }
        func size(of image: Int) throws -> ImageSize { try base.size(of: image) }
        func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
            reads.counts.withLock { $0[image, default: 0] += 1 }
            try base.read(image, into: pixels)
        }
        func addFingerprint(of image: Int, to fingerprint: inout Fingerprint) {
            base.addFingerprint(of: image, to: &fingerprint)
        }
    }

    /// Pictures of several sizes with a pattern.
    private func patterned() throws -> PictureList {
        let names = ["gray8", "rgb8", "palette", "large", "large-up", "large-down", "large-mixed", "rgba8"]
        for (index, name) in names.enumerated() {
            let bytes = try [UInt8](Data(contentsOf: fixtures.appendingPathComponent("images/\(name).png")))
            try folder.add("patterned/\(index % 2)/\(name).png", bytes)
        }
        return try PictureList(folder.url.appendingPathComponent("patterned"))
    }

    @Test func aCacheGivesTheSameBytesAndAsksOnce() async throws {
        let caches: [ImageCache] = [.memory, .folder(folder.url)]
        let list = try patterned()
        let plain = PictureFiles(list)
        for cache in caches {
            let counting = Counting(base: plain)
            let kept = try cache.keeping(counting, identity: plain.cacheIdentity)
            // Several threads want the same pictures at once.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for thread in 0..<4 {
                    group.addTask {
                        for image in 0..<list.count {
                            let image = (image + thread) % list.count
                            let (found, expected) = (try pixels(kept, image), try pixels(plain, image))
                            #expect(found == expected)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(
                counting.reads.counts.withLock { $0 }
                    == Dictionary(uniqueKeysWithValues: (0..<list.count).map { ($0, 1) }))
        }
    }

    @Test func batchesAreTheSameWithACacheAndWithMoreWorkers() throws {
        let list = try patterned()
        let plain = PictureFiles(list)
        func batches(_ source: any ImageSource, workers: Int) throws -> [UInt64] {
            let dataset = try Dataset(
                list.datasetIndex, images: source,
                framing: Framing(size: ImageSize(height: 8, width: 9, channels: 3)))
            let loader = BatchLoader(
                dataset: dataset, scaling: InputScaling(mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.3, 0.4]),
                augmentation: .standard,
                sampler: try BatchSampler(.shuffled, dataset: dataset, batchSize: 5, seed: 3), to: 6,
                workers: workers)
            var hashes: [UInt64] = []
            while let batch = try loader.next() { hashes.append(batch.images.hash) }
            return hashes
        }
        let expected = try batches(plain, workers: 1)
        #expect(Set(expected).count == 6)
        let kept = try ImageCache.memory.keeping(plain, identity: 1)
        for (source, workers) in [(plain as any ImageSource, 4), (kept, 4), (kept, 1)] {
            let found = try batches(source, workers: workers)
            #expect(found == expected)
        }
    }

    private var cacheFile: URL {
        get throws {
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
            return folder.url.appendingPathComponent(try #require(names.first { $0.hasSuffix(".pixels") }))
        }
    }

    @Test func aFileOfACacheIsUsedAgainWhereItIsWhole() throws {
        let plain = PictureFiles(list)
        let cache = ImageCache.folder(folder.url)
        func reads() throws -> [Int] {
            let counting = Counting(base: plain)
            let kept = try cache.keeping(counting, identity: plain.cacheIdentity)
            for image in 0..<list.count { #expect(try pixels(kept, image) == pixels(plain, image)) }
            return counting.reads.counts.withLock { $0.keys.sorted() }
        }
        #expect(try reads() == Array(0..<12))
        #expect(try reads() == [])
        // As after a stop of the machine: a number is there whose pixels are not, and pixels without their number.
        let file = try cacheFile
        var bytes = try [UInt8](Data(contentsOf: file))
        let first = 1 << 15
        #expect(Array(bytes[first..<first + 3]) == [0, 0, 7])
        bytes[first + 100] ^= 1
        bytes.replaceSubrange((1 << 14) + 8 * 3..<(1 << 14) + 8 * 4, with: [UInt8](repeating: 0, count: 8))
        try Data(bytes).write(to: file)
        #expect(try reads() == [0, 3])
        #expect(try reads() == [])
        // Cut off, or of something else.
        try Data(bytes.dropLast(1)).write(to: file)
        #expect(try reads() == Array(0..<12))
        try Data([1, 2, 3]).write(to: file)
        #expect(try reads() == Array(0..<12))
        // Other pictures have another file.
        let other = plain.reduced(toShortSide: 3)
        let kept = try cache.keeping(other, identity: other.cacheIdentity)
        #expect(try pixels(kept, 1) == pixels(other, 1))
        #expect(try reads() == [])
    }

    @Test func whatIsBrokenIsNotKept() throws {
        let plain = PictureFiles(list)
        let kept = try ImageCache.memory.keeping(plain, identity: 1)
        let path = "data/a/2.bmp"
        let bytes = try [UInt8](Data(contentsOf: folder.url.appendingPathComponent(path)))
        try FileManager.default.removeItem(at: folder.url.appendingPathComponent(path))
        for _ in 0..<2 { #expect(throws: ImagesError.self) { try pixels(kept, 2) } }
        try folder.add(path, bytes)
        #expect(try pixels(kept, 2) == pixels(plain, 2))
        try FileManager.default.removeItem(at: folder.url.appendingPathComponent(path))
        #expect(try pixels(kept, 2).prefix(3) == [2, 0, 7])
    }

    @Test func aBudgetIsCheckedBeforeAnythingIsDecoded() throws {
        let plain = PictureFiles(list)
        let needed = (0..<list.count).reduce(0) { $0 + plain.size(of: $1).valueCount }
        let budget = try #require(try ImageCache.memory.budget(for: plain))
        #expect(budget.needed == needed)
        #expect(budget.allowed > needed)
        #expect(
            throws: ImagesError.cacheTooLarge(
                place: "memory", needed: needed, budget: needed - 1, isGiven: true)
        ) { try ImageCache.memory.keeping(plain, identity: 1, allowed: needed - 1) }
        let error = ImagesError.cacheTooLarge(place: "/x", needed: 3_240_000_000, budget: 999, isGiven: false)
        #expect(
            "\(error)"
                == "The decoded pictures need 3.2 GB of /x, and 999 bytes are half of what is free. Expected room for all. Make the "
                + "pictures smaller, allow more, or do without the cache.")
        let file = folder.url.appendingPathComponent("data/a/0.bmp")
        for (place, reason) in [
            (file, "it is no folder"),
            (file.appendingPathComponent("x"), "it is not there and cannot be made"),
        ] {
            #expect(throws: ImagesError.unusableCache(path: place.path, reason: reason)) {
                try ImageCache.folder(place).keeping(plain, identity: 1)
            }
        }
        let new = folder.url.appendingPathComponent("new/folder")
        let kept = try ImageCache.folder(new).keeping(plain, identity: 1)
        #expect(try pixels(kept, 3) == pixels(plain, 3))
        #expect(try ImageCache.none.keeping(plain, identity: 1) is PictureFiles)
    }

    @Test func cachesAreChosenByText() throws {
        #expect(try ImageCache(parsing: "none") == .none)
        #expect(try ImageCache(parsing: "memory") == .memory)
        #expect(try ImageCache(parsing: "/a/b").description == "/a/b")
        #expect(throws: Fault.self) { try ImageCache(parsing: "") }
    }
}
