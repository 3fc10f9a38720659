import Foundation
import Yams

/// A file of YAML by somebody else: as large as such files are, text, without anchors and aliases.
struct YAMLFile {
    /// What it holds; `nil` if it is empty.
    let root: Node?

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - holds: What it should hold, in the plural.
    ///   - limit: The most bytes that it may have: YAML is slow on large files.
    ///   - remedy: What to do if it is none, as a sentence.
    init(_ file: URL, holds: String, limit: Int, remedy: String) throws {
        let text = try YAMLFile.text(of: file, "a YAML file of \(holds)", limit: limit, remedy)
        root = try YAMLFile.node(text, file, holds)
    }

    private static func text(of file: URL, _ expected: String, limit: Int, _ remedy: String) throws -> String
    {
        let bytes: Data
        do {
            let handle = try FileHandle(forReadingFrom: file)
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: limit + 1) ?? Data()
        } catch {
            throw UsageError(
                "'\(file.path)' cannot be read; expected \(expected). \(remedy)")
        }
        guard bytes.count <= limit else {
            throw UsageError(
                "'\(file.path)' is larger than \(limit) bytes; expected \(expected). \(remedy)"
            )
        }
        guard let text = String(data: bytes, encoding: .utf8) else {
            throw UsageError(
                "'\(file.path)' is not text in UTF-8; expected \(expected). \(remedy)")
        }
        return text
    }

    /// Stands for `&` and `*` in a text that is only looked at.
    private static let disarmed: Unicode.Scalar = "\u{E000}"

    /// The file as YAML, which has neither anchors nor aliases: a few hundred bytes of them can mean gigabytes.
    ///
    /// They are found in a copy in which their signs are another: there each begins a plain scalar, and wherever else the
    /// signs stand they are text like any other. So nothing is ever expanded.
    private static func node(_ text: String, _ file: URL, _ what: String) throws -> Node? {
        var copy = String.UnicodeScalarView()
        copy.append(contentsOf: text.unicodeScalars.map { $0 == "&" || $0 == "*" ? disarmed : $0 })
        let refusal = UsageError(
            "'\(file.path)' has an anchor or an alias (& or * before a name); expected \(what) without, each with its own "
                + "value. Write the values out, and text that begins with such a sign in quotes.")
        do {
            if try Yams.compose(yaml: String(copy)).map(isArmed) == true { throw refusal }
            return try Yams.compose(yaml: text)
        } catch let error as YamlError {
            let hint = String(copy) == text ? "" : " Anchors and aliases (& and *) are not read."
            // It quotes the line, which may be long.
            let reason = "\(error)".prefix(400)
            throw UsageError("'\(file.path)' is not YAML: \(reason). Correct it.\(hint)")
        }
    }

    private static func isArmed(_ node: Node) -> Bool {
        switch node {
        case .scalar(let scalar): scalar.style == .plain && scalar.string.unicodeScalars.first == disarmed
        case .sequence(let sequence): sequence.contains(where: isArmed)
        case .mapping(let mapping): mapping.contains { isArmed($0.key) || isArmed($0.value) }
        case .alias: true
        }
    }
}
