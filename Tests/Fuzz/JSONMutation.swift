import Renorm

/// JSON that is valid and absurd: negative, huge and missing numbers, lists of wrong lengths, text for numbers.
enum JSONMutation {
    /// The text of a value in which one place is another, or in one case of four up to three.
    static func mutated(_ value: JSONValue, _ random: inout Random) throws -> String {
        var result = value
        let count = random.integer(below: 4) > 0 ? 1 : 1 + random.integer(below: 3)
        for _ in 0..<count {
            var place = random.integer(below: result.placeCount)
            result = result.replacing(&place) { mutated(node: $0, &random) }
        }
        var text = try result.text
        for (mark, raw) in raw { text = text.replacing("\"\(mark)\"", with: raw) }
        return text
    }

    /// Tokens that no `JSONValue` holds, by the strings that stand for them.
    private static let raw = [
        ("@1", "1e999"), ("@2", "-1e999"), ("@3", "1e-999"), ("@4", "18446744073709551616"), ("@5", "NaN"),
        ("@6", "-0"), ("@7", "00"), ("@8", "1e308"),
    ]

    private static let integers: [Int] = [
        0, 1, -1, 2, 3, -2, 255, 256, 1 << 16, 1 << 24, (1 << 31) - 1, 1 << 31, 1 << 32, -(1 << 31), 1 << 40,
        1 << 53,
        1 << 62, .max - 1, .max, .min, .min + 1,
    ]

    private static let doubles: [Double] = [
        0, -0.0, 0.5, -0.5, 1.5, .leastNonzeroMagnitude, 1e-45, 1e-10, 1e10, 1e38, 1e39, -1e39, 1e300, -1e300,
        .greatestFiniteMagnitude,
    ]

    private static let words = [
        "", "nan", "inf", "-inf", "NaN", "Infinity", "1", "-1", "1e400", "0x10", "batch", "batch-renorm",
        "frozen", "layer",
        "instance", "none", "group:0", "group:1", "group:9223372036854775807", "small", "small:64",
        "small:1e-9",
        "resnet18", "resnet50", "mobilenetv2:64", "imagenet", "cifar", "label-blocks:9223372036854775807x2",
        "label-blocks:1x1", "source-blocks:9223372036854775807", "sorted", "sgd", "adamw", "rmsprop",
        "constant",
        "linear", "cosine", "exponential", "step", "biasCorrection", "parameter", "statistic", "slot",
        "average", "counter",
        "F32",
        "F64", "BF16", "F16", "I64", "U8", "bf16", "moving", "skip", "standard", "**", "**.bn*", "\u{1b}[31m",
        "a\u{0}b",
        "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", "ä€😀",
    ]

    private static func mutated(node: JSONValue, _ random: inout Random) -> JSONValue {
        // Most places get another value of their own kind, which comes further than one of another kind.
        if random.integer(below: 4) == 0 { return anything(&random) }
        switch node {
        case .integer(let value):
            switch random.integer(below: 8) {
            case 0: return .integer(0 &- value)
            case 1: return .integer(value &+ 1)
            case 2: return .integer(value &- 1)
            case 3: return .string("\(value)")
            case 4: return number(&random)
            default: return .integer(integers[random.integer(below: integers.count)])
            }
        case .number(let value):
            switch random.integer(below: 4) {
            case 0: return .number(-value)
            case 1: return .string("\(value)")
            default: return number(&random)
            }
        case .array(let elements):
            guard let element = elements.randomElement(using: &random) else {
                return .array([anything(&random)])
            }
            switch random.integer(below: 6) {
            case 0: return .array(Array(elements.dropLast()))
            case 1: return .array(Array(elements.dropFirst()))
            case 2: return .array(elements + [element])
            case 3: return .array([])
            case 4: return .array([JSONValue](repeating: element, count: 1000))
            default: return .array(elements.shuffled(using: &random))
            }
        case .object(let members):
            var members = members
            let keys = members.keys.sorted()
            guard let key = keys.randomElement(using: &random), let other = keys.randomElement(using: &random)
            else { return .object(["key": anything(&random)]) }
            switch random.integer(below: 4) {
            case 0: members[key] = nil
            case 1: members["unknown"] = anything(&random)
            case 2: (members[key], members[other]) = (members[other], members[key])
            default: members[key + "x"] = members.removeValue(forKey: key)
            }
            return .object(members)
        case .string(let text):
            switch random.integer(below: 6) {
            case 0: return .string(text + text)
            case 1: return .string(String(repeating: "*a", count: 1 + random.integer(below: 3000)))
            case 2: return .string(String(text.dropLast()))
            case 3: return number(&random)
            default: return .string(words[random.integer(below: words.count)])
            }
        case .bool(let value): return .bool(!value)
        case .null: return anything(&random)
        }
    }

    private static func number(_ random: inout Random) -> JSONValue {
        switch random.integer(below: 3) {
        case 0: .integer(integers[random.integer(below: integers.count)])
        case 1: .number(doubles[random.integer(below: doubles.count)])
        default: .string(raw[random.integer(below: raw.count)].0)
        }
    }

    private static func anything(_ random: inout Random) -> JSONValue {
        switch random.integer(below: 8) {
        case 0: return .null
        case 1: return .bool(random.integer(below: 2) == 0)
        case 2: return .array([])
        case 3: return .object([:])
        case 4: return .string(words[random.integer(below: words.count)])
        case 5: return (0..<200).reduce(.integer(1)) { inner, _ in .array([inner]) }
        default: return number(&random)
        }
    }
}
