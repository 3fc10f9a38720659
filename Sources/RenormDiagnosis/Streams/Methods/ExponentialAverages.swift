import RenormGraphs

/// Moving averages that go on moving: by a rate a batch, from the source's.
public struct ExponentialAverages: StreamMethod {
    /// Its word.
    public static let name = "ema"
    /// Where it is from.
    public static let source =
        "batch normalization's own moving averages (Ioffe & Szegedy 2015), updated at test time and used at once"
    /// The rate.
    public static let constants = [StreamConstant<Self>("rate", \.rate, 0...1)]

    /// How far averages go towards a batch's moments.
    public var rate = 0.1

    /// Makes the method.
    public init() {}

    /// The averages.
    public func variables(channels: Int, source: SourceStatistics.Layer?, limit: Double) -> [StreamVariable] {
        StreamVariable.averages(channels)
    }

    /// Moves the averages, then normalizes with them.
    public func normalize(_ layer: StreamLayer) throws -> Tensor { try layer.normalizedMoving(rate: rate) }
}

extension StreamVariable {
    /// A mean and a variance that begin as the source's.
    static func averages(_ channels: Int) -> [StreamVariable] {
        [
            StreamVariable("mean", shape: [channels], initial: .sourceMean),
            StreamVariable("variance", shape: [channels], initial: .sourceVariance),
        ]
    }
}

extension StreamLayer {
    /// Moves the averages towards the batch's moments, then normalizes with them.
    func normalizedMoving(rate: Double) throws -> Tensor {
        let (mean, variance) = try batchMoments()
        let (before, spread) = try (variable("mean"), variable("variance"))
        let newMean = try before + (mean - before) * rate
        let newVariance = try spread + (variance - spread) * rate
        try update("mean", to: newMean.reshaped(to: [channels]))
        try update("variance", to: newVariance.reshaped(to: [channels]))
        return try normalized(means: newMean, variances: newVariance)
    }
}
