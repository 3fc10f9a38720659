import RenormArrays

/// The files of a tar archive, found by reading its headers alone.
///
/// Understands ustar with its prefixes, GNU's long names and large numbers, and pax's records of path and size. Links and
/// devices are passed by and counted.
///
/// Sources: POSIX.1-2017, pax; GNU tar, "Basic Tar Format".
struct TarReader {
    /// A file in the archive.
    struct Entry {
        var path: [UInt8]
        /// Where its bytes begin in the archive.
        var offset: Int
        var size: Int
    }

    private let file: OpenFile
    private var position = 0
    /// What a pax or GNU header says of the entry that follows.
    private var nextPath: [UInt8]?
    private var nextSize: Int?
    /// Entries that are neither files nor folders.
    private(set) var passedBy = 0

    private static let block = 512
    /// The longest path or record that is believed.
    private static let longestText = 1 << 20

    init(_ file: OpenFile) { self.file = file }

    /// The next file; `nil` at the end.
    ///
    /// - Throws: `ImagesError.damagedTar`, `.compressedTar`, `.unreadable`.
    mutating func next() throws -> Entry? {
        while let header = try readHeader() {
            let size = header.isAboutNext ? header.size : nextSize ?? header.size
            let offset = position
            // Checked before anything is added to it.
            guard size >= 0, size <= file.size - offset else {
                throw damage(
                    at: offset - TarReader.block,
                    "'\(text(nextPath ?? header.path))' is said to have \(size) bytes, and the archive has "
                        + "\(max(file.size - offset, 0)) from there on")
            }
            // The padding of a last file may be missing.
            position = min(
                offset + (size + TarReader.block - 1) / TarReader.block * TarReader.block, file.size)
            switch header.kind {
            case UInt8(ascii: "L"):
                nextPath = Array(try readText(at: offset, size).prefix { $0 != 0 })
                continue
            case UInt8(ascii: "x"):
                try readRecords(readText(at: offset, size), at: offset)
                continue
            default: break
            }
            if header.isAboutNext { continue }
            let path = nextPath ?? header.path
            (nextPath, nextSize) = (nil, nil)
            switch header.kind {
            case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
                // Before ustar a folder was a file whose name ends so.
                if path.last == UInt8(ascii: "/") { continue }
                return Entry(path: path, offset: offset, size: size)
            case UInt8(ascii: "5"): continue
            default: passedBy += 1
            }
        }
        return nil
    }

    private struct Header {
        var path: [UInt8]
        var size: Int
        var kind: UInt8

        /// Whether it is no entry, but says something of entries that follow.
        var isAboutNext: Bool { "LKxXg".utf8.contains(kind) }
    }

    private mutating func readHeader() throws -> Header? {
        guard position < file.size else { return nil }
        var bytes = [UInt8](repeating: 0, count: TarReader.block)
        let found = try bytes.withUnsafeMutableBytes { try file.read(at: position, into: $0) }
        if position == 0, let packing = TarReader.packing(bytes.prefix(found)) {
            throw ImagesError.compressedTar(path: file.path, packing: packing)
        }
        // A block of zeros is the end; what follows fills up the last record.
        if bytes.allSatisfy({ $0 == 0 }), found == TarReader.block { return nil }
        guard found == TarReader.block else {
            throw damage(at: position, "a header of \(TarReader.block) bytes is cut off after \(found)")
        }
        let sum = bytes.enumerated().reduce(0) {
            $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element))
        }
        guard number(bytes[148..<156]) == sum else {
            throw damage(at: position, "the checksum of a header is wrong")
        }
        guard let size = number(bytes[124..<136]) else {
            throw damage(at: position, "a header has no size that can be read")
        }
        var path = Array(bytes[0..<100].prefix { $0 != 0 })
        let isPOSIX = bytes[257..<263].elementsEqual([0x75, 0x73, 0x74, 0x61, 0x72, 0])
        let prefix = bytes[345..<500].prefix { $0 != 0 }
        if isPOSIX, !prefix.isEmpty { path = prefix + [UInt8(ascii: "/")] + path }
        position += TarReader.block
        let kind = bytes[156]
        // What has no content may announce a size all the same.
        let isEmpty = kind >= UInt8(ascii: "1") && kind <= UInt8(ascii: "6")
        return Header(path: path, size: isEmpty ? 0 : size, kind: kind)
    }

    /// An octal number between blanks, or GNU's number to the base of 256.
    private func number(_ field: ArraySlice<UInt8>) -> Int? {
        if let first = field.first, first & 0x80 != 0 {
            // Negative ones, which begin with FF, are nothing's size.
            guard first == 0x80 else { return nil }
            var value = 0
            for byte in field.dropFirst() {
                guard value < 1 << 54 else { return nil }
                value = value << 8 | Int(byte)
            }
            return value
        }
        let digits = field.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != 0 && $0 != UInt8(ascii: " ") }
        guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 << 3 | Int($1 - UInt8(ascii: "0")) }
    }

    private func readText(at offset: Int, _ size: Int) throws -> [UInt8] {
        guard size <= TarReader.longestText else {
            throw damage(at: offset, "a name or a record of \(size) bytes")
        }
        var bytes = [UInt8](repeating: 0, count: size)
        let found = try bytes.withUnsafeMutableBytes { try file.read(at: offset, into: $0) }
        guard found == size else { throw damage(at: offset, "a name is cut off") }
        return bytes
    }

    /// Reads records `LENGTH KEY=VALUE\n`, where the length counts all of it.
    private mutating func readRecords(_ bytes: [UInt8], at offset: Int) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0 != UInt8(ascii: " ") }
            guard let length = decimal(digits), length > digits.count + 1, length <= rest.count,
                rest[rest.startIndex + length - 1] == UInt8(ascii: "\n")
            else { throw damage(at: offset, "a pax record is damaged") }
            let record = rest.prefix(length - 1).dropFirst(digits.count + 1)
            rest = rest.dropFirst(length)
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
                throw damage(at: offset, "a pax record is damaged")
            }
            let value = record[(equals + 1)...]
            if record[..<equals].elementsEqual("path".utf8) {
                nextPath = Array(value.prefix { $0 != 0 })
            } else if record[..<equals].elementsEqual("size".utf8) {
                guard let size = decimal(value) else { throw damage(at: offset, "a pax size is no number") }
                nextSize = size
            }
        }
    }

    private func decimal(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.count < 18 else { return nil }
        return Int(String(decoding: digits, as: UTF8.self)).flatMap { $0 < 0 ? nil : $0 }
    }

    private func damage(at offset: Int, _ reason: String) -> ImagesError {
        .damagedTar(path: file.path, offset: offset, reason: reason)
    }

    private func text(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }

    /// What packed an archive, and how to unpack it, by its first bytes.
    private static func packing(_ start: ArraySlice<UInt8>) -> String? {
        let kinds: [([UInt8], String)] = [
            ([0x1F, 0x8B], "gzip"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "xz"),
            ([0x28, 0xB5, 0x2F, 0xFD], "zstd"),
            ([0x42, 0x5A, 0x68], "bzip2"), ([0x50, 0x4B, 0x03, 0x04], "zip"),
        ]
        return kinds.first { start.starts(with: $0.0) }?.1
    }
}
