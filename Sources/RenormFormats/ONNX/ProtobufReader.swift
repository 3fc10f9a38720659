import Foundation

/// The bytes of a file through a window that moves along: a message is walked through without the file being in memory.
final class WindowedFile {
    let file: InputFile
    private var window: [UInt8] = []
    private var start = 0
    /// How many messages may still be read, whatever their size: one of 2 bytes becomes a value of hundreds.
    var messagesLeft = 1_000_000

    init(_ file: InputFile) { self.file = file }

    /// The byte at a place inside the file.
    func byte(at place: Int) throws -> UInt8 {
        if place < start || place >= start + window.count {
            window = try file.bytes(place..<min(place + 1 << 14, file.size))
            start = place
        }
        return window[place - start]
    }

    /// The bytes of a range inside the file.
    func bytes(_ range: Range<Int>) throws -> [UInt8] {
        if range.lowerBound >= start, range.upperBound <= start + window.count {
            return Array(window[range.lowerBound - start..<range.upperBound - start])
        }
        return try file.bytes(range)
    }
}

/// The fields of a message in the wire format of Protocol Buffers, one after another, where they lie in a file.
///
/// Nothing is believed of a length before it is known to end inside the message around it.
/// Source: protobuf.dev/programming-guides/encoding.
struct ProtobufReader {
    /// What a field holds.
    enum Value {
        /// A number of variable length.
        case varint(UInt64)
        /// 8 bytes, the smallest first.
        case fixed64(UInt64)
        /// 4 bytes, the smallest first.
        case fixed32(UInt32)
        /// Where the bytes are: a text, a message, or numbers in a row.
        case bytes(Range<Int>)
    }

    /// The file.
    let source: WindowedFile
    /// What the message is, for errors.
    let place: String
    private var position: Int
    private let end: Int

    /// Reads the message in a range of the file.
    init(_ source: WindowedFile, _ range: Range<Int>, place: String) throws {
        self.source = source
        self.place = place
        (position, end) = (range.lowerBound, range.upperBound)
        source.messagesLeft -= 1
        guard source.messagesLeft >= 0 else { throw failure("there are too many parts in the file") }
    }

    /// The next field with its number; `nil` at the end of the message.
    mutating func next() throws -> (number: Int, value: Value)? {
        guard position < end else { return nil }
        let key = try varint()
        guard let number = Int(exactly: key >> 3), number > 0, number < 1 << 29 else {
            throw failure("a field has the number \(key >> 3)")
        }
        switch key & 7 {
        case 0: return (number, .varint(try varint()))
        case 1: return (number, .fixed64(try fixed(8)))
        case 5: return (number, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
        case 2:
            guard let length = Int(exactly: try varint()), length <= end - position else {
                throw failure("field \(number) is longer than what is around it")
            }
            defer { position += length }
            return (number, .bytes(position..<position + length))
        default: throw failure("field \(number) is of the wire type \(key & 7)")
        }
    }

    /// The next number of variable length; for numbers in a row.
    mutating func varint() throws -> UInt64 {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let byte = try byte()
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 {
                if shift == 63, byte > 1 { break }
                return result
            }
        }
        throw failure("a number has more than 64 bits")
    }

    /// The next number of so many bytes.
    mutating func fixed(_ count: Int) throws -> UInt64 {
        guard end - position >= count else { throw failure("it ends inside a number") }
        var result: UInt64 = 0
        for shift in 0..<UInt64(count) { result |= UInt64(try byte()) << (8 * shift) }
        return result
    }

    /// Whether nothing is left.
    var isAtEnd: Bool { position >= end }

    /// An error about this message.
    func failure(_ reason: String) -> FormatError {
        .malformedONNX(path: source.file.path, place: place, reason: reason)
    }

    private mutating func byte() throws -> UInt8 {
        guard position < end else { throw failure("it ends inside a number") }
        defer { position += 1 }
        return try source.byte(at: position)
    }
}

extension ProtobufReader {
    /// The message that a field holds.
    func message(_ value: Value, _ place: String) throws -> ProtobufReader {
        try ProtobufReader(source, try range(value), place: place)
    }

    /// The range of a field's bytes.
    func range(_ value: Value) throws -> Range<Int> {
        guard case .bytes(let range) = value else {
            throw failure("a number stands where there should be bytes")
        }
        return range
    }

    /// The text of a field.
    func text(_ value: Value) throws -> String {
        let range = try range(value)
        guard range.count <= 1 << 24 else { throw failure("a text has \(range.count) bytes") }
        return String(decoding: try source.bytes(range), as: UTF8.self)
    }

    /// The number of a field.
    func integer(_ value: Value) throws -> Int {
        guard case .varint(let bits) = value else {
            throw failure("bytes stand where there should be a number")
        }
        return Int(truncatingIfNeeded: Int64(bitPattern: bits))
    }

    /// The floating-point number of a field.
    func float(_ value: Value) throws -> Float {
        guard case .fixed32(let bits) = value else {
            throw failure("no number of 32 bits stands where one should")
        }
        return Float(bitPattern: bits)
    }

    /// Adds the numbers of a field, which come one by one or in a row, to those before it.
    func appendIntegers(_ value: Value, to numbers: inout [Int], atMost most: Int) throws {
        if case .bytes = value {
            var row = try message(value, place)
            while !row.isAtEnd {
                numbers.append(Int(truncatingIfNeeded: Int64(bitPattern: try row.varint())))
                guard numbers.count <= most else {
                    throw failure("there are more than \(most) numbers in a row")
                }
            }
        } else {
            numbers.append(try integer(value))
            guard numbers.count <= most else { throw failure("there are more than \(most) numbers in a row") }
        }
    }

    /// Adds floating-point numbers likewise.
    func appendFloats(_ value: Value, to numbers: inout [Float], atMost most: Int) throws {
        if case .bytes = value {
            var row = try message(value, place)
            while !row.isAtEnd {
                numbers.append(Float(bitPattern: UInt32(truncatingIfNeeded: try row.fixed(4))))
                guard numbers.count <= most else {
                    throw failure("there are more than \(most) numbers in a row")
                }
            }
        } else {
            numbers.append(try float(value))
            guard numbers.count <= most else { throw failure("there are more than \(most) numbers in a row") }
        }
    }
}
