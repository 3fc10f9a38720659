#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// How far each of many estimates should go from where it is expected to where it was measured: empirical Bayes over a mixture
/// of widths (Stephens 2017).
///
/// A gap g_c is what was measured less what was expected, e_c² the expected square of its error. The true gaps are taken for
/// draws from a mixture of normal distributions around 0 with variances from 0 to that of the largest gap, whose weights are those that
/// make the gaps likeliest. The expected true gap is then weight · gap, with weights near 0 where gaps are as large as their errors, and
/// near 1 where they are much larger. A mixture, and not one width (James & Stein 1961), because a few channels that were
/// hardly ever on in the source would else speak for all others.
public struct Shrinkage: Sendable, Hashable {
    /// How far each estimate goes, 0 to 1.
    public var weights: [Double]

    /// Finds the weights.
    ///
    /// - Parameters:
    ///   - gaps: What was measured less what was expected, all in the same unit.
    ///   - errors: The expected square of each gap's error.
    public init(gaps: [Double], errors: [Double]) {
        precondition(gaps.count == errors.count, "\(gaps.count) gaps and \(errors.count) errors")
        let largest = gaps.reduce(0) { max($0, $1 * $1) }
        guard largest > 0 else {
            weights = gaps.map { _ in 0 }
            return
        }
        var widths = [0.0]
        var width = Shrinkage.narrowest
        while width < largest {
            widths.append(width)
            width *= Shrinkage.ratio
        }
        widths.append(largest)
        // The density of each gap by each width, over the largest of the same gap.
        let densities = zip(gaps, errors).map { gap, error in
            let logs = widths.map { width -> Double in
                let variance = width + error
                // Without any error a gap that is not 0 is true.
                guard variance > 0 else { return gap == 0 ? 0 : -.infinity }
                return -0.5 * (log(variance) + gap * gap / variance)
            }
            let top = logs.max() ?? 0
            return logs.map { top.isFinite ? exp($0 - top) : 0 }
        }
        // Channels of a layer go together, so a few of them are no evidence: width 0 begins with some of its own.
        let prior = widths.map { $0 == 0 ? Shrinkage.nullCount : 0 }
        var shares = [Double](repeating: 1 / Double(widths.count), count: widths.count)
        for _ in 0..<Shrinkage.steps {
            var counts = prior
            for density in densities {
                let parts = zip(density, shares).map { $0 * $1 }
                let sum = parts.reduce(0, +)
                guard sum > 0 else { continue }
                for index in parts.indices { counts[index] += parts[index] / sum }
            }
            let total = counts.reduce(0, +)
            shares = counts.map { $0 / total }
        }
        weights = zip(densities, errors).map { density, error in
            let parts = zip(density, shares).map { $0 * $1 }
            let sum = parts.reduce(0, +)
            guard sum > 0 else { return 0 }
            var weight = 0.0
            for (part, width) in zip(parts, widths) where width > 0 {
                weight += part / sum * width / (width + error)
            }
            return weight
        }
    }

    /// The variance of the narrowest distribution but 0, in squared standard deviations of the source, and the ratio of one
    /// to the next.
    private static let narrowest = 1e-4
    private static let ratio = 4.0
    /// As many channels as speak for no gap from the start.
    private static let nullCount = 2.0
    private static let steps = 50
}
