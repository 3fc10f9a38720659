import RenormGraphs

/// The source's averages and the batch's moments, weighted as N source images and those of the batch.
public struct BlendedStatistics: StreamMethod {
    /// Its word.
    public static let name = "blend"
    /// Where it is from.
    public static let source =
        "Schneider et al. 2020, Improving robustness against common corruptions by covariate shift adaptation"
    /// N.
    public static let constants = [StreamConstant<Self>("images", \.images, 0...1e9)]

    /// How many images the source's averages weigh.
    public var images = 16.0

    /// Makes the method.
    public init() {}

    /// Normalizes with (N·source + n·batch)/(N + n) of means and of variances.
    public func normalize(_ layer: StreamLayer) throws -> Tensor {
        let (mean, variance) = try layer.batchMoments()
        let part = Double(layer.batch) / (images + Double(layer.batch))
        return try layer.normalized(
            means: layer.sourceMean * (1 - part) + mean * part,
            variances: layer.sourceVariance * (1 - part) + variance * part)
    }
}
