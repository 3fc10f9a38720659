import OrderedCollections

/// A zip archive whose list of entries has been checked: no two of them overlap, each lies where its own header says the same
/// of it as the list, and all would become no more than a machine can bear. Source: PKWARE, APPNOTE.TXT 6.3.
struct ZipArchive: Sendable {
    /// An entry: a file inside the archive.
    struct Entry: Sendable {
        var name: String
        /// Whether its bytes are packed; else they lie there as they are.
        var isDeflated: Bool
        /// The bytes that it takes in the archive, and those that it becomes.
        var packedCount: Int
        var count: Int
        var checksum: UInt32
        /// The bits of the format that say, among others, that sizes come after the bytes.
        var flags: UInt16
        var headerStart: Int
        /// Where its bytes begin; known when its header has been read.
        var start = 0
    }

    let file: InputFile
    /// The entries by name, in the order of the list.
    private(set) var entries: OrderedDictionary<String, Entry> = [:]

    /// The most bytes of a list of entries.
    static let largestDirectory = 1 << 26
    /// How many times the file's size packed entries may become, and how many bytes in any case. Weights hardly get smaller
    /// by packing, but zeros do.
    static let largestRatio = 20
    static let allowance = 1 << 26

    /// Reads the list of an archive.
    ///
    /// - Throws: `FormatError.damagedArchive`.
    init(_ file: InputFile) throws {
        self.file = file
        let directory = try ZipDirectory(file)
        for var entry in try directory.entries() {
            entry.start = try start(of: entry)
            guard entries.updateValue(entry, forKey: entry.name) == nil else {
                throw damaged("\"\(entry.name)\" is in it twice")
            }
        }
        var end = 0
        for entry in entries.values.sorted(by: { $0.headerStart < $1.headerStart }) {
            guard entry.headerStart >= end else { throw damaged("\"\(entry.name)\" lies upon another entry") }
            end = entry.start + entry.packedCount
        }
        guard end <= directory.start else { throw damaged("an entry lies upon the list of entries") }
        var total = 0
        for entry in entries.values where entry.isDeflated { total = total.saturatingSum(entry.count) }
        let limit = ZipArchive.largestRatio * file.size + ZipArchive.allowance
        guard total <= limit else {
            throw damaged(
                "its packed entries would become \(total) bytes, of which at most \(limit) are read")
        }
    }

    /// The bytes of an entry.
    func stream(_ entry: Entry) throws -> ByteStream {
        if entry.isDeflated {
            return try ByteStream(
                file, deflated: entry.start..<entry.start + entry.packedCount, count: entry.count,
                checksum: entry.checksum, name: entry.name)
        }
        return ByteStream(
            file, at: entry.start, count: entry.count, checksum: entry.checksum, name: entry.name)
    }

    /// All bytes of an entry, if there are at most `limit`.
    func bytes(_ entry: Entry, limit: Int) throws -> [UInt8] {
        guard entry.count <= limit else {
            throw damaged("\"\(entry.name)\" has \(entry.count) bytes, of which at most \(limit) are read")
        }
        let stream = try stream(entry)
        return try [UInt8](unsafeUninitializedCapacity: entry.count) { memory, count in
            try stream.read(into: UnsafeMutableRawBufferPointer(memory))
            try stream.finish()
            count = memory.count
        }
    }

    /// Where the bytes of an entry begin, by its own header, which must say what the list says.
    private func start(of entry: Entry) throws -> Int {
        func wrong(_ what: String) -> FormatError {
            damaged("\"\(entry.name)\" has \(what) in its own header than in the list of entries")
        }
        let fixed = 30
        guard file.size - entry.headerStart >= fixed else {
            throw damaged("\"\(entry.name)\" lies outside it")
        }
        let name = Array(entry.name.utf8)
        let bytes = try file.bytes(
            entry.headerStart..<min(entry.headerStart + fixed + name.count, file.size))
        var reader = LittleEndianReader(bytes[...])
        guard reader.next(UInt32.self) == 0x0403_4B50 else {
            throw damaged("\"\(entry.name)\" is not where the list of entries says")
        }
        _ = reader.next(UInt16.self)
        let flags = reader.next(UInt16.self)!
        guard flags & 0x9 == entry.flags & 0x9 else { throw wrong("other flags") }
        guard reader.next(UInt16.self)! == (entry.isDeflated ? 8 : 0) else { throw wrong("another method") }
        _ = reader.next(UInt32.self)
        let (checksum, packed, count) = (
            reader.next(UInt32.self)!, reader.next(UInt32.self)!, reader.next(UInt32.self)!
        )
        // The sizes may stand after the bytes, or beside the others in 64 bits.
        let isElsewhere = flags & 8 != 0
        func agrees(_ found: UInt32, _ expected: Int) -> Bool {
            Int(found) == expected || found == .max || (isElsewhere && found == 0)
        }
        guard checksum == entry.checksum || (isElsewhere && checksum == 0) else {
            throw wrong("another checksum")
        }
        guard agrees(packed, entry.packedCount), agrees(count, entry.count) else {
            throw wrong("another size")
        }
        let (nameCount, extraCount) = (Int(reader.next(UInt16.self)!), Int(reader.next(UInt16.self)!))
        guard nameCount == name.count, bytes.count == fixed + nameCount, bytes[fixed...].elementsEqual(name)
        else {
            throw wrong("another name")
        }
        let start = entry.headerStart + fixed + nameCount + extraCount
        guard file.size - start >= entry.packedCount else { throw damaged("\"\(entry.name)\" is cut off") }
        return start
    }

    private func damaged(_ reason: String) -> FormatError {
        .damagedArchive(path: file.path, reason: reason)
    }
}
