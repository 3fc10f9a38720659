import Foundation
import Renorm

/// Files of PyTorch's, in the zip format or in the old one, read as weights of any format are.
struct WeightsReader: Reader {
    let isLegacy: Bool

    var name: String { isLegacy ? "pth-legacy" : "pth" }

    private struct File {
        var name: String
        var bytes: [UInt8]
        /// Whether it is read while it is whole.
        var isGood: Bool
    }

    /// Good files and hostile ones; those in which very many objects lie would take long without being wrong.
    private static let files: [File] = {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/pytorch.safetensors")
        let content = try! NamedArrays(safetensors: file).arrays
        // By bytes: a mark after a slash makes one character with it.
        let names = content.keys.filter { !$0.utf8.contains(UInt8(ascii: "/")) }
        return names.filter { !["nested.pth", "dictionaries.pth", "texts.pth"].contains($0) }.map { name in
            File(
                name: name, bytes: content[name]!.values(of: UInt8.self),
                isGood: content.keys.contains { $0.utf8.starts(with: "\(name)/".utf8) })
        }
    }()

    /// The old format begins with what tells it from others, which is mostly left as it is.
    private static let legacyHead = 140

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        let wantsGood = !random.happens(onceIn: 3)
        let files = WeightsReader.files.filter {
            $0.name.contains("legacy") == isLegacy && ($0.isGood || !wantsGood)
        }
        var bytes = random.one(of: files).bytes
        if random.happens(onceIn: 4) {
            bytes = ByteMutation.mutated(bytes, &random)
        } else if isLegacy {
            let head = min(WeightsReader.legacyHead, bytes.count)
            bytes = bytes.prefix(head) + ByteMutation.mutated(Array(bytes[head...]), &random)
        } else if let pickle = ZipEntries(bytes).pickle {
            let damaged = ByteMutation.mutated(Array(bytes[pickle]), &random).prefix(pickle.count)
            bytes.replaceSubrange(pickle.prefix(damaged.count), with: damaged)
        }
        // Damage is found by checksums, so these are mostly made right again.
        if !random.happens(onceIn: 4) { ZipEntries(bytes).rightChecksums(in: &bytes) }
        try bytes.write(to: folder, "weights.pth")
    }

    func read(_ folder: URL) async throws {
        let content = try NamedArrays(reading: folder.appendingPathComponent("weights.pth"))
        _ = content.remarks.joined()
        for array in content.arrays.values {
            _ = array.description
            _ = array.doubles.reduce(0, +)
        }
    }
}

/// ONNX files, read as networks: what is accepted is traced, written and read again.
struct ONNXReader: Reader {
    let name = "onnx"

    private static let files: [[UInt8]] = {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/onnx")
        let names = [
            "torch-new", "torch-17", "torch-17-separate", "torch-9", "torch-12-fixed-batch", "channels-last",
            "exported/batch", "exported/position", "exported/filter-response",
        ]
        return names.map { try! [UInt8](Data(contentsOf: folder.appendingPathComponent("\($0).onnx"))) }
    }()

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        // What a byte of a name or of a weight is matters little: these are mostly changed where numbers are.
        var bytes = random.one(of: ONNXReader.files)
        if random.happens(onceIn: 2) {
            let places = bytes.indices.filter { bytes[$0] < 0x20 }
            for _ in 0...random.integer(below: 3) {
                bytes[random.one(of: places)] = random.one(of: [0, 1, 2, 3, 7, 8, 0x7F, 0x80, 0xFF])
            }
        } else {
            bytes = ByteMutation.mutated(bytes, &random)
        }
        try bytes.write(to: folder, "network.onnx")
    }

    func read(_ folder: URL) async throws {
        let url = folder.appendingPathComponent("network.onnx")
        let file = try ONNXModel(reading: url)
        let network = try ImportedNetwork(file)
        _ = try JSONCoder.decode(
            Architecture.self, from: JSONCoder.encode(network.architecture(name: "network")))
        let model = try network.makeModel()
        _ = try model.graph(batch: 2)
        try ONNXModel(exporting: model).write(to: url)
        _ = try ImportedNetwork(ONNXModel(reading: url))
    }
}

/// Where the entries of a zip archive lie, as far as they can be found in a damaged one; none in other files.
private struct ZipEntries {
    /// Of each its place in the list of entries, the one of its own header, and its bytes.
    private var places: [(listed: Int, header: Int, data: Range<Int>)] = []
    private(set) var pickle: Range<Int>?

    init(_ bytes: [UInt8]) {
        func number(_ place: Int, _ size: Int) -> Int {
            bytes[place..<place + size].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        guard bytes.count > 46 else { return }
        for place in 0..<bytes.count - 46 where bytes[place] == 0x50 && number(place, 4) == 0x0201_4B50 {
            let (size, nameCount, header) = (
                number(place + 20, 4), number(place + 28, 2), number(place + 42, 4)
            )
            guard header < place - 30, place + 46 + nameCount <= bytes.count else { continue }
            let start = header + 30 + number(header + 26, 2) + number(header + 28, 2)
            guard start <= place, size <= place - start else { continue }
            places.append((place, header, start..<start + size))
            if bytes[place + 46..<place + 46 + nameCount].suffix(8).elementsEqual("data.pkl".utf8),
                number(place + 10, 2) == 0
            {
                pickle = start..<start + size
            }
        }
    }

    /// Makes the checksums those of the bytes that are there, where these are not packed.
    func rightChecksums(in bytes: inout [UInt8]) {
        for (listed, header, data) in places where bytes[listed + 10] == 0 {
            let checksum = crc32(bytes[data]).littleEndianBytes
            bytes.replaceSubrange(listed + 16..<listed + 20, with: checksum)
            // PyTorch leaves it out where it stands before the bytes.
            if bytes[header + 6] & 8 == 0 { bytes.replaceSubrange(header + 14..<header + 18, with: checksum) }
        }
    }
}
