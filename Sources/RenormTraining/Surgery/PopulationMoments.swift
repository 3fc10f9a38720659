/// Mean and variance of each channel, joined batch by batch in Float64.
public struct PopulationMoments: Sendable, Hashable {
    /// The number of values of each channel.
    public private(set) var count = 0
    /// The mean of each channel.
    public private(set) var means: [Double] = []
    /// The sum of squared differences from the mean.
    private var squares: [Double] = []

    /// The unbiased variance of each channel; NaN of fewer than two values.
    public var variances: [Double] { squares.map { $0 / Double(count - 1) } }

    /// The moments of nothing.
    public init() {}

    /// Adds a batch by its own moments: the squares are those of both parts and of the gap between their means (Chan et al. 1983).
    ///
    /// - Parameter biasedVariances: The mean squared difference from the batch's mean.
    public mutating func add(means new: [Double], biasedVariances: [Double], count added: Int) {
        if means.isEmpty { (means, squares) = (new.map { _ in 0 }, new.map { _ in 0 }) }
        precondition(new.count == means.count && biasedVariances.count == means.count, "other channels")
        let total = count + added
        guard added > 0 else { return }
        let (share, weight) = (Double(added) / Double(total), Double(count) * Double(added) / Double(total))
        for channel in means.indices {
            let gap = new[channel] - means[channel]
            means[channel] += gap * share
            squares[channel] += biasedVariances[channel] * Double(added) + gap * gap * weight
        }
        count = total
    }
}
