/// Numbers, texts and bytes as they are written in a pickle.
extension PickleMachine {
    mutating func number(_ operation: PickleOperation) throws -> PickleValue {
        switch operation {
        case .none: return .none
        case .newTrue: return .bool(true)
        case .newFalse: return .bool(false)
        case .binInt: return .integer(Int(try input.number(Int32.self)))
        case .binInt1: return .integer(Int(try input.byte()))
        case .binInt2: return .integer(Int(try input.number(UInt16.self)))
        case .binFloat: return .float(Double(bitPattern: try input.number(UInt64.self).byteSwapped))
        case .long1: return try integer(input.bytes(Int(input.byte())))
        case .long4:
            let count = try input.number(Int32.self)
            guard count >= 0 else { throw malformed("a number has a negative size") }
            return try integer(input.bytes(Int(count)))
        case .float:
            guard let number = try Double(text(input.line())) else { throw malformed("a number is none") }
            return .float(number)
        default:
            // As text; protocol 1 wrote true and false as 01 and 00, and long numbers with an L.
            let text = try text(input.line())
            if operation == .int, text == "01" || text == "00" { return .bool(text == "01") }
            let digits = operation == .long && text.hasSuffix("L") ? String(text.dropLast()) : text
            if let number = Int(digits) { return .integer(number) }
            guard digits.count <= 400, let number = Double(digits) else {
                throw malformed("a number is none")
            }
            return .float(number)
        }
    }

    /// A whole number in two's complement, smallest byte first. One that is larger than any size becomes a number that is near.
    private func integer(_ bytes: ArraySlice<UInt8>) -> PickleValue {
        let isNegative = bytes.last.map { $0 >= 0x80 } ?? false
        if bytes.count <= 8 {
            let filled = bytes + [UInt8](repeating: isNegative ? 0xFF : 0, count: 8 - bytes.count)
            return .integer(filled.reversed().reduce(0) { $0 << 8 | Int($1) })
        }
        // Beyond 128 bytes it is infinite in a double.
        guard bytes.count <= 128 else { return .float(isNegative ? -.infinity : .infinity) }
        let magnitude = bytes.reversed().reduce(0.0) { $0 * 256 + Double(isNegative ? ~$1 : $1) }
        return .float(isNegative ? -magnitude - 1 : magnitude)
    }

    mutating func text(_ operation: PickleOperation) throws -> PickleValue {
        switch operation {
        case .shortBinString, .shortBinUnicode: return .text(try text(input.bytes(Int(input.byte()))))
        case .binString, .binUnicode: return .text(try text(input.bytes(Int(input.number(UInt32.self)))))
        case .binUnicode8:
            return .text(try text(input.bytes(Int(clamping: input.number(UInt64.self)))))
        case .string:
            let line = try input.line()
            guard line.count >= 2, line.first == line.last, [0x22, 0x27].contains(line[0]) else {
                throw malformed("a text has no quotes")
            }
            return .text(try text(line.dropFirst().dropLast()))
        default: return .text(try text(input.line()))
        }
    }

    /// UTF-8, or where it is none, as Python 2 wrote it, a byte for a character.
    func text(_ bytes: some Collection<UInt8>) throws -> String {
        String(validating: bytes, as: UTF8.self)
            ?? String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    mutating func bytes(_ count: Int) throws -> PickleObject { .bytes(Array(try input.bytes(count))) }

    /// A place in the memo, written as text.
    func place(_ line: [UInt8]) throws -> Int {
        guard let place = try Int(text(line)), place >= 0 else { throw malformed("a place is no number") }
        return place
    }
}
