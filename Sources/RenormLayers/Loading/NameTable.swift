import RenormArrays

/// What another framework calls the variables that our networks have: rules, tried in order, from its names to our paths. A
/// name that no rule matches is taken as it is.
///
///     let keras = NameTable("Keras", [
///         .init("*/kernel", "*.weight", axes: [3, 2, 0, 1]), .init("*/kernel", "*.weight", axes: [1, 0]),
///         .init("*/gamma", "*.weight"), .init("*/moving_mean", "*.running_mean"),
///     ])
///     try model.load(file, names: keras)
public struct NameTable: Sendable, Hashable {
    /// A rule for the names of one form.
    public struct Rule: Sendable, Hashable {
        /// The framework's names; each `*` stands for any text.
        public var theirs: String
        /// Our path for them; the first `*` becomes what the first one in `theirs` stood for, and so on.
        public var ours: String
        /// For each axis of ours, which of the framework's it is, for arrays of as many axes alone; `nil` for all arrays, whose axes
        /// stay as they are.
        public var axes: [Int]?

        /// Makes a rule. Both names must have as many `*`.
        public init(_ theirs: String, _ ours: String, axes: [Int]? = nil) {
            precondition(
                theirs.count { $0 == "*" } == ours.count { $0 == "*" },
                "'\(theirs)' and '\(ours)' have different numbers of *")
            (self.theirs, self.ours, self.axes) = (theirs, ours, axes)
        }
    }

    /// What the framework is called.
    public var framework: String
    /// The rules; the first that matches a name counts.
    public var rules: [Rule]

    /// Makes a table.
    public init(_ framework: String, _ rules: [Rule]) {
        self.framework = framework
        self.rules = rules
    }

    /// PyTorch's names, and torchvision's of its networks: ours are the same.
    public static let pytorch = NameTable("PyTorch", [])

    /// The path and the array that a framework's stand for.
    package func translated(_ name: String, _ array: NDArray) -> (path: String, array: NDArray) {
        let (path, axes) = translated(name, rank: array.shape.rank)
        return (path, axes.map(array.transposed) ?? array)
    }

    /// The path that a framework's name stands for, and for each axis of ours which of the framework's it is; `nil` where axes
    /// stay as they are.
    func translated(_ name: String, rank: Int) -> (path: String, axes: [Int]?) {
        for rule in rules where rule.axes.map({ $0.count == rank }) ?? true {
            guard let parts = rule.theirs.parts(in: name) else { continue }
            var path = ""
            for (index, piece) in rule.ours.pieces.enumerated() {
                path += (index == 0 ? "" : parts[index - 1]) + piece
            }
            return (path, rule.axes)
        }
        return (name, nil)
    }
}

extension String {
    /// What stands between the `*`.
    fileprivate var pieces: [Substring] { split(separator: "*", omittingEmptySubsequences: false) }

    /// What the `*` of this pattern stand for in a text, each as little as possible; `nil` if it does not match.
    fileprivate func parts(in text: String) -> [Substring]? {
        let pieces = pieces
        guard pieces.count > 1 else { return self == text ? [] : nil }
        guard text.hasPrefix(pieces[0]) else { return nil }
        var rest = text.dropFirst(pieces[0].count)
        var parts: [Substring] = []
        for piece in pieces[1..<(pieces.count - 1)] {
            guard let found = piece.isEmpty ? rest.startIndex..<rest.startIndex : rest.firstRange(of: piece)
            else {
                return nil
            }
            parts.append(rest[..<found.lowerBound])
            rest = rest[found.upperBound...]
        }
        guard rest.hasSuffix(pieces[pieces.count - 1]) else { return nil }
        return parts + [rest.dropLast(pieces[pieces.count - 1].count)]
    }
}
