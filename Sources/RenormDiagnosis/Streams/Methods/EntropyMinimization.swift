import RenormGraphs

/// TENT: the batch's moments, and a step of γ and β by which the network becomes surer of each batch.
public struct EntropyMinimization: StreamMethod {
    /// Its word.
    public static let name = "tent"
    /// Where it is from.
    public static let source =
        "Wang et al. 2021, Tent: fully test-time adaptation by entropy minimization: one step of Adam a batch, whose predictions are those before it"
    /// The rate.
    public static let constants = [StreamConstant<Self>("rate", \.rate, 0...10)]

    /// The learning rate.
    public var rate = 1e-3

    /// Makes the method.
    public init() {}

    /// Normalizes with the batch's moments.
    public func normalize(_ layer: StreamLayer) throws -> Tensor { try layer.standardized() }

    /// A step down the mean entropy.
    public var learning: StreamLearning? { .entropy(rate: rate) }
}
