import Renorm

/// Any JSON, so that any part of it can become another.
enum JSONValue: Codable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(parsing text: some StringProtocol) throws { self = try JSONCoder.decode(JSONValue.self, from: text) }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let elements): try container.encode(elements)
        case .object(let members): try container.encode(members)
        }
    }

    /// Its text on one line.
    var text: String { get throws { try JSONCoder.encode(self) } }

    /// The string at a name, if this is an object that has one there.
    func string(_ key: String) -> String? {
        if case .object(let members) = self, case .string(let text)? = members[key] { text } else { nil }
    }

    /// The number of values in it, itself included.
    var placeCount: Int {
        switch self {
        case .array(let elements): elements.reduce(1) { $0 + $1.placeCount }
        case .object(let members): members.values.reduce(1) { $0 + $1.placeCount }
        default: 1
        }
    }

    /// With the value at a place, counted from outside inwards, put through `change`.
    func replacing(_ place: inout Int, _ change: (JSONValue) -> JSONValue) -> JSONValue {
        place -= 1
        if place == -1 { return change(self) }
        switch self {
        case .array(let elements):
            return .array(elements.map { place < 0 ? $0 : $0.replacing(&place, change) })
        case .object(var members):
            for key in members.keys.sorted() where place >= 0 {
                members[key] = members[key]!.replacing(&place, change)
            }
            return .object(members)
        default:
            return self
        }
    }
}
