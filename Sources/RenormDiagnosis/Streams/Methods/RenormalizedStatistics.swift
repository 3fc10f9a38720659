import RenormGraphs

/// DELTA's test-time batch renormalization: averages of the stream that begin with its first batch, each batch normalized by those
/// before it.
public struct RenormalizedStatistics: StreamMethod {
    /// Its word.
    public static let name = "delta"
    /// Where it is from, and what is left out.
    public static let source =
        "Zhao et al. 2023, DELTA: degradation-free fully test-time adaptation: the forward form of its renormalization, in which r and d "
        + "make the averages normalize; without the weights of classes and the gradients"
    /// The rate.
    public static let constants = [StreamConstant<Self>("rate", \.rate, 0...1)]

    /// How far averages go towards a batch's moments.
    public var rate = 0.05

    /// Makes the method.
    public init() {}

    /// Mean and deviation (ε inside), and how many batches there were.
    public func variables(channels: Int, source: SourceStatistics.Layer?, limit: Double) -> [StreamVariable] {
        [
            StreamVariable("mean", shape: [channels]), StreamVariable("deviation", shape: [channels]),
            StreamVariable("count", shape: []),
        ]
    }

    /// Normalizes with the averages, those of the first batch its own, and moves them then.
    public func normalize(_ layer: StreamLayer) throws -> Tensor {
        let (mean, variance) = try layer.batchMoments()
        let deviation = try (variance + layer.epsilon).squareRoot()
        let count = try layer.variable("count")
        let isLater = try count.compare(.greater, layer.builder.constant(0))
        let used = try isLater.select(layer.variable("mean").reshaped(to: mean.shape), mean)
        let spread = try isLater.select(layer.variable("deviation").reshaped(to: mean.shape), deviation)
        try layer.update("mean", to: (used + (mean - used) * rate).reshaped(to: [layer.channels]))
        try layer.update(
            "deviation", to: (spread + (deviation - spread) * rate).reshaped(to: [layer.channels]))
        try layer.update("count", to: count + 1)
        return try layer.normalized(means: used, variances: spread.squared() - layer.epsilon)
    }
}
