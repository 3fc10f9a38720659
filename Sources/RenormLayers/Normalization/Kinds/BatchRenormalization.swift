import RenormArrays
import RenormGraphs

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Moments of the batch, corrected towards the moving averages by r and d, so that training and inference see the same
/// (Ioffe 2017).
///
/// Statistics: `running_mean` and `running_std` `[C]` (σ itself, ε inside), `num_batches_tracked`; with a correction that tunes
/// itself `gains` `[2, 3]` (for means and for deviations the gain, and the averages of e² and of e·e by which it is tuned) and
/// the last `innovations` `[2, C]`.
public struct BatchRenormalization: BatchwiseNormalization, PopulationNormalization {
    /// Its word.
    public static let name = "batch-renorm"

    /// How far a batch is corrected.
    public enum Correction: Sendable, Hashable {
        /// By gains that tune themselves.
        case selfTuning(SelfTuning)
        /// Within limits.
        ///
        /// - `averagingRate`: How far moving averages go towards a batch's moments in a step.
        /// - `stepProjection`: Which part of the backward pass's projection is over the whole step rather than the group, in
        ///   0…1: 0 is the paper's.
        case limits(Limits, averagingRate: Double = 0.05, stepProjection: Double = 0)

        /// Nothing to choose: averages follow each group by a gain that tunes itself, and the group is normalized with the
        /// averages after it, within r ≤ 3 and d ≤ 5 for 500 steps and wider limits later. With large independent batches
        /// that becomes batch normalization, with small or biased ones the moving averages. See `SelfTuning`.
        public static let automatic = Correction.selfTuning(SelfTuning())
    }

    /// How far a batch is corrected.
    public var correction: Correction
    /// The number of examples normalized together; `nil` for the whole batch.
    public var examples: Int?

    /// Makes the kind; it tunes itself unless limits are given.
    public init(_ correction: Correction = .automatic, examples: Int? = nil) {
        self.correction = correction
        self.examples = examples
    }

    /// What is wrong with the parameters.
    public var fault: Fault? {
        switch correction {
        case .selfTuning(let tuning):
            return .first(examplesFault, tuning.filter.fault)
        case .limits(let limits, let averagingRate, let stepProjection):
            return .first(
                Fault("averaging rate \(averagingRate)", "0 to 1", unless: (0...1).contains(averagingRate)),
                examplesFault,
                Fault(
                    "a step projection of \(stepProjection)", "0 to 1",
                    unless: (0...1).contains(stepProjection)),
                limits.fault)
        }
    }

    /// Normalizes with the batch, corrected, or with the moving averages, as the phase says.
    public func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor {
        let averages = try RunningDeviation(layer, tunes: tuning != nil)
        let phase = layer.scope.phase
        let usesBatch = phase.statistics == .batch
        guard usesBatch || phase.updatesStatistics else { return try averages.normalized(x) }
        let moments = try layer.batchMoments(x, examples: examples, ofSingleValues: consequenceOfSingleValues)
        switch correction {
        case .selfTuning(let tuning):
            let filtered = try layer.scope.builder.within(role: .moments) {
                try averages.filtered(moments, tuning.filter)
            }
            if phase.updatesStatistics { try averages.update(from: filtered) }
            guard usesBatch else { return try averages.normalized(x) }
            guard phase.corrects else { return try layer.standardized(x, by: moments) }
            return try tuning.renormalized(x, moments, filtered, layer)
        case .limits(let limits, let averagingRate, let stepProjection):
            if phase.updatesStatistics { try averages.update(from: moments, rate: averagingRate) }
            guard usesBatch else { return try averages.normalized(x) }
            guard phase.corrects else { return try layer.standardized(x, by: moments) }
            return try limits.renormalized(x, moments, averages, layer, stepProjection: stepProjection)
        }
    }

    /// What tunes itself in place of limits.
    var tuning: SelfTuning? {
        if case .selfTuning(let tuning) = correction { tuning } else { nil }
    }

