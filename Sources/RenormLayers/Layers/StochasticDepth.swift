import RenormArrays
import RenormGraphs

/// Sets whole examples to 0 with probability `rate` in training, and scales the others by 1 / (1 − rate): at the end of a
/// residual block's body it drops the block ("drop path", Huang et al. 2016). The draws are a function of (seed, path, number of
/// the batch).
public struct StochasticDepth: Layer, Hashable {
    /// The probability that an example is dropped, 0 ≤ rate < 1.
    public var rate: Double

    /// Makes the layer.
    public init(_ rate: Double) { self.rate = rate }

    /// The layer in a few words.
    public var summary: String { "stochastic depth \(rate)" }

    /// Drops examples of `[N, …]` if the phase says so.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var examples = TensorShape([Int](repeating: 1, count: x.shape.rank))
        examples[0] = x.shape[0]
        return try x.dropped(rate, scope, operation: "stochasticDepth", draws: examples)
    }
}
