import RenormGraphs

/// The moments of everything that the stream has brought so far, this batch included.
public struct CumulativeAverages: StreamMethod {
    /// Its word.
    public static let name = "adabn"
    /// Where it is from.
    public static let source =
        "Li et al. 2017, Revisiting batch normalization for practical domain adaptation: its statistics, gathered as the stream comes"

    /// Makes the method.
    public init() {}

    /// Mean and variance so far, and the number of images.
    public func variables(channels: Int, source: SourceStatistics.Layer?, limit: Double) -> [StreamVariable] {
        [
            StreamVariable("mean", shape: [channels]), StreamVariable("variance", shape: [channels]),
            StreamVariable("count", shape: []),
        ]
    }

    /// Joins the moments so far with the batch's (Chan et al. 1983) and normalizes with them.
    public func normalize(_ layer: StreamLayer) throws -> Tensor {
        let (mean, variance) = try layer.batchMoments()
        let (before, spread, count) = try (
            layer.variable("mean"), layer.variable("variance"), layer.variable("count")
        )
        let total = try count + Double(layer.batch)
        let part = try Double(layer.batch) / total
        let difference = try mean - before
        let newMean = try before + difference * part
        let newVariance = try spread + (variance - spread) * part + difference.squared() * part * (1 - part)
        try layer.update("mean", to: newMean.reshaped(to: [layer.channels]))
        try layer.update("variance", to: newVariance.reshaped(to: [layer.channels]))
        try layer.update("count", to: total)
        return try layer.normalized(means: newMean, variances: newVariance)
    }
}
