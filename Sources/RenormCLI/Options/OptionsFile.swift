import Foundation
import Yams

/// A YAML file of options as text: every scalar as it was written, whatever number or truth value YAML takes it for.
package struct OptionsFile {
    /// A value of an option.
    package enum Value: Equatable {
        case scalar(Scalar)
        case list([Scalar])
    }

    /// A scalar and whether it stands there without quotes.
    package struct Scalar: Equatable {
        package var text: String
        var isPlain: Bool

        /// Whether it says that there is no value.
        package var isNull: Bool { isPlain && ["", "~", "null", "Null", "NULL"].contains(text) }
    }

    /// The values by their names, in the file's order; what is recorded beside the options is left out.
    package let entries: [(name: String, value: Value)]

    /// More is no file of options, and YAML is slow on large ones.
    package static let largest = 1 << 18

    /// Reads a file.
    ///
    /// - Parameter ignored: A key whose value may be anything.
    package init(_ file: URL, ignoring ignored: String) throws {
        guard
            let root = try YAMLFile(
                file, holds: "options", limit: OptionsFile.largest, remedy: "Check --config."
            ).root
        else {
            entries = []
            return
        }
        guard case .mapping(let mapping) = root else {
            throw UsageError(
                "'\(file.path)' holds no mapping; expected lines such as 'batch-size: 64'. Correct it.")
        }
        entries = try mapping.compactMap { key, value in
            guard case .scalar(let name) = key else {
                throw UsageError(
                    "'\(file.path)' has a key that is no name; expected lines such as 'batch-size: 64'. Correct it."
                )
            }
            if name.string == ignored { return nil }
            guard let value = OptionsFile.value(value) else {
                throw UsageError(
                    "'\(file.path)': '\(name.string)' is neither text, number, true or false nor a list of such. "
                        + "Expected a line such as 'batch-size: 64'. Correct it.")
            }
            return (name.string, value)
        }
    }

    private static func value(_ node: Node) -> Value? {
        switch node {
        case .scalar(let scalar): return .scalar(Scalar(scalar))
        case .sequence(let sequence):
            let scalars = sequence.compactMap { item -> Scalar? in
                if case .scalar(let scalar) = item { Scalar(scalar) } else { nil }
            }
            return scalars.count == sequence.count ? .list(scalars) : nil
        case .mapping, .alias: return nil
        }
    }

    /// Text as a YAML scalar on one line that comes back as it was: plain where no reader of YAML can take it for anything
    /// else, in quotes otherwise.
    package static func scalar(_ text: String) -> String {
        let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"]
        let isPlain =
            text.wholeMatch(of: /[A-Za-z\/][A-Za-z0-9_.\/+-]*(?::[A-Za-z0-9_.\/+-]+)*/) != nil
            && !words.contains(text.lowercased())
        if isPlain { return text }
        return "\"" + text.unicodeScalars.map(escaped).joined() + "\""
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        case " "..."~": return String(scalar)
        default:
            // Letters of any alphabet and pictures stay readable; what YAML or a terminal could stumble over is a number.
            let isReadable =
                scalar.properties.isAlphabetic || scalar.properties.isEmojiPresentation
                || scalar.properties.numericType != nil
            return isReadable ? String(scalar) : "\\U" + String(format: "%08X", scalar.value)
        }
    }
}

extension OptionsFile.Scalar {
    fileprivate init(_ scalar: Node.Scalar) {
        self.init(text: scalar.string, isPlain: scalar.style == .plain || scalar.style == .any)
    }

    /// What YAML takes a plain scalar for, if it is a truth value.
    package var flag: Bool? { isPlain ? Bool.construct(from: Node.Scalar(text)) : nil }

    /// A number's text: as written if Swift reads it, otherwise as YAML does (`1_000`, `0x10`).
    package var number: String {
        if !isPlain || Int(text) != nil { return text }
        let scalar = Node.Scalar(text)
        if let whole = Int.construct(from: scalar) { return "\(whole)" }
        if Double(text) != nil { return text }
        return Double.construct(from: scalar).map { "\($0)" } ?? text
    }
}
