import Foundation
import Renorm

/// A picture of one colour, as BMP.
private func bitmap(_ random: inout Random) -> [UInt8] {
    let side = 1 + random.integer(below: 4)
    let line = (3 * side + 3) / 4 * 4
    let size = UInt32(54 + line * side)
    var bytes = Array("BM".utf8) + size.littleEndianBytes + [0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0]
    bytes += UInt32(side).littleEndianBytes + UInt32(side).littleEndianBytes + [1, 0, 24, 0]
    return bytes + [UInt8](repeating: 0, count: 24 + line * side)
}

/// Makes a list of pictures, its record and their pixels, as training does with what is accepted.
private func use(_ list: PictureList, in folder: URL) throws {
    let record = folder.appendingPathComponent("record.csv")
    try list.write(to: record)
    let differences = try list.differences(from: record)
    precondition(differences.isEmpty, "a list differs from its own record: \(differences)")
    let files = PictureFiles(list)
    for image in 0..<list.count {
        var pixels = [UInt8](repeating: 0, count: files.size(of: image).valueCount)
        try pixels.withUnsafeMutableBufferPointer { try files.read(image, into: $0) }
    }
}

private var options: PictureListOptions {
    var options = PictureListOptions()
    options.skipsBroken = true
    options.threads = 1
    options.decoding.maxPixels = 1 << 20
    return options
}

/// Tar archives of pictures, in folders of classes or as WebDataset has them, and the index that is kept beside an archive.
struct TarArchiveReader: Reader {
    let name = "tar"

    private static func header(_ path: [UInt8], size: Int, kind: Character = "0") -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: some Collection<UInt8>, at place: Int) {
            block.replaceSubrange(place..<place + text.count, with: text)
        }
        put(path.prefix(100), at: 0)
        put("0000644\u{0}0000000\u{0}0000000\u{0}".utf8, at: 100)
        put(octal(size, 11).utf8, at: 124)
        put(octal(0, 11).utf8, at: 136)
        block[156] = kind.asciiValue!
        put("ustar\u{0}00".utf8, at: 257)
        return withSum(block)
    }

    private static func octal(_ number: Int, _ count: Int) -> String {
        let digits = String(number, radix: 8)
        return String(repeating: "0", count: max(count - digits.count, 0)) + digits
    }

    /// A header with the right checksum, which is what the reader looks at first.
    private static func withSum(_ block: [UInt8]) -> [UInt8] {
        var block = block
        block.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
        let sum = block.reduce(0) { $0 + Int($1) }
        block.replaceSubrange(148..<156, with: Array((octal(sum, 6) + "\u{0} ").utf8))
        return block
    }

    private static func entry(_ path: String, _ content: [UInt8], kind: Character = "0") -> [UInt8] {
        let padding = (512 - content.count % 512) % 512
        return header(Array(path.utf8), size: content.count, kind: kind) + content
            + [UInt8](repeating: 0, count: padding)
    }

    private static func record(_ text: String) -> [UInt8] {
        var length = text.utf8.count + 3
        while "\(length) \(text)\n".utf8.count != length { length = "\(length) \(text)\n".utf8.count }
        return Array("\(length) \(text)\n".utf8)
    }

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        var bytes: [UInt8] = []
        let isWebDataset = random.happens(onceIn: 2)
        for number in 0..<6 {
            if random.happens(onceIn: 4) {
                bytes += TarArchiveReader.entry(
                    "x", TarArchiveReader.record("path=b/pax \(number).bmp"), kind: "x")
            } else if random.happens(onceIn: 4) {
                bytes += TarArchiveReader.entry(
                    "././@LongLink", Array("a/long \(number).bmp\u{0}".utf8), kind: "L")
            }
            let path = isWebDataset ? "\(number)" : "set/\(number % 2 == 0 ? "a" : "b")/\(number)"
            bytes += TarArchiveReader.entry("\(path).bmp", bitmap(&random))
            if isWebDataset { bytes += TarArchiveReader.entry("\(path).cls", Array("\(number % 2)".utf8)) }
        }
        bytes += [UInt8](repeating: 0, count: 1024)
        var damaged = ByteMutation.mutated(bytes, &random)
        if random.happens(onceIn: 2) {
            // Damage that a checksum would have found.
            for start in stride(from: 0, to: damaged.count - 511, by: 512)
            where damaged[start + 257] == UInt8(ascii: "u") {
                damaged.replaceSubrange(
                    start..<start + 512, with: TarArchiveReader.withSum(Array(damaged[start..<start + 512])))
            }
        }
        let archive = folder.appendingPathComponent("x.tar")
        guard random.happens(onceIn: 4) else { return try damaged.write(to: folder, "x.tar") }
        try bytes.write(to: folder, "x.tar")
        _ = try TarIndex(archive, keptFrom: 0)
        let index = try [UInt8](Data(contentsOf: folder.appendingPathComponent(".x.tar.renorm-index")))
        try ByteMutation.mutated(index, &random).write(to: folder, ".x.tar.renorm-index")
    }

    func read(_ folder: URL) async throws {
        let archive = folder.appendingPathComponent("x.tar")
        _ = try TarIndex(archive, keptFrom: 0)
        try use(PictureList(archive, options: options), in: folder)
    }
}

/// Tables of pictures, and the list that a run records.
struct PictureTableReader: Reader {
    let name = "table"

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        let separator = random.one(of: [",", ";", "\t"])
        let end = random.one(of: ["\n", "\r\n", "\r"])
        var rows = [["path", "label", "split", "source"]]
        for number in 0..<8 {
            try bitmap(&random).write(to: folder, "\(number), \"x\".bmp")
            rows.append([
                "\"\(number), \"\"x\"\".bmp\"", random.one(of: ["a", "b", "1", "\"c\nd\""]),
                random.one(of: ["train", "", "", "", "", number < 4 ? "" : "test"]),
                random.one(of: ["left", ""]),
            ])
        }
        let start = (random.happens(onceIn: 3) ? "\u{FEFF}" : "") + rows[0].joined(separator: separator) + end
        let lines = rows.dropFirst().map { $0.joined(separator: separator) }.joined(separator: end)
        // A damaged first line hides all others.
        let damaged =
            random.happens(onceIn: 3)
            ? ByteMutation.mutated(Array((start + lines).utf8), &random)
            : Array(start.utf8) + ByteMutation.mutated(Array(lines.utf8), &random)
        try (random.happens(onceIn: 5) ? gzip(damaged) : damaged).write(to: folder, "table.csv")
        let record = "path,size,class,part,source,height,width\n\"0, \"\"x\"\".bmp\",58,a,training,,1,1\n"
        try ByteMutation.mutated(Array(record.utf8), &random).write(to: folder, "other.csv")
    }

    func read(_ folder: URL) async throws {
        let list = try PictureList(table: folder.appendingPathComponent("table.csv"), options: options)
        try use(list, in: folder)
        _ = try? list.differences(from: folder.appendingPathComponent("other.csv")).description
    }
}
