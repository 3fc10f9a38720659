import Foundation
import OrderedCollections
import RenormArrays

extension NamedArrays {
    /// Reads a safetensors file. Half-precision tensors (F16) become `f32`.
    ///
    /// - Throws: `FormatError` if the file is missing, truncated, too long, or its header is not as the format asks.
    public init(safetensors url: URL) throws {
        let input = try InputFile(url)
        let header = try SafetensorsHeader(try input.header(), path: input.path)
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
        let expected = input.dataStart.saturatingSum(position)
        guard input.size >= expected else {
            throw FormatError.truncated(path: input.path, found: input.size, expected: expected)
        }
        guard input.size == expected else {
            throw FormatError.trailingBytes(path: input.path, found: input.size, expected: expected)
        }
        for place in inOrder { arrays[place.name] = try place.read(from: input, end: expected) }
        self.init(
            OrderedDictionary(uniqueKeysWithValues: places.map { ($0.name, arrays[$0.name]!) }),
            metadata: header.metadata)
    }

    /// The metadata of a safetensors file, without its arrays.
    ///
    /// - Throws: `FormatError` if the file is missing or its header is not as the format asks.
    package static func metadata(safetensors url: URL) throws -> [String: String] {
        let input = try InputFile(url)
        return try SafetensorsHeader(try input.header(), path: input.path).metadata
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
        guard let type = StoredType(name: typeName) else {
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

    func read(from input: InputFile, end: Int) throws -> NDArray {
        guard case .native(let type) = type else {
            var halves = [UInt16](repeating: 0, count: shape.elementCount)
            try halves.withUnsafeMutableBytes { try input.read(into: $0, expectedSize: end) }
            return NDArray(halves.map(float(half:)), shape: shape)
        }
        var array = NDArray(uninitialized: shape, type: type)
        try array.withUnsafeMutableBytes { try input.read(into: $0, expectedSize: end) }
        return array
    }
}

/// A type of the format that is read.
private enum StoredType {
    case native(ElementType)
    case half

    init?(name: String) {
        if name == "F16" {
            self = .half
        } else if let type = ElementType.allCases.first(where: { $0.safetensorsName == name }) {
            self = .native(type)
        } else {
            return nil
        }
    }

    var byteCount: Int {
        switch self {
        case .native(let type): type.byteCount
        case .half: 2
        }
    }
}

/// The value of an IEEE half-precision number. (Swift's own `Float16` does not exist on every Mac.)
package func float(half bits: UInt16) -> Float {
    let sign: Float = bits >> 15 == 1 ? -1 : 1
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = Float(bits & 0x3FF)
    switch exponent {
    case 0: return sign * fraction * 0x1p-24
    case 31: return fraction == 0 ? sign * .infinity : .nan
    default:
        return sign * (1 + fraction * 0x1p-10) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
    }
}

/// An open file that is read from its beginning to its end.
private final class InputFile {
    let path: String
    let size: Int
    private(set) var dataStart = 0
    private let descriptor: Int32
    private var position = 0

    init(_ url: URL) throws {
        path = url.path
        // A pipe that nobody writes to would be waited for without end: it is opened at once, and refused.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw FormatError.unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw FormatError.unreadable(
                path: path, reason: isFolder ? "it is a folder" : "it is no ordinary file")
        }
        size = Int(status.st_size)
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    func header() throws -> [UInt8] {
        guard size >= 8 else { throw FormatError.truncated(path: path, found: size, expected: 8) }
        var length: UInt64 = 0
        try withUnsafeMutableBytes(of: &length) { try read(into: $0, expectedSize: 8) }
        guard length <= Safetensors.largestHeader else {
            throw FormatError.headerTooLarge(
                path: path, found: Int(clamping: length), limit: Safetensors.largestHeader)
        }
        dataStart = 8 + Int(length)
        guard size >= dataStart else {
            throw FormatError.truncated(path: path, found: size, expected: dataStart)
        }
        var bytes = [UInt8](repeating: 0, count: Int(length))
        try bytes.withUnsafeMutableBytes { try read(into: $0, expectedSize: dataStart) }
        return bytes
    }

    func read(into memory: UnsafeMutableRawBufferPointer, expectedSize: Int) throws {
        var done = 0
        while done < memory.count {
            #if canImport(Darwin)
                let count = Darwin.read(
                    descriptor, memory.baseAddress! + done, min(memory.count - done, 1 << 30))
            #else
                let count = Glibc.read(
                    descriptor, memory.baseAddress! + done, min(memory.count - done, 1 << 30))
            #endif
            if count < 0 {
                if errno == EINTR { continue }
                throw FormatError.unreadable(path: path, reason: String(cString: strerror(errno)))
            }
            // Whoever shortened the file after it was opened.
            if count == 0 {
                throw FormatError.truncated(path: path, found: position + done, expected: expectedSize)
            }
            done += count
        }
        position += done
    }
}
