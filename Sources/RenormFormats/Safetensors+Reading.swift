import Foundation
import OrderedCollections
import RenormArrays

extension NamedArrays {
    /// Reads a safetensors file. Half-precision numbers become `f32`, whole numbers of fewer than 32 bits `i32`, truth values `u8`.
    ///
    /// - Throws: `FormatError` if the file is missing, truncated, too long, or its header is not as the format asks.
    public init(safetensors url: URL) throws { try self.init(safetensors: InputFile(url)) }

    init(safetensors input: InputFile) throws {
        let bytes = try input.safetensorsHeader()
        let header = try SafetensorsHeader(bytes, path: input.path)
        let dataStart = 8 + bytes.count
        let places = try header.entries.map { name, entry in
            try Place(name: name, entry: entry, path: input.path)
        }
        var arrays: [String: NDArray] = [:]
        var position = 0
        let inOrder = places.sorted { ($0.begin, $0.end) < ($1.begin, $1.end) }
        for place in inOrder {
            guard place.begin == position else {
                throw FormatError.offset(
                    path: input.path, tensor: place.name, found: place.begin, expected: position)
            }
            position = place.end
        }
        let expected = dataStart.saturatingSum(position)
        guard input.size >= expected else {
            throw FormatError.truncated(path: input.path, found: input.size, expected: expected)
        }
        guard input.size == expected else {
            throw FormatError.trailingBytes(path: input.path, found: input.size, expected: expected)
        }
        for place in inOrder { arrays[place.name] = try place.read(from: input, dataStart) }
        self.init(
            OrderedDictionary(uniqueKeysWithValues: places.map { ($0.name, arrays[$0.name]!) }),
            metadata: header.metadata)
    }

    /// The metadata of a safetensors file, without its arrays.
    ///
    /// - Throws: `FormatError` if the file is missing or its header is not as the format asks.
    package static func metadata(safetensors url: URL) throws -> [String: String] {
        let input = try InputFile(url)
        return try SafetensorsHeader(try input.safetensorsHeader(), path: input.path).metadata
    }
}

/// Where the header says that a tensor is.
private struct Place {
    let name: String
    let type: StoredType
    let shape: TensorShape
    let begin: Int
    let end: Int

    init(name: String, entry: SafetensorsHeader.Entry, path: String) throws {
        func malformed(_ reason: String) -> FormatError {
            .malformedHeader(path: path, entry: name, reason: reason)
        }
        guard entry.isObject else { throw malformed("it is no object") }
        guard let typeName = entry.type else { throw malformed("dtype is no string") }
        guard let type = StoredType(safetensorsName: typeName) else {
            throw FormatError.unknownType(path: path, tensor: name, type: typeName)
        }
        guard let dimensions = entry.shape, dimensions.allSatisfy({ $0 >= 0 }) else {
            throw malformed("shape is no list of whole numbers")
        }
        guard let offsets = entry.offsets, offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1]
        else {
            throw malformed("data_offsets are not a begin and an end after it")
        }
        var byteCount = type.byteCount
        for dimension in dimensions {
            let (product, overflow) = byteCount.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw malformed("its shape is too large") }
            byteCount = product
        }
        // What has elements is no larger than the file; an extent of 0 can stand beside any others.
        if byteCount == 0, let fault = TensorShape(dimensions).fault {
            throw malformed("found \(fault.found), expected \(fault.expected)")
        }
        guard byteCount == offsets[1] - offsets[0] else {
            throw FormatError.byteCount(
                path: path, tensor: name, found: offsets[1] - offsets[0], expected: byteCount)
        }
        self.name = name
        self.type = type
        shape = TensorShape(dimensions)
        (begin, end) = (offsets[0], offsets[1])
    }

    func read(from input: InputFile, _ dataStart: Int) throws -> NDArray {
        try input.array(shape, type, at: dataStart + begin)
    }
}

extension StoredType {
    /// The type by the format's name; `nil` if it is not read.
    init?(safetensorsName name: String) {
        guard let type = StoredType.allCases.first(where: { "\($0)".uppercased() == name }) else {
            return nil
        }
        self = type
    }
}

extension InputFile {
    /// The JSON at the beginning, without the 8 bytes of its length.
    fileprivate func safetensorsHeader() throws -> [UInt8] {
        guard size >= 8 else { throw FormatError.truncated(path: path, found: size, expected: 8) }
        var length: UInt64 = 0
        try withUnsafeMutableBytes(of: &length) { try read(into: $0, at: 0) }
        guard length <= Safetensors.largestHeader else {
            throw FormatError.headerTooLarge(
                path: path, found: Int(clamping: length), limit: Safetensors.largestHeader)
        }
        let end = 8 + Int(length)
        guard size >= end else { throw FormatError.truncated(path: path, found: size, expected: end) }
        return try bytes(8..<end)
    }
}
