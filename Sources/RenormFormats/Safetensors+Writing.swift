import Foundation
import RenormArrays

/// The format safetensors: the header's length as 8 little-endian bytes; a JSON header with, for each tensor, its type, shape
/// and place in the data; then the data, little-endian, without gaps. Source: huggingface/safetensors, README, "Format".
enum Safetensors {
    static let metadataKey = "__metadata__"
    /// What the format's own library allows.
    static let largestHeader = 100_000_000
}

extension NamedArrays {
    /// Writes a safetensors file: all of it or, if anything fails, nothing. Equal contents give equal bytes.
    ///
    /// In the data, larger elements come first, so that each array is aligned to its elements, and arrays of one type are
    /// ordered by their names' bytes, as the format's own library does. The header keeps the order of `arrays`; metadata are
    /// ordered by key.
    ///
    /// - Throws: `FormatError`.
    public func write(safetensors url: URL) throws {
        guard arrays[Safetensors.metadataKey] == nil else {
            throw FormatError.reservedName(path: url.path, name: Safetensors.metadataKey)
        }
        let order = arrays.keys.sorted { left, right in
            let (a, b) = (arrays[left]!.type.safetensorsRank, arrays[right]!.type.safetensorsRank)
            return a == b ? left.utf8.lexicographicallyPrecedes(right.utf8) : a < b
        }
        var ends: [String: Int] = [:]
        var size = 0
        for name in order {
            size += arrays[name]!.byteCount
            ends[name] = size
        }
        let header = try header(ends: ends)
        try AtomicFile.write(to: url, byteCount: header.count + size) { writer in
            try header.withUnsafeBytes { try writer.write($0) }
            for name in order { try arrays[name]!.withUnsafeBytes { try writer.write($0) } }
        }
    }

    /// The length and the header, padded with spaces so that the data begin at a multiple of 8 bytes.
    private func header(ends: [String: Int]) throws -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            members.append("\"\(Safetensors.metadataKey)\":\(try JSONCoder.encode(metadata))")
        }
        for (name, array) in arrays {
            let (shape, end) = (array.shape.dimensions.map(String.init).joined(separator: ","), ends[name]!)
            members.append(
                "\(try JSONCoder.encode(name)):{\"dtype\":\"\(array.type.safetensorsName)\","
                    + "\"shape\":[\(shape)],\"data_offsets\":[\(end - array.byteCount),\(end)]}")
        }
        var bytes = Array("{\(members.joined(separator: ","))}".utf8)
        while bytes.count % 8 != 0 { bytes.append(UInt8(ascii: " ")) }
        return (0..<8).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) } + bytes
    }
}

extension ElementType {
    /// What the format calls the type.
    var safetensorsName: String {
        switch self {
        case .f32: "F32"
        case .f64: "F64"
        case .bf16: "BF16"
        case .i32: "I32"
        case .i64: "I64"
        case .u8: "U8"
        }
    }

    /// Which types come first in the data.
    fileprivate var safetensorsRank: Int {
        switch self {
        case .i64: 0
        case .f64: 1
        case .f32: 2
        case .i32: 3
        case .bf16: 4
        case .u8: 5
        }
    }
}

#if _endian(big)
    #error("arrays are written as they lie in memory, which is little-endian in the format")
#endif
