import RenormGraphs

/// What a normalization has taken of a batch while it was traced in training: vectors that a run can return beside its results.
/// They are computed anyway, so looking at them costs nothing but their reading.
public struct BatchLook {
    /// The path of the layer.
    public let path: String
    /// μ_B and the biased variance of each group of examples, `[2, G, C]`.
    public let moments: Tensor
    /// The number of values that a channel's moments are taken over.
    public let count: Int
    /// The means and the deviations that each group is normalized with, `[G, C]` each, where a kind makes them in the graph;
    /// `nil`: they follow from the moments by `BatchwiseNormalization.correction`.
    public internal(set) var used: (means: Tensor, deviations: Tensor)?
}
