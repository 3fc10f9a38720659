import Foundation
import RenormArrays
import RenormFormats

extension PictureList {
    /// The columns of a list's file.
    private static let columnNames = ["path", "size", "class", "part", "source", "height", "width"]

    /// Writes the list as a table (CSV) with the columns path, size (bytes), class, part, source, height and width. It takes the
    /// place of what is there only when it is whole.
    ///
    /// - Throws: `FormatError` if it cannot be written.
    public func write(to url: URL) throws {
        var pending = Array((PictureList.columnNames.joined(separator: ",") + "\n").utf8)
        try AtomicFile.write(to: url, byteCount: columns.names.bytes.count + 64 * count) { writer in
            for picture in 0..<count {
                add(picture, to: &pending)
                if pending.count >= 1 << 16 {
                    try pending.withUnsafeBytes { try writer.write($0) }
                    pending.removeAll(keepingCapacity: true)
                }
            }
            try pending.withUnsafeBytes { try writer.write($0) }
        }
    }

    private func add(_ picture: Int, to line: inout [UInt8]) {
        let comma = UInt8(ascii: ",")
        quote(columns.path(of: picture), to: &line)
        line.append(comma)
        line += "\(columns.size[picture])".utf8
        line.append(comma)
        quote(Array(classNames[Int(columns.label[picture])].utf8), to: &line)
        line.append(comma)
        line += columns.part[picture].description.utf8
        line.append(comma)
        if let source = source(of: picture) { quote(Array(sourceNames[source].utf8), to: &line) }
        line += ",\(columns.height[picture]),\(columns.width[picture])\n".utf8
    }

    /// Adds a field, in quotes where RFC 4180 wants them.
    private func quote(_ field: [UInt8], to line: inout [UInt8]) {
        let mark = UInt8(ascii: "\"")
        guard
            field.contains(where: { $0 == mark || $0 == UInt8(ascii: ",") || $0 == 0x0A || $0 == 0x0D })
                || field.first == 0x20 || field.last == 0x20
        else {
            line += field
            return
        }
        line.append(mark)
        for byte in field {
            if byte == mark { line.append(mark) }
            line.append(byte)
        }
        line.append(mark)
    }

    /// In what this list differs from one that was written.
    ///
    /// The file is read line by line; modification times, heights and widths are not compared.
    ///
    /// - Throws: `ImagesError` if the file is missing, or no such list.
    public func differences(from url: URL) throws -> PictureListDifferences {
        var reader = try CSVReader(url)
        guard try reader.next(), (0..<reader.fieldCount).map({ reader.text($0) }) == PictureList.columnNames
        else {
            throw ImagesError.damagedTable(
                path: url.path, line: 1, reason: "it does not begin as a list of pictures does")
        }
        var hashes = (0..<count).map { (hash: PictureList.hash(columns.path(of: $0)), picture: Int32($0)) }
        hashes.sort { ($0.hash, $0.picture) < ($1.hash, $1.picture) }
        var isSeen = [Bool](repeating: false, count: count)
        var result = PictureListDifferences()
        while try reader.next() {
            guard reader.fieldCount == PictureList.columnNames.count, let size = Int(reader.text(1)),
                size >= 0,
                let part = Dataset.Part(named: reader.text(3))
            else {
                throw ImagesError.damagedTable(
                    path: url.path, line: reader.line, reason: "it is no line of a list of pictures")
            }
            let path = Array(reader.field(0))
            let text = String(decoding: path, as: UTF8.self)
            guard let picture = find(path, hashes), !isSeen[picture] else {
                result.missing.add(text)
                continue
            }
            isSeen[picture] = true
            let source = String(decoding: reader.field(4), as: UTF8.self)
            if size != columns.size[picture] { result.sizes.add(text) }
            if String(decoding: reader.field(2), as: UTF8.self) != classNames[Int(columns.label[picture])] {
                result.classes.add(text)
            }
            if part != columns.part[picture] { result.parts.add(text) }
            if source != self.source(of: picture).map({ sourceNames[$0] }) ?? "" { result.sources.add(text) }
        }
        for picture in 0..<count where !isSeen[picture] { result.added.add(path(of: picture)) }
        return result
    }

    private static func hash(_ path: [UInt8]) -> UInt64 {
        var fingerprint = Fingerprint()
        path.withUnsafeBytes { fingerprint.add($0) }
        return fingerprint.value
    }

    /// The picture of a path, among the hashes of all in their order.
    private func find(_ path: [UInt8], _ hashes: [(hash: UInt64, picture: Int32)]) -> Int? {
        let hash = PictureList.hash(path)
        var (low, high) = (0, hashes.count)
        while low < high {
            let middle = (low + high) / 2
            if hashes[middle].hash < hash { low = middle + 1 } else { high = middle }
        }
        while low < hashes.count, hashes[low].hash == hash {
            if columns.path(of: Int(hashes[low].picture)) == path { return Int(hashes[low].picture) }
            low += 1
        }
        return nil
    }
}

/// In what two lists of pictures differ.
public struct PictureListDifferences: Hashable, Sendable, CustomStringConvertible {
    /// Pictures that differ in one way.
    public struct Group: Hashable, Sendable {
        /// How many they are.
        public private(set) var count = 0
        /// The paths of the first three.
        public private(set) var examples: [String] = []

        mutating func add(_ path: String) {
            count += 1
            if examples.count < 3 { examples.append(path) }
        }
    }

    /// Pictures that are here and not in the other list.
    public internal(set) var added = Group()
    /// Pictures that are in the other list and not here.
    public internal(set) var missing = Group()
    /// Pictures whose files have another size.
    public internal(set) var sizes = Group()
    /// Pictures of another class.
    public internal(set) var classes = Group()
    /// Pictures of another part.
    public internal(set) var parts = Group()
    /// Pictures of another source.
    public internal(set) var sources = Group()

    /// Whether the lists name the same pictures, of the same classes, parts and sources.
    public var isEmpty: Bool { self == PictureListDifferences() }

    /// What differs, in words, with examples; empty if nothing does.
    public var description: String {
        let groups = [
            (added, "added"), (missing, "missing"), (sizes, "changed in size"), (classes, "of another class"),
            (parts, "of another part"), (sources, "of another source"),
        ]
        return groups.filter { $0.0.count > 0 }.map { group, word in
            let more = group.count > group.examples.count ? ", …" : ""
            return "\(group.count) \(word) (\(group.examples.map(\.visible).joined(separator: ", "))\(more))"
        }.joined(separator: "; ")
    }
}
