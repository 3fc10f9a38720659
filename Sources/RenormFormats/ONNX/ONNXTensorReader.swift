import Foundation
import RenormArrays

/// Reads the arrays of an ONNX file, each straight from where its bytes are to its own memory.
struct ONNXTensorReader {
    private let source: WindowedFile
    private let folder: URL
    private var beside: [String: InputFile] = [:]

    /// - Parameter folder: That of the file, in which arrays outside of it must be.
    init(_ source: WindowedFile, folder: URL) {
        self.source = source
        self.folder = folder
    }

    /// What a tensor's message says, before its values are looked at.
    private struct Description {
        var name = ""
        var dimensions: [Int] = []
        var type = 0
        var raw: Range<Int>?
        /// Where numbers of their own fields are, by the field.
        var rows: [(field: Int, value: ProtobufReader.Value)] = []
        var isOutside = false
        var outside: [String: String] = [:]
    }

    /// Reads a tensor.
    ///
    /// - Throws: `FormatError`.
    mutating func read(_ message: ProtobufReader) throws -> (name: String, array: NDArray) {
        var (message, tensor) = (message, Description())
        while let (number, value) = try message.next() {
            switch number {
            case 1:
                try message.appendIntegers(value, to: &tensor.dimensions, atMost: TensorShape.largestRank)
            case 2: tensor.type = try message.integer(value)
            case 4, 5, 7, 10, 11: tensor.rows.append((number, value))
            case 8: tensor.name = try message.text(value)
            case 9: tensor.raw = try message.range(value)
            case 13:
                let (key, text) = try ONNXModel.entry(message.message(value, message.place))
                tensor.outside[key] = text
            case 14: tensor.isOutside = try message.integer(value) == 1
            default: break
            }
        }
        let name = tensor.name.isEmpty ? message.place : tensor.name.prefix(100).description.visible
        guard let type = ONNXTensorType.stored(tensor.type) else {
            throw FormatError.unknownType(
                path: source.file.path, tensor: name, type: ONNXTensorType.name(tensor.type))
        }
        let shape = TensorShape(tensor.dimensions)
        if let fault = shape.fault {
            throw message.failure("'\(name)' has \(fault.found), where \(fault.expected) are expected")
        }
        if tensor.isOutside {
            let (file, start) = try place(of: tensor, shape.elementCount * type.byteCount, name: name)
            return (tensor.name, try file.array(shape, type, at: start))
        }
        if let raw = tensor.raw {
            let expected = shape.elementCount * type.byteCount
            guard raw.count == expected else {
                throw FormatError.byteCount(
                    path: source.file.path, tensor: name, found: raw.count, expected: expected)
            }
            return (tensor.name, try source.file.array(shape, type, at: raw.lowerBound))
        }
        return (tensor.name, try array(tensor.rows, shape, type, message, name: name))
    }

    /// The values of fields of numbers.
    private func array(
        _ rows: [(field: Int, value: ProtobufReader.Value)], _ shape: TensorShape, _ type: StoredType,
        _ message: ProtobufReader, name: String
    ) throws -> NDArray {
        let count = shape.elementCount
        // Each number takes a byte at least, so what is too large is known before there is memory for it.
        let available = rows.reduce(0) { sum, row in
            if case .bytes(let range) = row.value { sum + range.count } else { sum + 1 }
        }
        guard count <= available else {
            throw FormatError.byteCount(
                path: source.file.path, tensor: name, found: available, expected: count * type.byteCount)
        }
        var array = NDArray(uninitialized: shape, type: type.elementType)
        var place = 0
        func failure() -> FormatError {
            message.failure("'\(name)' has another number of values than its shape \(shape)")
        }
        try array.withUnsafeMutableBytes { memory in
            func put(_ bits: UInt64) throws {
                guard place < count else { throw failure() }
                withUnsafeBytes(of: bits) {
                    type.copy(
                        1, from: $0.baseAddress!, step: type.byteCount,
                        to: memory.baseAddress! + place * type.elementType.byteCount,
                        step: type.elementType.byteCount)
                }
                place += 1
            }
            for row in rows {
                switch row.value {
                case .varint(let bits), .fixed64(let bits): try put(bits)
                case .fixed32(let bits): try put(UInt64(bits))
                case .bytes:
                    var numbers = try message.message(row.value, message.place)
                    while !numbers.isAtEnd {
                        switch row.field {
                        case 4: try put(try numbers.fixed(4))
                        case 10: try put(try numbers.fixed(8))
                        default: try put(try numbers.varint())
                        }
                    }
                }
            }
        }
        guard place == count else { throw failure() }
        return array
    }

    /// Where the bytes of an array beside the file are.
    private mutating func place(of tensor: Description, _ count: Int, name: String) throws -> (InputFile, Int)
    {
        let location = tensor.outside["location"] ?? ""
        func failure(_ reason: String) -> FormatError {
            .externalData(
                path: source.file.path, tensor: name, location: location.prefix(200).description.visible,
                reason: reason)
        }
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        guard !location.isEmpty, !location.contains("\0"), !location.contains("\\"),
            !parts.contains(where: { $0.isEmpty || $0 == ".." })
        else { throw failure("it is no path inside the file's folder") }
        if beside[location] == nil {
            let url = folder.appendingPathComponent(location)
            // Where it leads, and not only what it is called, must be inside.
            guard let inside = realPath(folder.path.isEmpty ? "." : folder.path),
                let target = realPath(url.path)
            else {
                throw failure("there is no such file")
            }
            guard target.hasPrefix(inside == "/" ? inside : inside + "/") else {
                throw failure("it leads out of the file's folder by a symbolic link")
            }
            beside[location] = try InputFile(URL(fileURLWithPath: target))
        }
        let file = beside[location]!
        guard let offset = Int(tensor.outside["offset"] ?? "0"), offset >= 0,
            let length = Int(tensor.outside["length"] ?? "\(count)")
        else { throw failure("its offset or its length is no number") }
        guard length == count else {
            throw FormatError.byteCount(path: source.file.path, tensor: name, found: length, expected: count)
        }
        guard offset.saturatingSum(count) <= file.size else {
            throw failure(
                "it has \(file.size) bytes, where \(count) from \(offset) on are asked for")
        }
        return (file, offset)
    }
}

/// A path without symbolic links; `nil` where nothing is there.
private func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
}
