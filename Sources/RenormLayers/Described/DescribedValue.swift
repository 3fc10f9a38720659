import RenormArrays

/// A value in the description of a network: what YAML and JSON have in common.
public enum DescribedValue: Sendable, Hashable {
    /// Nothing, as after `normalization:`.
    case none
    /// Yes or no.
    case flag(Bool)
    /// A number; whole ones are exact up to 2⁵³.
    case number(Double)
    /// A text.
    case text(String)
    /// Values in a row.
    case list([DescribedValue])
    /// Values by name.
    case map([String: DescribedValue])

    /// The value in a few words, for messages.
    var summary: String {
        switch self {
        case .none: "nothing"
        case .flag(let flag): "\(flag)"
        case .number(let number): number.short
        case .text(let text): "'\(text.prefix(60).description.visible)'"
        case .list(let values): "a list of \(values.count)"
        case .map(let values):
            "a map of "
                + values.keys.sorted().prefix(8).map { $0.prefix(40).description.visible }.joined(
                    separator: ", ")
        }
    }
}

extension DescribedValue: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByNilLiteral
{
    /// A number.
    public init(integerLiteral value: Int) { self = .number(Double(value)) }
    /// A number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// A text.
    public init(stringLiteral value: String) { self = .text(value) }
    /// Yes or no.
    public init(booleanLiteral value: Bool) { self = .flag(value) }
    /// Values in a row.
    public init(arrayLiteral elements: DescribedValue...) { self = .list(elements) }
    /// Values by name; of two of one name the last.
    public init(dictionaryLiteral elements: (String, DescribedValue)...) {
        self = .map(Dictionary(elements) { $1 })
    }
    /// Nothing.
    public init(nilLiteral: ()) { self = .none }
}

extension DescribedValue: Encodable {
    /// Writes the value as it would stand in JSON.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .none: try container.encodeNil()
        case .flag(let flag): try container.encode(flag)
        case .number(let number):
            if let whole = Int(exactly: number) {
                try container.encode(whole)
            } else {
                try container.encode(number)
            }
        case .text(let text): try container.encode(text)
        case .list(let values): try container.encode(values)
        case .map(let values): try container.encode(values)
        }
    }
}

/// Reads values from any decoder, so many and so deep that a file of a few bytes cannot become more: YAML has aliases, by
/// which a text names a part of itself again.
struct DescribedValueReader {
    /// The most values of a description.
    static let largestCount = 100_000
    /// The most lists and maps inside one another.
    static let largestDepth = 64
    private var count = 0

    /// A name in a map.
    struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// The value of a key.
    mutating func value(_ container: KeyedDecodingContainer<Key>, _ key: Key) throws -> DescribedValue {
        try value(container.superDecoder(forKey: key))
    }

    /// The value that a decoder is at.
    private mutating func value(_ decoder: any Decoder) throws -> DescribedValue {
        try enter(decoder.codingPath)
        if let map = try? decoder.container(keyedBy: Key.self) { return try self.map(map) }
        if let list = try? decoder.unkeyedContainer() { return try self.list(list) }
        let scalar = try decoder.singleValueContainer()
        if scalar.decodeNil() { return .none }
        if let flag = try? scalar.decode(Bool.self) { return .flag(flag) }
        if let number = try? scalar.decode(Double.self) { return .number(number) }
        return .text(try scalar.decode(String.self))
    }

    private mutating func list(_ container: any UnkeyedDecodingContainer) throws -> DescribedValue {
        var container = container
        var values: [DescribedValue] = []
        // By way of a decoder for each: some decoders go on to the next value also where a value is not of the kind that is asked for.
        while !container.isAtEnd { values.append(try value(container.superDecoder())) }
        return .list(values)
    }

    private mutating func map(_ container: KeyedDecodingContainer<Key>) throws -> DescribedValue {
        var values: [String: DescribedValue] = [:]
        for key in container.allKeys { values[key.stringValue] = try value(container, key) }
        return .map(values)
    }

    private mutating func enter(_ path: [any CodingKey]) throws {
        count += 1
        guard count <= Self.largestCount, path.count <= Self.largestDepth else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: Array(path.prefix(8)),
                    debugDescription: "found more than \(Self.largestCount) values, or more than "
                        + "\(Self.largestDepth) lists and maps inside one another; expected fewer"))
        }
    }
}
