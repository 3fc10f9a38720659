import RenormArrays
import RenormGraphs
import RenormLayers

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Means and variances, without ε, by channel: what a normalization is normalized with, from wherever they are.
package struct LayerAverages {
    package var means: [Double]
    package var variances: [Double]

    /// What a network's averages say at a normalization; `nil` where it keeps none.
    init?(_ record: NormalizationRecord, in variables: Variables) {
        guard let kind = record.normalization.kind as? any PopulationNormalization,
            let population = kind.population(
                { variables[record.place($0)]?.value }, epsilon: record.normalization.epsilon)
        else { return nil }
        (means, variances) = population.moments(without: record.normalization.epsilon)
    }

    package init(means: [Double], variances: [Double]) { (self.means, self.variances) = (means, variances) }

    /// The same as a population.
    func population(epsilon: Double) -> Population {
        let vector = { (values: [Double]) in NDArray(values, shape: [values.count]) }
        return Population(
            mean: vector(means), spread: .variance(vector(variances), epsilon: epsilon), batchCount: nil)
    }

    /// Those of another, but for some channels.
    func replacing(_ channels: [Int], by other: LayerAverages) -> LayerAverages {
        var result = self
        for channel in channels {
            result.means[channel] = other.means[channel]
            result.variances[channel] = other.variances[channel]
        }
        return result
    }
}

extension Variables {
    /// Gives a normalization averages.
    mutating func set(_ averages: LayerAverages, of record: NormalizationRecord) throws {
        try set(averages.population(epsilon: record.normalization.epsilon), of: record)
    }
}

/// How far averages are from what comes to a layer: of the means |μ − μ*|/σ*, of the deviations |ln σ/σ*|, with ε in σ.
public struct AveragesDeviation: Sendable, Hashable, Codable {
    /// The root of the mean, over channels, of the squares of both: 1.61 for variances that are 25 times too large, 0.5 for means that
    /// are off by half a deviation.
    public var total: Double
    /// The root of the mean square of the means' alone.
    public var mean: Double
    /// Of the deviations' alone.
    public var deviation: Double
    /// The largest of a channel.
    public var worst: Double
    /// The channel that it is.
    public var worstChannel: Int

    init(_ averages: LayerAverages, from truth: LayerAverages, epsilon: Double) {
        var (means, deviations) = ([Double](), [Double]())
        for channel in truth.means.indices {
            let unit = max(truth.variances[channel] + epsilon, .leastNormalMagnitude).squareRoot()
            let own = max(averages.variances[channel] + epsilon, .leastNormalMagnitude).squareRoot()
            means.append((averages.means[channel] - truth.means[channel]) / unit)
            deviations.append(log(own / unit))
        }
        let totals = zip(means, deviations).map { ($0 * $0 + $1 * $1).squareRoot() }
        total = totals.rootMeanSquare
        mean = means.rootMeanSquare
        deviation = deviations.rootMeanSquare
        worstChannel = totals.indices.max { totals[$0] < totals[$1] } ?? 0
        worst = totals.isEmpty ? 0 : totals[worstChannel]
    }
}

extension LayerAverages {
    /// How far the results of a normalization with these averages are from those with others, relative to the latter: √(Σ(y − y′)²/Σy′²)
    /// over what has `input`'s moments, over all channels and of the worst one. Nothing is run for it: both results are affine in
    /// the input.
    package func outputDifference(
        from other: LayerAverages, input: LayerAverages, epsilon: Double, gamma: [Double], beta: [Double]
    ) -> (all: Double, worst: Double) {
        var (squares, sizes, worst) = (0.0, 0.0, 0.0)
        for channel in means.indices {
            func affine(_ averages: LayerAverages) -> (scale: Double, shift: Double) {
                let scale =
                    gamma[channel]
                    / max(averages.variances[channel] + epsilon, .leastNormalMagnitude).squareRoot()
                return (scale, beta[channel] - scale * averages.means[channel])
            }
            // The mean square of a·x + b.
            func power(_ a: Double, _ b: Double) -> Double {
                let mean = a * input.means[channel] + b
                return a * a * input.variances[channel] + mean * mean
            }
            let (own, reference) = (affine(self), affine(other))
            let square = power(own.scale - reference.scale, own.shift - reference.shift)
            let size = power(reference.scale, reference.shift)
            squares += square
            sizes += size
            if size > 0 { worst = max(worst, (square / size).squareRoot()) }
        }
        return (sizes > 0 ? (squares / sizes).squareRoot() : 0, worst)
    }
}
