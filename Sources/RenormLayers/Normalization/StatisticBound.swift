/// The least value that a statistic or counter can have: what files hold is checked against it.
public struct StatisticBound: Sendable, Hashable, CustomStringConvertible {
    /// The bound.
    public var minimum: Double
    /// Whether a value can be the bound itself.
    public var isIncluded: Bool

    /// Makes a bound.
    public init(minimum: Double, isIncluded: Bool) {
        self.minimum = minimum
        self.isIncluded = isIncluded
    }

    /// Whether a value is within it; NaN is not.
    public func allows(_ value: Double) -> Bool { isIncluded ? value >= minimum : value > minimum }

    /// `at least 0`, or `more than 0`.
    public var description: String { (isIncluded ? "at least " : "more than ") + "\(Int(minimum))" }
}

extension Model {
    /// The bounds of its normalizations' statistics by path.
    public func statisticBounds() throws -> [String: StatisticBound] {
        try tracedNormalizations().reduce(into: [:]) { bounds, record in
            bounds.merge(record.bounds) { first, _ in first }
        }
    }
}

extension NormalizationRecord {
    /// A variance may be 0, as of a channel that is always 0, where there is an ε to keep it from being divided by; a
    /// deviation has ε inside.
    package var bounds: [String: StatisticBound] {
        guard normalization.kind.hasMovingAverages else { return [:] }
        let variance = StatisticBound(minimum: 0, isIncluded: normalization.epsilon > 0)
        return [
            place("running_var"): variance,
            place("running_std"): StatisticBound(minimum: 0, isIncluded: false),
            place("num_batches_tracked"): StatisticBound(minimum: 0, isIncluded: true),
        ]
    }

    /// The path of one of its variables. A model may be a normalization alone, whose path is empty.
    package func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}
