import OrderedCollections
import RenormArrays

/// Weights as `torch.save` writes them: a pickle that describes tensors, and beside it the bytes of their storages.
extension NamedArrays {
    /// The zip format (PyTorch 1.6 and later): the pickle is `NAME/data.pkl`, a storage `NAME/data/KEY`.
    init(pytorch archive: ZipArchive, folder: String, under name: String?) throws {
        let path = archive.file.path
        if let order = archive.entries["\(folder)byteorder"],
            String(decoding: try archive.bytes(order, limit: 64), as: UTF8.self) != "little"
        {
            throw NamedArrays.bigEndian(path)
        }
        let pickle = "\(folder)data.pkl"
        var machine = PickleMachine(
            PickleInput(
                try archive.bytes(archive.entries[pickle]!, limit: PickleInput.limit), path: path,
                name: pickle))
        let root = try machine.load()
        for (key, storage) in machine.storages where !storage.isMeta && storage.byteCount > 0 {
            guard let entry = archive.entries["\(folder)data/\(key)"] else {
                throw FormatError.damagedArchive(path: path, reason: "the storage \"\(key)\" is missing")
            }
            guard entry.count == storage.byteCount else {
                throw FormatError.damagedArchive(
                    path: path,
                    reason:
                        "the storage \"\(key)\" has \(entry.count) bytes, and \(pickle) says \(storage.byteCount)"
                )
            }
        }
        try self.init(machine, root, under: name) { storage in
            guard let entry = archive.entries["\(folder)data/\(storage.key)"] else {
                return ByteStream(archive.file, at: 0, count: 0)
            }
            return try archive.stream(entry)
        }
    }

    /// The number that the old format begins with, as a pickle of protocol 2 or later has it.
    static let legacyMagic: [UInt8] = [
        0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
    ]

    /// The old format: pickles of a number that tells it, of its version, of the machine, of the content, and of the storages'
    /// keys; then each storage as its count of numbers in 8 bytes and the numbers.
    init(legacyPyTorch file: InputFile, under name: String?) throws {
        let content = "its pickle"
        var machine = PickleMachine(PickleInput(file, from: 0, name: content))
        _ = try machine.load()
        guard case .integer(1001) = try machine.load() else {
            throw machine.malformed("its version is not 1001, the only one that there was")
        }
        let system = try machine.load()
        if case .dictionary(let items) = try machine.object(system) {
            for place in stride(from: 0, to: items.count, by: 2) {
                if case .text("little_endian") = items[place], case .bool(false) = items[place + 1] {
                    throw NamedArrays.bigEndian(file.path)
                }
            }
        }
        let root = try machine.load()
        let listing = try machine.load()
        guard case .list(let keys) = try machine.object(listing) else {
            throw machine.malformed("there is no list of storages")
        }
        var places: [String: Int] = [:]
        var position = machine.input.position
        for key in keys {
            guard case .text(let key) = key, let storage = machine.storages[key] else {
                throw machine.malformed("a storage is listed that no tensor has")
            }
            guard file.size - position >= 8 else {
                throw FormatError.truncated(path: file.path, found: file.size, expected: position + 8)
            }
            var reader = LittleEndianReader(try file.bytes(position..<position + 8)[...])
            let count = reader.next(Int64.self)!
            position += 8
            guard Int(count).saturatingProduct(storage.unit) == storage.byteCount else {
                throw machine.malformed(
                    "the storage \"\(key)\" has \(count) numbers where it lies, and \(storage.byteCount / storage.unit) in the pickle"
                )
            }
            guard file.size - position >= storage.byteCount else {
                throw FormatError.truncated(
                    path: file.path, found: file.size, expected: position.saturatingSum(storage.byteCount))
            }
            guard places.updateValue(position, forKey: key) == nil else {
                throw machine.malformed("the storage \"\(key)\" is listed twice")
            }
            position += storage.byteCount
        }
        if let missing = machine.storages.keys.filter({ places[$0] == nil }).min() {
            throw machine.malformed("the storage \"\(missing)\" is not listed")
        }
        let begin = places
        try self.init(machine, root, under: name) { storage in
            ByteStream(file, at: begin[storage.key]!, count: storage.byteCount)
        }
        if position < file.size {
            remarks.append("\(file.size - position) bytes after the last storage were left out.")
        }
    }

    /// Reads the tensors that a pickle describes.
    private init(
        _ machine: PickleMachine, _ root: PickleValue, under name: String?,
        stream: @escaping @Sendable (PickledStorage.Root) throws -> ByteStream
    ) throws {
        let path = machine.input.path
        let state = try StateDictionary(of: root, heap: machine.heap, under: name, path: path)
        let views = state.entries.compactMap { name, entry in
            if case .tensor(let view) = entry { (name: name, view: view) } else { nil }
        }
        let arrays = try StorageReader(path: path, stream: stream).arrays(of: views)
        self.init(
            state.entries.mapValues { entry in
                switch entry {
                case .tensor(let view): arrays[view]!
                case .array(let array): array
                }
            })
        remarks = state.remarks
    }

    private static func bigEndian(_ path: String) -> FormatError {
        .unknownFormat(
            path: path, found: "a file of PyTorch's whose numbers have their largest byte first",
            remedy: "Load it in PyTorch on any machine of today and save it again.")
    }
}
