import Foundation

/// What Foundation's parser does not say of a JSON text, or does not mind: the order of its keys, keys that occur twice in an
/// object (readers differ in which of the two they take), nesting that is deeper than any file of ours, commas after the last
/// element, and text that is not UTF-8.
struct JSONKeys {
    /// The keys of the outermost object in their order.
    private(set) var inOrder: [String] = []

    /// Deeper texts are refused.
    private static let largestDepth = 128

    private let bytes: [UInt8]
    private let source: String

    /// Goes through a text. What else is wrong with it is left to the parser.
    ///
    /// - Parameter source: What messages call the text.
    /// - Throws: `FormatError.malformedJSON`.
    init(of bytes: [UInt8], source: String) throws {
        (self.bytes, self.source) = (bytes, source)
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw FormatError.malformedJSON(source: source, offset: nil, reason: "it is no UTF-8")
        }
        // The keys so far of each object that has not ended; none of an array.
        var open: [Set<String>?] = []
        var keyIsNext = false
        var comma: Int?
        var position = 0
        while position < bytes.count {
            let start = position
            position += 1
            switch bytes[start] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard open.count < Self.largestDepth else { throw failure("nested too deeply", at: start) }
                keyIsNext = bytes[start] == UInt8(ascii: "{")
                open.append(keyIsNext ? [] : nil)
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if let comma { throw failure("nothing comes after the comma", at: comma) }
                _ = open.popLast()
            case UInt8(ascii: ","):
                comma = start
                keyIsNext = open.last.map { $0 != nil } ?? false
                continue
            case UInt8(ascii: "\""):
                position = try end(ofString: start)
                guard keyIsNext, let key = key(start..<position) else { break }
                keyIsNext = false
                guard open[open.count - 1]!.insert(key).inserted else {
                    throw failure("the key \"\(key)\" occurs twice", at: start)
                }
                if open.count == 1 { inOrder.append(key) }
            case 0x09, 0x0A, 0x0D, 0x20: continue
            case 0..<0x20: throw failure("a control character", at: start)
            default: break
            }
            comma = nil
        }
    }

    private func failure(_ reason: String, at offset: Int) -> FormatError {
        .malformedJSON(source: source, offset: offset, reason: reason)
    }

    /// The place after a string that begins at `start`.
    private func end(ofString start: Int) throws -> Int {
        var position = start + 1
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""): return position + 1
            case UInt8(ascii: "\\"): position += 1
            case 0..<0x20: throw failure("a control character in a string", at: position)
            default: break
            }
            position += 1
        }
        throw failure("a string does not end", at: start)
    }

    /// What a string with its quotes says; `nil` if an escape in it is wrong.
    private func key(_ range: Range<Int>) -> String? {
        let text = bytes[range]
        guard text.contains(UInt8(ascii: "\\")) else {
            return String(decoding: text.dropFirst().dropLast(), as: UTF8.self)
        }
        return try? JSONDecoder().decode(String.self, from: Data(text))
    }
}
