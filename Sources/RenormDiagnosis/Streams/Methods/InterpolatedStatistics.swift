import RenormArrays
import RenormGraphs

/// TTN's interpolation: each channel has its own part of the batch's moments, the larger the more its gradients change when source
/// images are corrupted.
public struct InterpolatedStatistics: StreamMethod {
    /// Its word.
    public static let name = "ttn"
    /// Where it is from, and what is left out.
    public static let source =
        "Lim et al. 2023, TTN: a domain-shift aware batch normalization in test-time adaptation: the parts as its prior gives them, "
        + "without the training of them that follows"
    /// The factor of the parts.
    public static let constants = [StreamConstant<Self>("factor", \.factor, 0...10)]
    /// The prior of the parts is measured on source images.
    public static let needsSource = true

    /// A factor of all parts, which stay at most 1.
    public var factor = 1.0

    /// Makes the method.
    public init() {}

    /// The parts.
    ///
    /// - Throws: `StreamError.noSource` where they were not measured.
    public func variables(channels: Int, source: SourceStatistics.Layer?, limit: Double) throws
        -> [StreamVariable]
    {
        guard let parts = source?.sensitivity else { throw StreamError.noSource(method: Self.name) }
        return [
            StreamVariable(
                "part", fixed: NDArray(parts.floats.map { min($0 * Float(factor), 1) }, shape: [channels]))
        ]
    }

    /// Normalizes with μ = α·μ_B + (1 − α)·μ_S and σ² = α·σ_B² + (1 − α)·σ_S² + α·(1 − α)·(μ_B − μ_S)².
    public func normalize(_ layer: StreamLayer) throws -> Tensor {
        let (mean, variance) = try layer.batchMoments()
        let (from, spread, part) = try (layer.sourceMean, layer.sourceVariance, layer.variable("part"))
        let difference = try mean - from
        return try layer.normalized(
            means: from + difference * part,
            variances: spread + (variance - spread) * part + difference.squared() * part * (1 - part))
    }
}
