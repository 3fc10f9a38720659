import RenormArrays

/// Files that should be pictures and cannot be read as such: how many there are, and what is wrong with the first of them.
public struct PictureProblems: Hashable, Sendable {
    /// One of them.
    public struct Problem: Hashable, Sendable {
        /// The path, as it is in the list.
        public var path: String
        /// The message: what was found and where, what was expected, what to do.
        public var message: String
    }

    /// The number of all.
    public private(set) var count = 0
    /// The first of them, in the list's order.
    public private(set) var first: [Problem] = []

    /// As many are kept with their messages: enough for a report, and no burden where everything is broken.
    static let kept = 1000

    /// None.
    public init() {}

    mutating func add(_ path: String, _ message: String) {
        count += 1
        if first.count < PictureProblems.kept { first.append(Problem(path: path, message: message)) }
    }

    /// Counts some that come after all others and are not kept.
    mutating func addUnlisted(_ count: Int) { self.count += count }

    /// The messages of some, one a line, and how many more there are.
    func listed(_ limit: Int = 10) -> String {
        let lines = first.prefix(limit).map { "\n  \($0.message.visible)" }.joined()
        return count > limit ? lines + "\n  and \(count - limit) more" : lines
    }
}

/// What the making of a list left out, and what is odd about what it found.
public struct PictureListReport: Hashable, Sendable {
    /// Hidden files and folders, which nobody looked into.
    public internal(set) var hidden = 0
    /// Files that are no pictures and do not claim to be, by their suffix in small letters (`txt`; empty: none).
    public internal(set) var others: [String: Int] = [:]
    /// Files that a link leads to, and that are there already.
    public internal(set) var repeated = 0
    /// Folders of classes without a picture, which are no classes.
    public internal(set) var emptyClasses: [String] = []
    /// Folders with pictures beside the parts, and a picture beside the folders of classes, which belong to no class.
    public internal(set) var withoutClass: [String] = []
    /// Pictures that were left out because they cannot be read.
    public internal(set) var broken = PictureProblems()
    /// What may be meant otherwise, in sentences that say what to do.
    public internal(set) var warnings: [String] = []

    /// What was left out, in half a sentence; empty where nothing was.
    public var leftOut: String {
        var parts: [String] = []
        if hidden > 0 { parts.append("\(hidden) hidden") }
        let suffixes = PictureListReport.listed(others)
        if !suffixes.isEmpty { parts.append(suffixes) }
        if repeated > 0 { parts.append("\(repeated) that links show a second time") }
        if broken.count > 0 { parts.append("\(broken.count) broken") }
        return parts.joined(separator: ", ")
    }

    /// Other files by number and suffix, the most common first: `12 .txt, 1 without suffix`.
    static func listed(_ others: [String: Int], limit: Int = 5) -> String {
        let sorted = others.sorted { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }
        let parts = sorted.prefix(limit).map {
            "\($0.value) \($0.key.isEmpty ? "without suffix" : ".\($0.key.visible)")"
        }
        return (parts + (sorted.count > limit ? ["others"] : [])).joined(separator: ", ")
    }
}

extension Collection<String> {
    /// The first few, and whether there are more, for a message.
    func few(_ limit: Int = 5) -> String {
        prefix(limit).map { "'\($0.visible)'" }.joined(separator: ", ") + (count > limit ? ", …" : "")
    }
}
