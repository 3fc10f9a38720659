/// A kind that normalizes each example by itself, the same in training and at inference.
public protocol ExampleNormalization: NormalizationKind {
    /// What it subtracts from each channel and divides it by, of an example whose channels have the means and variances of the
    /// population: so γ and β of a normalization by moving averages are carried over to it, and back.
    ///
    /// With averages μ and σ, y = γ·(x − μ)/σ + β; here y = γ′·(x − m)/s + β′, with moments of the example. With γ′ = γ·s/σ and
    /// β′ = β + γ·(m − μ)/σ both are the same for that example, while with γ and β as they were the channels of a group lose what
    /// the averages knew of their differences. Measured on a network of five layers after 400 steps with batch normalization
    /// (`ConversionCostTests`), share of changed answers before any training, carried over and as they were:
    /// RESULTS
    ///
    /// - Parameters:
    ///   - means: The population's mean of each channel.
    ///   - variances: Its variance of each channel, without ε.
    ///   - epsilon: What is added to variances.
    func expectedMoments(means: [Double], variances: [Double], epsilon: Double) -> (
        means: [Double], deviations: [Double]
    )
}

extension ExampleNormalization {
    /// The moments of an example of which runs of channels are normalized together.
    func expectedMoments(
        ofGroups groups: Int, means: [Double], variances: [Double], epsilon: Double
    ) -> (means: [Double], deviations: [Double]) {
        let each = means.count / groups
        var result: (means: [Double], deviations: [Double]) = ([], [])
        for start in stride(from: 0, to: means.count, by: each) {
            let run = start..<start + each
            let mean = means[run].reduce(0, +) / Double(each)
            let square = zip(means[run], variances[run]).reduce(0) { $0 + $1.0 * $1.0 + $1.1 } / Double(each)
            result.means += run.map { _ in mean }
            result.deviations += run.map { _ in (Swift.max(square - mean * mean, 0) + epsilon).squareRoot() }
        }
        return result
    }
}

extension GroupNormalization: ExampleNormalization {
    /// Those of its groups.
    public func expectedMoments(means: [Double], variances: [Double], epsilon: Double) -> (
        means: [Double], deviations: [Double]
    ) {
        expectedMoments(ofGroups: groups, means: means, variances: variances, epsilon: epsilon)
    }
}

extension LayerNormalization: ExampleNormalization {
    /// Those of all channels together.
    public func expectedMoments(means: [Double], variances: [Double], epsilon: Double) -> (
        means: [Double], deviations: [Double]
    ) {
        expectedMoments(ofGroups: 1, means: means, variances: variances, epsilon: epsilon)
    }
}

extension InstanceNormalization: ExampleNormalization {
    /// Those of each channel.
    public func expectedMoments(means: [Double], variances: [Double], epsilon: Double) -> (
        means: [Double], deviations: [Double]
    ) {
        expectedMoments(ofGroups: means.count, means: means, variances: variances, epsilon: epsilon)
    }
}

extension FilterResponseNormalization: ExampleNormalization {
    /// Nothing is subtracted, and the root mean square divides. Its threshold starts at 0, which makes a ReLU of it.
    public func expectedMoments(means: [Double], variances: [Double], epsilon: Double) -> (
        means: [Double], deviations: [Double]
    ) {
        (
            means.map { _ in 0 },
            zip(means, variances).map { ($0 * $0 + $1 + epsilon).squareRoot() }
        )
    }
}
