/// How much the means of groups of examples vary beside what independent draws would give: 1 for examples in no order, k for
/// groups of k equal examples (Kish 1965). A group of k then says as much of the population as k / effect examples.
///
/// It is the variance of the groups' means times k over the variance of the examples, both summed over channels, so a
/// channel that hardly varies says little. The uncertainty is the jackknife's, group by group.
public struct DesignEffect: Sendable, Hashable, Codable {
    /// The effect.
    public var value: Double
    /// Its standard error.
    public var standardError: Double
    /// The number of groups.
    public var groups: Int
    /// The number of examples in a group.
    public var size: Int

    /// Measures examples that come in groups.
    ///
    /// - Parameters:
    ///   - examples: A row of numbers for each, all of the same length, in the order in which they come.
    ///   - size: The number of consecutive examples in a group, at least 2; what is left at the end is not looked at.
    /// - Returns: `nil` for fewer than 3 groups, or where nothing varies.
    public init?(of examples: [[Double]], inGroupsOf size: Int) {
        precondition(size >= 2, "groups of \(size)")
        let count = examples.count / size
        guard count >= 3, let channels = examples.first?.count, channels > 0 else { return nil }
        var all = Sums(channels)
        let groups = (0..<count).map { group in
            var sums = Sums(channels)
            for row in examples[group * size..<(group + 1) * size] { sums.add(row, all.shift(by: row)) }
            return sums
        }
        for group in groups { all.add(group) }
        guard let value = all.effect(groups: count, size: size) else { return nil }
        // The effect without each group in turn.
        let others = groups.map { all.without($0).effect(groups: count - 1, size: size) ?? value }
        let mean = others.reduce(0, +) / Double(count)
        let squares = others.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        (self.value, self.groups, self.size) = (value, count, size)
        standardError = (squares * Double(count - 1) / Double(count)).squareRoot()
    }

    /// The interval that holds the effect with 95 %, roughly: two standard errors to each side, and not below 0.
    public var interval: ClosedRange<Double> {
        max(value - 2 * standardError, 0)...(value + 2 * standardError)
    }

    /// Whether the examples come in an order that matters: the interval lies above 1.
    public var isBiased: Bool { interval.lowerBound > 1 }
}

/// Sums by channel, from which the effect is computed.
private struct Sums {
    /// The first example, which is taken off all: sums of squares stay exact when means are large.
    private var origin: [Double] = []
    /// Σ x, Σ x² and Σ (Σ x of a group)².
    private var first: [Double], second: [Double], between: [Double]

    init(_ channels: Int) {
        first = [Double](repeating: 0, count: channels)
        (second, between) = (first, first)
    }

    /// The origin, which is this example if there is none yet.
    mutating func shift(by row: [Double]) -> [Double] {
        if origin.isEmpty { origin = row }
        return origin
    }

    /// Adds an example to its group.
    mutating func add(_ row: [Double], _ origin: [Double]) {
        for channel in first.indices {
            let x = row[channel] - origin[channel]
            first[channel] += x
            second[channel] += x * x
        }
    }

    /// Adds a group to all.
    mutating func add(_ group: Sums) {
        for channel in first.indices {
            first[channel] += group.first[channel]
            second[channel] += group.second[channel]
            between[channel] += group.first[channel] * group.first[channel]
        }
    }

    /// All but a group.
    func without(_ group: Sums) -> Sums {
        var rest = self
        for channel in first.indices {
            rest.first[channel] -= group.first[channel]
            rest.second[channel] -= group.second[channel]
            rest.between[channel] -= group.first[channel] * group.first[channel]
        }
        return rest
    }

    /// Σ over channels of k · var(means of groups) over Σ of var(examples), both unbiased.
    func effect(groups: Int, size: Int) -> Double? {
        let (groups, size) = (Double(groups), Double(size))
        var (means, examples) = (0.0, 0.0)
        for channel in first.indices {
            let square = first[channel] * first[channel] / (groups * size)
            means += (between[channel] / size - square) / (groups - 1)
            examples += (second[channel] - square) / (groups * size - 1)
        }
        return examples > 0 ? means / examples : nil
    }
}
