import Synchronization

/// A table of values that are found by name, such as all networks or all sources of data.
///
/// A package that depends on this one adds rows of its own, which are then known wherever the names are: on the command
/// line, in its help and its messages, in files. A name may have an argument, after a colon.
///
///     let shapes = Registry<@Sendable (String?) -> Shape>(of: "shape")
///     shapes.register("point") { _ in Point() }
///     shapes.register("circle", argument: .required("RADIUS")) { Circle($0!) }
///     shapes.find("circle:2")     // the value and "2"
///     shapes.fault(of: "circle")  // shape: found 'circle'; expected one of point, circle:RADIUS
///
/// Any thread may read and add.
public final class Registry<Value: Sendable>: Sendable {
    /// What follows a name and a colon.
    public enum Argument: Hashable, Sendable {
        /// Nothing: the name stands alone.
        case none
        /// A text that may be left out; the word for it in messages, such as `WIDTH`.
        case optional(String)
        /// A text that is not empty; the word for it in messages, such as `DIR`.
        case required(String)
    }

    /// What the values are, as messages say it: `data source`.
    public let kind: String

    private struct Row {
        var name: String
        var argument: Argument
        var value: Value
    }
    private let rows = Mutex<[Row]>([])

    /// An empty table.
    ///
    /// - Parameter kind: what the values are, in the singular.
    public init(of kind: String) { self.kind = kind }

    /// Adds a row, the last of the table; or puts it in the place of the row of that name.
    ///
    /// - Parameters:
    ///   - name: not empty, without a colon or white space.
    ///   - replaces: whether the name may be there already; where it is, and this is false, the program stops.
    public func register(
        _ name: String, argument: Argument = .none, replaces: Bool = false, _ value: Value
    ) {
        precondition(
            !name.isEmpty && !name.contains { $0 == ":" || $0.isWhitespace },
            "the name of a \(kind) is '\(name)'; expected one without colons and white space")
        let row = Row(name: name, argument: argument, value: value)
        rows.withLock { rows in
            if let place = rows.firstIndex(where: { $0.name == name }) {
                precondition(
                    replaces, "the \(kind) '\(name)' is registered twice; give the second another name")
                rows[place] = row
            } else {
                rows.append(row)
            }
        }
    }

    /// The value of a name; `nil` where there is none.
    public subscript(name: String) -> Value? {
        rows.withLock { rows in rows.first { $0.name == name }?.value }
    }

    /// The names, in the order in which they were registered.
    public var names: [String] { rows.withLock { $0.map(\.name) } }

    /// What may be written, in the same order: `fashion-mnist`, `idx:DIR`.
    public var forms: [String] { entries.flatMap(\.forms) }

    /// What may be written for each value, in the same order: `small` and `small:WIDTH` for one.
    public var entries: [(forms: [String], value: Value)] {
        rows.withLock { rows in
            rows.map { row in
                switch row.argument {
                case .none: ([row.name], row.value)
                case .optional(let word): ([row.name, "\(row.name):\(word)"], row.value)
                case .required(let word): (["\(row.name):\(word)"], row.value)
                }
            }
        }
    }

    /// The value that a text such as `idx:/data` names, and the argument in it; `nil` for a name that is not in the table,
    /// and where an argument is missing or too much.
    public func find(_ text: String) -> (value: Value, argument: String?)? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let argument = parts.count > 1 ? String(parts[1]) : nil
        guard argument != "",
            let row = rows.withLock({ rows in rows.first { $0.name == parts[0] } })
        else { return nil }
        switch row.argument {
        case .none where argument != nil: return nil
        case .required where argument == nil: return nil
        default: return (row.value, argument)
        }
    }

    /// What is wrong with a text that `find` does not know, with the form that is probably meant.
    public func fault(of text: String) -> Fault {
        let word = text.prefix { $0 != ":" }
        let near = forms.filter { $0.prefix { $0 != ":" }.isNear(word) }
        let hint = near.isEmpty ? "" : " (did you mean \(near.map { "'\($0)'" }.joined(separator: " or "))?)"
        return Fault(of: kind, "'\(text)'", "one of \(forms.joined(separator: ", "))\(hint)")
    }
}

extension Substring {
    /// Whether at most two letters have to be added, left out or changed to make the other word of this one, or to exchange two that
    /// stand side by side (Damerau's distance).
    fileprivate func isNear(_ other: Substring) -> Bool {
        let (a, b) = (Array(lowercased()), Array(other.lowercased()))
        guard abs(a.count - b.count) <= 2, b.count > 2 else { return a == b }
        var rows = [[Int](0...b.count)]
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = Swift.min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    cost = Swift.min(cost, rows[i - 1][j - 1] + 1)
                }
                row.append(cost)
            }
            rows.append(row)
        }
        return rows[a.count][b.count] <= 2
    }
}
