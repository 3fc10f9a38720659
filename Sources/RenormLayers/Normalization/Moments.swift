import RenormGraphs

/// The moments that normalize an activation: vectors `[G, C]`, constants to differentiation (the projection of the
/// backward pass accounts for their dependence on x).
public struct Moments {
    /// μ_B and the biased variance, `[2, G, C]`.
    var both: Tensor?
    /// μ_B.
    public let mean: Tensor
    /// The biased variance, without ε.
    public let biasedVariance: Tensor
    /// σ_B² = ε + variance.
    public let variance: Tensor
    /// σ_B.
    public let deviation: Tensor
    /// The runs of channels that share moments; as many as channels if each has its own.
    public let channelGroups: Int
    /// The number of values that a channel's moments are taken over.
    public let count: Int

    init(mean: Tensor, biasedVariance: Tensor, epsilon: Double, channelGroups: Int, count: Int) throws {
        self.mean = mean
        self.biasedVariance = biasedVariance
        variance = try biasedVariance + epsilon
        deviation = variance.squareRoot()
        self.channelGroups = channelGroups
        self.count = count
    }
}
