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

    /// Whether the pattern matches the path itself or a prefix of it that ends at a component. Takes time in proportion to
    /// both lengths, whatever the pattern.
    public func matches(_ path: String) -> Bool {
        description.isEmpty || Match(pattern: Array(description.utf8), path: Array(path.utf8)).holds
    }
}

/// The comparison of a pattern with a path.
private struct Match {
    let pattern: [UInt8]
    let path: [UInt8]

    /// Whether the pattern matches. What matches from each place of the path on is found from the end of the pattern to its
    /// beginning: to try every way that stars can go would take for ever with some twenty of them.
    var holds: Bool {
        let (star, dot) = (UInt8(ascii: "*"), UInt8(ascii: "."))
        let places = 0...path.count
        /// For each place of the path whether the pattern matches from one, two and three bytes after `index` on.
        var later = [places.map { $0 == path.count || path[$0] == dot }]
        for index in pattern.indices.reversed() {
            var holds: [Bool]
            if pattern[index] == star {
                let crossesDots = index + 1 < pattern.count && pattern[index + 1] == star
                holds = later[crossesDots ? 1 : 0]
                for place in path.indices.reversed() where holds[place + 1] {
                    if crossesDots || path[place] != dot { holds[place] = true }
                }
                if crossesDots, index + 2 < pattern.count, pattern[index + 2] == dot {
                    for place in places where later[2][place] && (place == 0 || path[place - 1] == dot) {
                        holds[place] = true
                    }
                }
            } else {
                holds = places.map { $0 < path.count && path[$0] == pattern[index] && later[0][$0 + 1] }
            }
            later = [holds] + later.prefix(2)
        }
        return later[0][0]
    }
}