    private func consequenceOfSingleValues(groups: Int) -> String {
        (tuning == nil
            ? "its gradient is 0, and its deviation √ε pulls running_std down"
            : groups == 1 ? "its gradient is 0" : "it says nothing of running_std, which stays as it is")
            + "; use larger groups of examples"
    }
}

extension NormalizationKind where Self == BatchRenormalization {
    /// Moments of the batch, corrected towards moving averages by gains that tune themselves.
    public static var batchRenorm: Self { Self() }

    /// Moments of the batch, corrected towards moving averages.
    public static func batchRenorm(
        _ correction: BatchRenormalization.Correction = .automatic, examples: Int? = nil
    ) -> Self {
        Self(correction, examples: examples)
    }
}

// MARK: Statistics

extension BatchRenormalization {
    /// Mean, deviation, the gains where there are any, and the number of batches.
    public func statistics(channels: Int, epsilon: Double) -> [NormalizationStatistic] {
        let averages = [
            NormalizationStatistic("running_mean", shape: [channels], initial: 0),
            NormalizationStatistic(
                "running_std", shape: [channels], initial: 1,
                bound: StatisticBound(minimum: 0, isIncluded: false)),
        ]
        // Gains that are not known are 0.
        let gains = [
            NormalizationStatistic("gains", shape: [2, 3], initial: 0, valueWhereMissing: 0),
            NormalizationStatistic("innovations", shape: [2, channels], initial: 0, valueWhereMissing: 0),
        ]
        return averages + (tuning == nil ? [] : gains) + [.batchCount]
    }

    /// The averages as they are.
    public func population(_ value: (String) -> NDArray?, epsilon: Double) -> Population? {
        guard let mean = value("running_mean"), let deviation = value("running_std") else { return nil }
        return Population(
            mean: mean, spread: .deviation(deviation),
            batchCount: value(NormalizationStatistic.batchCount.name))
    }

    /// The deviation; the number of batches where nobody has counted those that made averages.
    public func statistics(of population: Population, epsilon: Double, path: String) throws
        -> [String: NDArray]
    {
        var result = ["running_mean": population.mean, "running_std": try population.deviation(at: path)]
        // Averages that mean something must not be overwritten by the first batch; those of a network that was never
        // trained should be.
        if case .variance = population.spread, population.isMeasured,
            population.batchCount.map({ $0.doubles == [0] }) ?? true
        {
            result[NormalizationStatistic.batchCount.name] = NDArray(scalar: Int64(1))
        }
        return result
    }

    /// Within limits with an averaging rate of 1; gains that tune themselves are followed from batch to batch.
    public var followingOneBatch: (any PopulationNormalization)? {
        guard case .limits(let limits, _, let stepProjection) = correction else { return nil }
        return BatchRenormalization(
            .limits(limits, averagingRate: 1, stepProjection: stepProjection), examples: examples)
    }

    /// That of the mean deviation or, where the correction tunes itself, of the mean of its logarithm: what is averaged are these.
    public func settledVariance(_ variances: [Double], count: Int, epsilon: Double) -> Double {
        let isLogarithmic = tuning.map { !$0.filter.isArithmetic } ?? false
        let averaged = variances.reduce(0) { sum, variance in
            sum + (isLogarithmic ? 0.5 * log(variance + epsilon) : (variance + epsilon).squareRoot())
        }
        let mean = averaged / Double(max(variances.count, 1))
        let deviation = isLogarithmic ? exp(mean) : mean
        return max(deviation * deviation - epsilon, 0)
    }

    /// r_max and d_max, where they follow schedules.
    public var reportedSchedules: [(name: String, schedule: Schedule)] {
        guard case .limits(let limits, _, _) = correction else { return [] }
        return [("r_max", limits.rMax), ("d_max", limits.dMax)]
    }

    /// The gains: 1 is batch normalization, near 0 the moving averages.
    public func readings(_ value: (String) throws -> NDArray) throws -> [NormalizationReading] {
        guard tuning != nil else { return [] }
        let gains = try value("gains").doubles
        return [
            NormalizationReading("mean", label: "gains of means", value: gains[0]),
            NormalizationReading("scale", label: "gains of deviations", value: gains[3]),
        ]
    }
}
