import RenormArrays
import RenormGraphs

/// A kind whose moving averages are PyTorch's: `running_mean` and `running_var` `[C]`, the variance unbiased and without ε,
/// and `num_batches_tracked`.
public protocol RunningVarianceNormalization: PopulationNormalization {}

extension RunningVarianceNormalization {
    /// Mean, variance and the number of batches.
    public func statistics(channels: Int, epsilon: Double) -> [NormalizationStatistic] {
        [
            NormalizationStatistic("running_mean", shape: [channels], initial: 0),
            // A variance may be 0, as of a channel that is always 0, where there is an ε to keep it from being divided by.
            NormalizationStatistic(
                "running_var", shape: [channels], initial: 1,
                bound: StatisticBound(minimum: 0, isIncluded: epsilon > 0)),
            .batchCount,
        ]
    }

    /// The averages as they are.
    public func population(_ value: (String) -> NDArray?, epsilon: Double) -> Population? {
        guard let mean = value("running_mean"), let variance = value("running_var") else { return nil }
        return Population(
            mean: mean, spread: .variance(variance, epsilon: epsilon),
            batchCount: value(NormalizationStatistic.batchCount.name))
    }

    /// The variance without ε.
    public func statistics(of population: Population, epsilon: Double, path: String) throws
        -> [String: NDArray]
    {
        ["running_mean": population.mean, "running_var": try population.variance(without: epsilon, at: path)]
    }
}

/// PyTorch's moving averages while a layer is traced.
struct RunningVariance {
    private let layer: NormalizationContext
    private let mean: Tensor
    private let variance: Tensor
    private let deviation: Tensor
    private let count: Tensor

    init(_ layer: NormalizationContext) throws {
        self.layer = layer
        mean = try layer.statistic("running_mean")
        variance = try layer.statistic("running_var")
        deviation = try (variance + layer.epsilon).squareRoot()
        count = try layer.statistic("num_batches_tracked")
    }

    /// γ·(x − μ)/σ + β.
    func normalized(_ x: Tensor) throws -> Tensor {
        try layer.normalized(x, mean: mean, deviation: deviation)
    }

    /// One update a step, with the mean over groups: μ ← μ + rate·(μ_B − μ), and the same for the unbiased variance.
    func update(from moments: Moments, rate: Double) throws {
        let n = Double(moments.count)
        let unbiased = try moments.biasedVariance.mean(axes: [0]) * (n > 1 ? n / (n - 1) : 1)
        let scope = layer.scope
        try scope.update("running_mean", to: mean + (moments.mean.mean(axes: [0]) - mean) * rate)
        try scope.update("running_var", to: variance + (unbiased - variance) * rate)
        try scope.update("num_batches_tracked", to: count + 1)
    }
}
