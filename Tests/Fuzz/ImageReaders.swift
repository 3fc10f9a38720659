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
            _ = try? ImageFile(
                folder.appendingPathComponent(name),
                framing: Framing(size: ImageSize(height: 8, width: 8, channels: 1)))
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

/// Pictures of one format, whole and in part, as they are and made smaller; also as images to predict.
struct PictureReader: Reader {
    let format: PictureFormat

    var name: String { format.rawValue }

    /// Whole pictures of every kind, by format.
    private static let pictures: [PictureFormat: [[UInt8]]] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/pictures.safetensors")
        var result: [PictureFormat: [[UInt8]]] = [:]
        for (name, array) in try! NamedArrays(safetensors: file).arrays where !name.contains("/") {
            let bytes = array.values(of: UInt8.self)
            guard let header = try? PictureReader.header(bytes) else { continue }
            result[header.format, default: []].append(bytes)
        }
        return result
    }()

    private static func header(_ bytes: [UInt8]) throws -> PictureHeader? {
        try bytes.withUnsafeBytes {
            try PictureHeader(prefix: $0, length: $0.count, path: "picture", maxPixels: 1 << 24)
        }
    }

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        let damaged = ByteMutation.mutated(random.one(of: PictureReader.pictures[format]!), &random)
        let isRight = format == .png && !random.happens(onceIn: 3)
        try (isRight ? withRightChecksums(png: damaged) : damaged).write(to: folder, "picture")
    }

    func read(_ folder: URL) async throws {
        let file = folder.appendingPathComponent("picture")
        let bytes = try [UInt8](Data(contentsOf: file))
        guard let header = try PictureReader.header(bytes) else {
            preconditionFailure("a header needs more than its file")
        }
        for (channels, reduction) in [(1, 1), (3, 1), (3, 2), (1, 8)] {
            let options = DecodingOptions(
                channels: channels, background: channels == 1 ? .black : .white, maxPixels: 1 << 24)
            _ = try PictureDecoder.decode(bytes, options, reduction: reduction, path: "picture")
            let (height, width) = (Double(header.height) / 3, Double(header.width) / 3)
            let crop = Placement.Crop(top: height, left: width, height: height, width: width)
            try bytes.withUnsafeBytes {
                try PictureDecoder.withPixels(
                    of: $0, header, options, reduction: reduction,
                    for: Placement(crop, height: 4, width: 4), path: "picture", in: ImageWorkspace()
                ) { _ in }
            }
        }
        _ = try ImageFile(file, framing: Framing(size: ImageSize(height: 8, width: 8, channels: 3)))
    }
}
