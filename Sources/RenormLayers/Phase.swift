/// How a traced network treats what differs between training and inference. The decisions are independent: which
/// statistics normalize, whether averages move, whether dropout drops.
public struct Phase: Sendable, Hashable, Codable {
    /// The statistics that a normalization with moving averages uses.
    public enum Statistics: String, Sendable, Hashable, Codable, CaseIterable {
        /// Those of the batch (or of its groups of examples).
        case batch
        /// The moving averages.
        case moving
    }

    /// The statistics that normalize.
    public var statistics: Statistics
    /// Whether batch statistics are corrected towards the moving averages, for normalizations that do so in training
    /// (batch renorm's r and d). Without it batch statistics are used as they are: r = 1, d = 0.
    public var corrects: Bool
    /// Whether moving averages are updated.
    public var updatesStatistics: Bool
    /// Whether dropout drops.
    public var dropout: Bool

    /// Makes a phase from its decisions.
    public init(statistics: Statistics, corrects: Bool, updatesStatistics: Bool, dropout: Bool) {
        self.statistics = statistics
        self.corrects = corrects
        self.updatesStatistics = updatesStatistics
        self.dropout = dropout
    }

    /// Batch statistics, corrected, averages updated, dropout on.
    public static let training = Phase(
        statistics: .batch, corrects: true, updatesStatistics: true, dropout: true)
    /// Moving averages, nothing updated, dropout off.
    public static let inference = Phase(
        statistics: .moving, corrects: false, updatesStatistics: false, dropout: false)
    /// Inference but for the statistics, which are the batch's as they are.
    public static let batchStatistics = Phase(
        statistics: .batch, corrects: false, updatesStatistics: false, dropout: false)
}

/// A pattern of paths. `*` stands for any part of one component, `**` for anything; a pattern matches a path and
/// everything below it: `layer1` matches `layer1.0.conv1`.
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
        PathPattern.matches(Array(description.utf8)[...], Array(path.utf8)[...])
    }

    private static func matches(_ pattern: ArraySlice<UInt8>, _ path: ArraySlice<UInt8>) -> Bool {
        let (star, dot) = (UInt8(ascii: "*"), UInt8(ascii: "."))
        guard let first = pattern.first else { return path.isEmpty || path.first == dot }
        guard first == star else {
            return path.first == first && matches(pattern.dropFirst(), path.dropFirst())
        }
        let crossesDots = pattern.dropFirst().first == star
        let rest = pattern.dropFirst(crossesDots ? 2 : 1)
        var end = path.startIndex
        while true {
            if matches(rest, path[end...]) { return true }
            if end == path.endIndex || (!crossesDots && path[end] == dot) { return false }
            end += 1
        }
    }
}

/// A change to part of a model without a change to its layers, saved with the model. Of several that match, each
/// decision is taken by the last that makes it.
public struct Override: Sendable, Hashable, Codable {
    /// The layers and variables it applies to.
    public var pattern: PathPattern
    /// The phase there, whatever the model is traced for.
    public var phase: Phase?
    /// Whether parameters there are trained.
    public var isTrainable: Bool?
    /// The normalization there.
    public var normalization: Normalization?

    /// Makes an override.
    public init(
        _ pattern: PathPattern, phase: Phase? = nil, isTrainable: Bool? = nil,
        normalization: Normalization? = nil
    ) {
        self.pattern = pattern
        self.phase = phase
        self.isTrainable = isTrainable
        self.normalization = normalization
    }

    /// Freezes a part, statistics included: its parameters are not trained, and its normalizations use their moving
    /// averages and leave them alone, also in training.
    public static func freeze(_ pattern: PathPattern) -> Override {
        Override(pattern, phase: .inference, isTrainable: false)
    }
}
