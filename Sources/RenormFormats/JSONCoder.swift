import Foundation

/// The JSON of every file and line of the project: keys in order of their names, and the strings "inf", "-inf" and "nan" for the
/// numbers that JSON does not have.
///
///     let text = try JSONCoder.encode(record)  // {"loss":"inf","step":3}
///     let same = try JSONCoder.decode(Record.self, from: text)
public enum JSONCoder {
    /// The JSON of a value, on one line or, for people to read, on many.
    ///
    /// - Throws: What the value's `encode(to:)` throws.
    public static func encode(_ value: some Encodable, isIndented: Bool = false) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isIndented { encoder.outputFormatting.insert(.prettyPrinted) }
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// The value that a JSON text stands for.
    ///
    /// - Throws: `DecodingError`, also where the text is no JSON.
    public static func decode<Value: Decodable>(_ type: Value.Type, from text: some StringProtocol) throws
        -> Value
    {
        try decode(type, from: Data(text.utf8))
    }

    /// The value that a JSON text in UTF-8 stands for.
    ///
    /// - Throws: `DecodingError`, also where the text is no JSON.
    public static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try decoder.decode(type, from: data)
    }
}

extension DecodingError {
    /// Where in the JSON something was wrong, and what.
    package var placeAndReason: String {
        func name(_ path: [any CodingKey]) -> String {
            let names = path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
            return names.joined(separator: ".")
        }
        func text(_ context: DecodingError.Context, _ reason: String) -> String {
            context.codingPath.isEmpty ? reason : "\(name(context.codingPath)): \(reason)"
        }
        switch self {
        case .typeMismatch(_, let context), .dataCorrupted(let context):
            return text(context, context.debugDescription)
        case .valueNotFound(_, let context):
            return text(context, "it is null")
        case .keyNotFound(let key, let context):
            return "\(name(context.codingPath + [key])) is missing"
        @unknown default:
            return "somewhere"
        }
    }
}
