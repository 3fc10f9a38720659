/// A pattern of paths. `*` stands for any part of one component, `**` for anything, `**.` also for no component at
/// all; a pattern matches a path and everything below it. The empty pattern is the whole model, so it matches all.
///
/// | pattern | matches | does not match |
/// |---|---|---|
/// | `layer1` | `layer1`, `layer1.0.conv1` | `layer10`, `stage.layer1` |
/// | `layer*.0` | `layer1.0.conv1` | `layer1.1.conv1` |
/// | `*.bn1` | `block.bn1.weight` | `bn1`, `layer1.0.bn1` |
/// | `**.bn1` | `bn1`, `layer1.0.bn1` | `layer1.0.bn10`, `xbn1` |
/// | `**bn1` | `bn1`, `layer1.0.bn1`, `xbn1` | `layer1.0.bn10` |
public struct PathPattern: Sendable, Hashable, Codable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The pattern as written.
    public var description: String

    /// Makes a pattern.
    public init(_ pattern: String) { description = pattern }

    /// Makes a pattern.
    public init(stringLiteral value: String) { self.init(value) }

    /// Matches every path.
    public static let all: PathPattern = "**"

    /// A pattern is coded as its text.
    public init(from decoder: any Decoder) throws {
        description = try decoder.singleValueContainer().decode(String.self)
    }

    /// A pattern is coded as its text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// Whether the pattern matches the path itself or a prefix of it that ends at a component.
    public func matches(_ path: String) -> Bool {
        description.isEmpty || Match(pattern: Array(description.utf8), path: Array(path.utf8)).holds(0, 0)
    }
}

/// The comparison of a pattern with a path, from a place in each onwards.
private struct Match {
    let pattern: [UInt8]
    let path: [UInt8]

    func holds(_ inPattern: Int, _ inPath: Int) -> Bool {
        let (star, dot) = (UInt8(ascii: "*"), UInt8(ascii: "."))
        guard inPattern < pattern.count else { return inPath == path.count || path[inPath] == dot }
        guard pattern[inPattern] == star else {
            return inPath < path.count && path[inPath] == pattern[inPattern]
                && holds(inPattern + 1, inPath + 1)
        }
        let crossesDots = inPattern + 1 < pattern.count && pattern[inPattern + 1] == star
        let rest = inPattern + (crossesDots ? 2 : 1)
        let beginsComponent = inPath == 0 || path[inPath - 1] == dot
        if crossesDots, beginsComponent, rest < pattern.count, pattern[rest] == dot, holds(rest + 1, inPath) {
            return true
        }
        var end = inPath
        while true {
            if holds(rest, end) { return true }
            if end == path.count || (!crossesDots && path[end] == dot) { return false }
            end += 1
        }
    }
}
