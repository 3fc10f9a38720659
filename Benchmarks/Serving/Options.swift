/// Options as `--name value`; a name without a value is a switch.
public struct Options {
    private var values: [String: String] = [:]

    /// Reads arguments.
    ///
    /// - Throws: `OptionError` for a name that is not one of `names`.
    public init(_ arguments: ArraySlice<String>, names: Set<String>) throws {
        var rest = arguments
        while let name = rest.popFirst() {
            guard name.hasPrefix("--") else { throw OptionError(name, expected: "--name value") }
            let hasValue = rest.first.map { !$0.hasPrefix("--") } ?? false
            values[String(name.dropFirst(2))] = hasValue ? rest.removeFirst() : "true"
        }
        let unknown = values.keys.filter { !names.contains($0) }.sorted()
        if let first = unknown.first {
            throw OptionError("--\(first)", expected: names.sorted().joined(separator: ", "))
        }
    }

    /// An option as it was written.
    public subscript(name: String) -> String? { values[name] }

    /// Whether a switch is given.
    public func has(_ name: String) -> Bool { values[name] != nil }

    /// A whole number above zero.
    public func number(_ name: String, default standard: Int) throws -> Int {
        guard let text = values[name] else { return standard }
        guard let number = Int(text), number > 0 else {
            throw OptionError("--\(name) \(text)", expected: "a whole number above 0")
        }
        return number
    }

    /// One of several words.
    public func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, default standard: Choice
    ) throws -> Choice where Choice.RawValue == String {
        guard let text = values[name] else { return standard }
        guard let choice = Choice(rawValue: text) else {
            throw OptionError(
                "--\(name) \(text)", expected: Choice.allCases.map(\.rawValue).joined(separator: " or "))
        }
        return choice
    }
}

/// An option that cannot be used.
public struct OptionError: Error, CustomStringConvertible {
    /// What was found, and what was expected.
    public let description: String

    /// An error.
    public init(_ found: String, expected: String) { description = "found \(found); expected \(expected)" }
}
