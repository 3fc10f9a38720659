/// The bytes of one pickle or of several, of which nothing is believed to be there before it is.
struct PickleInput {
    /// Where they come from, for messages.
    let path: String
    let name: String
    /// How many bytes have been taken.
    private(set) var position = 0
    private let count: Int
    private let file: InputFile?
    private let start: Int
    private var buffer: [UInt8]
    /// The first of the bytes in the buffer that has not been taken.
    private var next = 0

    /// Larger pickles are refused: tensors lie beside them.
    static let limit = 1 << 28

    /// Bytes that are in memory.
    init(_ bytes: [UInt8], path: String, name: String) {
        (self.path, self.name, buffer, count) = (path, name, bytes, bytes.count)
        (file, start) = (nil, 0)
    }

    /// The bytes of a file from a place on.
    init(_ file: InputFile, from start: Int, name: String) {
        (path, self.name, self.file, self.start) = (file.path, name, file, start)
        buffer = []
        count = min(file.size - start, PickleInput.limit)
    }

    /// The next byte.
    mutating func byte() throws -> UInt8 {
        if next == buffer.count { try refill(1) }
        defer {
            next += 1
            position += 1
        }
        return buffer[next]
    }

    /// The next bytes.
    mutating func bytes(_ wanted: Int) throws -> ArraySlice<UInt8> {
        if buffer.count - next < wanted { try refill(wanted) }
        defer {
            next += wanted
            position += wanted
        }
        return buffer[next..<next + wanted]
    }

    /// The next number, smallest byte first.
    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) throws -> Number {
        try bytes(Number.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    /// The next bytes before a line feed, which is taken too.
    mutating func line() throws -> [UInt8] {
        var line: [UInt8] = []
        while true {
            let byte = try byte()
            if byte == 0x0A { return line }
            guard line.count < 1 << 16 else { throw malformed("a line is too long") }
            line.append(byte)
        }
    }

    /// Gets more bytes of the file, so that so many can be taken.
    private mutating func refill(_ wanted: Int) throws {
        guard count - position >= wanted else {
            let isLimit = count == PickleInput.limit
            throw malformed(isLimit ? "it has more than \(count) bytes" : "it is cut off")
        }
        // In memory all of them are in the buffer.
        guard let file else { preconditionFailure("the buffer is shorter than the pickle") }
        let size = min(max(wanted, 1 << 16), count - position)
        buffer = try file.bytes(start + position..<start + position + size)
        next = 0
    }

    /// The error for a pickle that is wrong here.
    func malformed(_ reason: String) -> FormatError {
        .malformedPickle(path: path, place: "byte \(position) of \(name)", reason: reason)
    }
}
