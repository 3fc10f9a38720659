import RenormArrays

/// A message in the wire format of Protocol Buffers while it is written: arrays stay where they are until the whole goes to a
/// file.
package struct ProtobufWriter {
    /// A piece of the message.
    package enum Piece {
        case bytes([UInt8])
        case array(NDArray)
    }

    /// Begins a message.
    package init() {}

    /// The pieces in order.
    package private(set) var pieces: [Piece] = []
    /// The size of all of them in bytes.
    package private(set) var byteCount = 0

    /// A whole number; negative ones take 10 bytes.
    package mutating func integer(_ field: Int, _ value: Int) {
        key(field, 0)
        varint(UInt64(bitPattern: Int64(value)))
    }

    /// A text; nothing where it is empty.
    package mutating func text(_ field: Int, _ value: String) {
        if !value.isEmpty { bytes(field, Array(value.utf8)) }
    }

    /// Bytes.
    package mutating func bytes(_ field: Int, _ value: [UInt8]) {
        key(field, 2)
        varint(UInt64(value.count))
        append(value)
    }

    /// The values of an array as they lie in memory, the smallest byte first.
    package mutating func array(_ field: Int, _ value: NDArray) {
        key(field, 2)
        varint(UInt64(value.byteCount))
        pieces.append(.array(value))
        byteCount += value.byteCount
    }

    /// A floating-point number of 32 bits.
    package mutating func float(_ field: Int, _ value: Float) {
        key(field, 5)
        append((0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) })
    }

    /// A floating-point number of 64 bits.
    package mutating func double(_ field: Int, _ value: Double) {
        key(field, 1)
        append(ProtobufWriter.bytes(of: value))
    }

    /// Floating-point numbers of 64 bits in a row.
    package mutating func doubles(_ field: Int, _ values: [Double]) {
        bytes(field, values.flatMap(ProtobufWriter.bytes))
    }

    private static func bytes(of value: Double) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
    }

    /// Whole numbers in a row.
    package mutating func integers(_ field: Int, _ values: [Int]) {
        var row = ProtobufWriter()
        for value in values { row.varint(UInt64(bitPattern: Int64(value))) }
        message(field, row)
    }

    /// A message inside this one.
    package mutating func message(_ field: Int, _ inner: ProtobufWriter) {
        key(field, 2)
        varint(UInt64(inner.byteCount))
        for piece in inner.pieces {
            switch piece {
            case .bytes(let bytes): append(bytes)
            case .array: pieces.append(piece)
            }
        }
        byteCount += inner.pieces.reduce(0) {
            if case .array(let array) = $1 { $0 + array.byteCount } else { $0 }
        }
    }

    /// The whole, of a message without arrays.
    package var flat: [UInt8] {
        pieces.flatMap { piece -> [UInt8] in
            guard case .bytes(let bytes) = piece else { preconditionFailure("a message with arrays") }
            return bytes
        }
    }

    private mutating func key(_ field: Int, _ type: Int) { varint(UInt64(field << 3 | type)) }

    private mutating func varint(_ value: UInt64) {
        var (bytes, rest) = ([UInt8](), value)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(bytes + [UInt8(rest)])
    }

    private mutating func append(_ bytes: [UInt8]) {
        byteCount += bytes.count
        if case .bytes(var last)? = pieces.last {
            // The piece is taken out, so that it is added to where it lies.
            pieces.removeLast()
            last += bytes
            pieces.append(.bytes(last))
        } else {
            pieces.append(.bytes(bytes))
        }
    }
}
