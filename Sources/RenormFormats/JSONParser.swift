import OrderedCollections

extension JSONValue {
    /// Reads a JSON text as RFC 8259 defines it. A key that occurs twice in an object is an error, because readers differ in
    /// which of the two they take.
    ///
    /// - Parameter source: what messages call the text.
    /// - Throws: `FormatError.malformedJSON`.
    public init(parsing text: String, source: String = "the text") throws {
        try self.init(parsing: Array(text.utf8), source: source)
    }

    /// Reads a JSON text in UTF-8.
    ///
    /// - Throws: `FormatError.malformedJSON`.
    public init(parsing bytes: [UInt8], source: String) throws {
        var parser = JSONParser(bytes: bytes, source: source)
        self = try parser.document()
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    let source: String
    var position = 0
    var depth = 0

    /// Deeper texts are refused before they exhaust the stack.
    static let largestDepth = 128

    init(bytes: [UInt8], source: String) {
        self.bytes = bytes
        self.source = source
    }

    func failure(_ reason: String, at offset: Int? = nil) -> FormatError {
        .malformedJSON(source: source, offset: offset ?? position, reason: reason)
    }

    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func document() throws -> JSONValue {
        let value = try value()
        skipSpace()
        if position < bytes.count { throw failure("more after the end") }
        return value
    }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    mutating func take(_ character: Unicode.Scalar, or reason: String) throws {
        skipSpace()
        guard next == UInt8(ascii: character) else {
            throw failure(next == nil ? "the text ends" : reason)
        }
        position += 1
    }

    mutating func value() throws -> JSONValue {
        skipSpace()
        guard let byte = next else { throw failure("the text ends") }
        switch Unicode.Scalar(byte) {
        case "{", "[":
            guard depth < Self.largestDepth else { throw failure("nested too deeply") }
            depth += 1
            defer { depth -= 1 }
            return byte == UInt8(ascii: "{") ? try object() : try array()
        case "\"": return .string(try string())
        case "-", "0"..."9": return try number()
        case "t": return try word("true", .bool(true))
        case "f": return try word("false", .bool(false))
        case "n": return try word("null", .null)
        default: throw failure("no value begins so")
        }
    }

    mutating func word(_ word: String, _ value: JSONValue) throws -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw failure("no value begins so") }
        position += word.utf8.count
        return value
    }

    mutating func object() throws -> JSONValue {
        position += 1
        var members: OrderedDictionary<String, JSONValue> = [:]
        skipSpace()
        if next == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            skipSpace()
            let start = position
            guard next == UInt8(ascii: "\"") else {
                throw failure(next == nil ? "the text ends" : "a key in quotes is missing")
            }
            let key = try string()
            guard members[key] == nil else { throw failure("the key \"\(key)\" occurs twice", at: start) }
            try take(":", or: "a colon is missing")
            members[key] = try value()
            skipSpace()
            if next == UInt8(ascii: "}") {
                position += 1
                return .object(members)
            }
            try take(",", or: "a comma or } is missing")
        }
    }

    mutating func array() throws -> JSONValue {
        position += 1
        var values: [JSONValue] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            position += 1
            return .array(values)
        }
        while true {
            values.append(try value())
            skipSpace()
            if next == UInt8(ascii: "]") {
                position += 1
                return .array(values)
            }
            try take(",", or: "a comma or ] is missing")
        }
    }

    mutating func number() throws -> JSONValue {
        let start = position
        func isDigit(_ byte: UInt8?) -> Bool { byte.map { (0x30...0x39).contains($0) } ?? false }
        func digits(_ parser: inout JSONParser) throws {
            guard isDigit(parser.next) else { throw parser.failure("a digit is missing") }
            while isDigit(parser.next) { parser.position += 1 }
        }
        if next == UInt8(ascii: "-") { position += 1 }
        if next == UInt8(ascii: "0") {
            position += 1
            if isDigit(next) { throw failure("a number begins with 0", at: start) }
        } else {
            try digits(&self)
        }
        var isInteger = true
        if next == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            try digits(&self)
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isInteger = false
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            try digits(&self)
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let value = Int(text), text != "-0" { return .integer(value) }
        guard let value = Double(text), value.isFinite else {
            throw failure("a number is too large", at: start)
        }
        return .number(value)
    }

    mutating func string() throws -> String {
        let start = position
        position += 1
        var content: [UInt8] = []
        while true {
            guard let byte = next else { throw failure("a string does not end", at: start) }
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let string = String(validating: content, as: UTF8.self) else {
                    throw failure("a string is no valid UTF-8", at: start)
                }
                return string
            case UInt8(ascii: "\\"): try escape(into: &content)
            case 0..<0x20: throw failure("a control character in a string")
            default:
                content.append(byte)
                position += 1
            }
        }
    }

    mutating func escape(into content: inout [UInt8]) throws {
        let start = position
        position += 1
        guard let byte = next else { throw failure("a string does not end", at: start) }
        position += 1
        switch Unicode.Scalar(byte) {
        case "\"", "\\", "/": content.append(byte)
        case "b": content.append(0x08)
        case "f": content.append(0x0C)
        case "n": content.append(0x0A)
        case "r": content.append(0x0D)
        case "t": content.append(0x09)
        case "u":
            var code = try fourDigits()
            if (0xD800..<0xDC00).contains(code), bytes[position...].starts(with: "\\u".utf8) {
                position += 2
                let low = try fourDigits()
                guard (0xDC00..<0xE000).contains(low) else {
                    throw failure("half a surrogate pair", at: start)
                }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure("half a surrogate pair", at: start) }
            content.append(contentsOf: UTF8.encode(scalar)!)
        default: throw failure("an unknown escape", at: start)
        }
    }

    mutating func fourDigits() throws -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("four hexadecimal digits are missing")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }
}
