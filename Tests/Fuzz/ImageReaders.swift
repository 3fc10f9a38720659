import Foundation
import Renorm

/// Folders of IDX files, compressed and not, as data sets and as images to predict.
struct IDXReader: Reader {
    let name = "idx"

    private static let names = [
        "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ]

    private static func idx(_ extents: [Int], _ random: inout Random) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 8, UInt8(extents.count)]
        for extent in extents { bytes += UInt32(extent).bigEndianBytes }
        let limit = extents.count == 1 ? 3 : 256
        for _ in 0..<extents.reduce(1, *) { bytes.append(UInt8(random.integer(below: limit))) }
        return bytes
    }

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        let damaged = random.integer(below: 4)
        for (index, name) in IDXReader.names.enumerated() {
            let count = index < 2 ? 24 : 9
            var bytes = IDXReader.idx(index % 2 == 1 ? [count] : [count, 8, 8], &random)
            let isCompressed = random.happens(onceIn: 3)
            // Inside what is compressed, and the compression itself.
            let isInside = random.happens(onceIn: 2)
            if index == damaged, !isCompressed || isInside { bytes = ByteMutation.mutated(bytes, &random) }
            if isCompressed { bytes = gzip(bytes) }
            if index == damaged, isCompressed, !isInside { bytes = ByteMutation.mutated(bytes, &random) }
            try bytes.write(to: folder, name + (isCompressed ? ".gz" : ""))
        }
    }

    func read(_ folder: URL) async throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path)
        where name.contains("images") {
            // Images that a data set cannot have may be images to predict.
            _ = try? ImageFile(folder.appendingPathComponent(name), channels: 1, height: 8, width: 8)
        }
        let (training, _) = try Dataset.idx(folder)
        let (kept, _) = try training.split(validation: 4, seed: 1)
        let scaling = try InputScaling(of: kept)
        let sampler = try BatchSampler(.shuffled, dataset: kept, batchSize: 4, seed: 1)
        let loader = BatchLoader(
            dataset: kept, scaling: scaling, augmentation: .standard, sampler: sampler, to: 2)
        while let batch = try loader.next() { _ = batch.images.floats }
    }
}

/// PNG files, as images to predict.
struct PNGReader: Reader {
    let name = "png"

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/images")

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        let name = random.one(of: ["gray16", "gray8", "large", "palette", "rgb8", "rgba8"])
        let bytes = try [UInt8](Data(contentsOf: PNGReader.folder.appendingPathComponent("\(name).png")))
        let damaged = ByteMutation.mutated(bytes, &random)
        try (random.happens(onceIn: 3) ? damaged : withRightChecksums(png: damaged)).write(
            to: folder, "image.png")
    }

    func read(_ folder: URL) async throws {
        for channels in [1, 3] {
            _ = try ImageFile(
                folder.appendingPathComponent("image.png"), channels: channels, height: 8, width: 8)
        }
    }
}
