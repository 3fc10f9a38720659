/// The list of entries at the end of a zip archive, as it stands there.
struct ZipDirectory {
    /// Where the list begins.
    let start: Int
    private let count: Int
    private let bytes: [UInt8]
    private let path: String

    /// Finds and reads the list.
    ///
    /// - Throws: `FormatError.damagedArchive`.
    init(_ file: InputFile) throws {
        path = file.path
        func damaged(_ reason: String) -> FormatError { .damagedArchive(path: file.path, reason: reason) }
        // The end of the archive has 22 bytes, and a comment of up to 65,535 after them.
        let tail = max(file.size - 22 - 0xFFFF, 0)
        let bytes = try file.bytes(tail..<file.size)
        let place = stride(from: bytes.count - 22, through: 0, by: -1).first { place in
            bytes[place] == 0x50 && bytes[place..<place + 4].elementsEqual([0x50, 0x4B, 5, 6])
                && place + 22 + (Int(bytes[place + 20]) | Int(bytes[place + 21]) << 8) == bytes.count
        }
        guard let place else { throw damaged("it has no list of entries at its end, so it was cut off") }
        var reader = LittleEndianReader(bytes[(place + 4)...])
        guard reader.next(UInt32.self) == 0 else { throw damaged("it is one of several parts") }
        let (here, all) = (reader.next(UInt16.self)!, reader.next(UInt16.self)!)
        var (count, size, start) = (Int(all), Int(reader.next(UInt32.self)!), Int(reader.next(UInt32.self)!))
        var end = tail + place
        // Where there is a 64-bit end, 20 bytes before this one say where; PyTorch always writes both.
        let before = try file.bytes(max(end - 20, 0)..<end)
        if before.starts(with: [0x50, 0x4B, 6, 7]) {
            var locator = LittleEndianReader(before.dropFirst(4))
            guard locator.next(UInt32.self) == 0, let where64 = locator.next(UInt64.self), end >= 20 + 56,
                where64 <= end - 20 - 56
            else { throw damaged("its 64-bit end is missing") }
            end = Int(where64)
            var reader = LittleEndianReader(try file.bytes(end..<end + 56)[...])
            guard reader.next(UInt32.self) == 0x0606_4B50, reader.next(12) != nil,
                reader.next(UInt64.self) == 0, let here64 = reader.next(UInt64.self),
                let all64 = reader.next(UInt64.self), here64 == all64, let count64 = Int(exactly: all64),
                let size64 = Int(exactly: reader.next(UInt64.self)!),
                let start64 = Int(exactly: reader.next(UInt64.self)!),
                [count64, 0xFFFF].contains(count), [size64, 0xFFFF_FFFF].contains(size),
                [start64, 0xFFFF_FFFF].contains(start)
            else { throw damaged("its 64-bit end is wrong") }
            (count, size, start) = (count64, size64, start64)
        } else if here != all {
            throw damaged("it is one of several parts")
        }
        guard start <= end, size == end - start else {
            throw damaged("its list of entries does not end where the archive does")
        }
        guard size <= ZipArchive.largestDirectory else {
            throw damaged(
                "its list of entries has \(size) bytes, of which at most \(ZipArchive.largestDirectory) are read"
            )
        }
        guard count <= size / 46 else { throw damaged("its list is too short for \(count) entries") }
        (self.start, self.count) = (start, count)
        self.bytes = try file.bytes(start..<end)
    }

    /// The entries of the list.
    func entries() throws -> [ZipArchive.Entry] {
        var reader = LittleEndianReader(bytes[...])
        let entries = try (0..<count).map { _ in try entry(&reader) }
        guard reader.position == bytes.endIndex else {
            throw damaged("its list has more than \(count) entries")
        }
        return entries
    }

    private func entry(_ reader: inout LittleEndianReader) throws -> ZipArchive.Entry {
        guard reader.next(UInt32.self) == 0x0201_4B50, reader.next(UInt32.self) != nil,
            let flags = reader.next(UInt16.self), let method = reader.next(UInt16.self),
            reader.next(UInt32.self) != nil, let checksum = reader.next(UInt32.self),
            let packed = reader.next(UInt32.self), let count = reader.next(UInt32.self),
            let nameCount = reader.next(UInt16.self), let extraCount = reader.next(UInt16.self),
            let commentCount = reader.next(UInt16.self), reader.next(8) != nil,
            let start = reader.next(UInt32.self), let nameBytes = reader.next(Int(nameCount)),
            let extra = reader.next(Int(extraCount)), reader.next(Int(commentCount)) != nil
        else { throw damaged("its list of entries is wrong") }
        guard let name = String(validating: nameBytes, as: UTF8.self), Self.isHarmless(name) else {
            throw damaged(
                "an entry is called \"\(String(decoding: nameBytes, as: UTF8.self))\", which is no path inside it"
            )
        }
        guard flags & 0x2041 == 0 else { throw damaged("\"\(name)\" is encrypted") }
        guard method == 0 || method == 8 else {
            throw damaged(
                "\"\(name)\" is packed by method \(method); only 0 (stored) and 8 (deflate) are read")
        }
        var wide = LittleEndianReader(Self.wideSizes(extra))
        func size(_ number: UInt32) throws -> Int {
            guard number == .max else { return Int(number) }
            guard let number = wide.next(UInt64.self), let size = Int(exactly: number) else {
                throw damaged("\"\(name)\" has no 64-bit size")
            }
            return size
        }
        // In this order they stand in the 64-bit extension, those of them that do not fit in 32.
        let sizes = (count: try size(count), packed: try size(packed), start: try size(start))
        guard sizes.start <= self.start else { throw damaged("\"\(name)\" lies outside it") }
        guard method == 8 || sizes.packed == sizes.count else {
            throw damaged("\"\(name)\" is not packed, but has two sizes")
        }
        return ZipArchive.Entry(
            name: name, isDeflated: method == 8, packedCount: sizes.packed, count: sizes.count,
            checksum: checksum,
            flags: flags, headerStart: sizes.start)
    }

    /// What the extension of 64-bit sizes holds; nothing if there is none.
    private static func wideSizes(_ extra: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var reader = LittleEndianReader(extra)
        while let kind = reader.next(UInt16.self), let count = reader.next(UInt16.self),
            let content = reader.next(Int(count))
        {
            if kind == 1 { return content }
        }
        return []
    }

    /// Whether a name stays inside: nothing is ever written under it, but others would.
    private static func isHarmless(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix("/") && !name.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "\\") }
            && !name.split(separator: "/", omittingEmptySubsequences: false).contains("..")
    }

    private func damaged(_ reason: String) -> FormatError { .damagedArchive(path: path, reason: reason) }
}
