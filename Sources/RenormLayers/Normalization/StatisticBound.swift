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
    /// The bounds of its statistics by path.
    package var bounds: [String: StatisticBound] {
        // No bound depends on the number of channels.
        let bounds = normalization.statistics(channels: 1).compactMap { statistic in
            statistic.bound.map { (place(statistic.name), $0) }
        }
        return Dictionary(bounds, uniquingKeysWith: { first, _ in first })
    }

    /// The path of one of its variables. A model may be a normalization alone, whose path is empty.
    package func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}
