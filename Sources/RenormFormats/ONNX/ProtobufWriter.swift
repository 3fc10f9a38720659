import RenormArrays

/// A message in the wire format of Protocol Buffers while it is written: arrays stay where they are until the whole goes to a
/// file.
struct ProtobufWriter {
    /// A piece of the message.
    enum Piece {
        case bytes([UInt8])
        case array(NDArray)
    }

    /// The pieces in order.
    private(set) var pieces: [Piece] = []
    /// The size of all of them in bytes.
    private(set) var byteCount = 0

    /// A whole number; negative ones take 10 bytes.
    mutating func integer(_ field: Int, _ value: Int) {
        key(field, 0)
        varint(UInt64(bitPattern: Int64(value)))
    }

    /// A text; nothing where it is empty.
    mutating func text(_ field: Int, _ value: String) {
        if !value.isEmpty { bytes(field, Array(value.utf8)) }
    }

    /// Bytes.
    mutating func bytes(_ field: Int, _ value: [UInt8]) {
        key(field, 2)
        varint(UInt64(value.count))
        append(value)
    }

    /// The values of an array as they lie in memory, the smallest byte first.
    mutating func array(_ field: Int, _ value: NDArray) {
        key(field, 2)
        varint(UInt64(value.byteCount))
        pieces.append(.array(value))
        byteCount += value.byteCount
    }

    /// A floating-point number of 32 bits.
    mutating func float(_ field: Int, _ value: Float) {
        key(field, 5)
        append((0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) })
    }

    /// Whole numbers in a row.
    mutating func integers(_ field: Int, _ values: [Int]) {
        var row = ProtobufWriter()
        for value in values { row.varint(UInt64(bitPattern: Int64(value))) }
        message(field, row)
    }

    /// A message inside this one.
    mutating func message(_ field: Int, _ inner: ProtobufWriter) {
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
