import RenormArrays
import RenormGraphs

/// The moments that normalize an activation: vectors `[G, C]`, constants to differentiation (the projection of the
/// backward pass accounts for their dependence on x).
struct Moments {
    /// μ_B and the biased variance, `[2, G, C]`.
    var both: Tensor?
    /// μ_B.
    let mean: Tensor
    /// The biased variance, without ε.
    let biasedVariance: Tensor
    /// σ_B² = ε + variance.
    let variance: Tensor
    /// σ_B.
    let deviation: Tensor
    /// The runs of channels that share moments; as many as channels if each has its own.
    let channelGroups: Int
    /// The number of values that a channel's moments are taken over.
    let count: Int

    init(mean: Tensor, biasedVariance: Tensor, epsilon: Double, channelGroups: Int, count: Int) throws {
        self.mean = mean
        self.biasedVariance = biasedVariance
        variance = try biasedVariance + epsilon
        deviation = variance.squareRoot()
        self.channelGroups = channelGroups
        self.count = count
    }
}

extension Normalization {
    /// Moments over batch, height and width, of each group of examples and each channel.
    func batchMoments(_ x: Tensor, _ scope: Scope) throws -> Moments {
        let batch = x.shape[0]
        let together = examples ?? batch
        guard together > 0, batch % together == 0 else {
            throw GraphError.option(
                operation: "\(kind) normalization", path: scope.path,
                found: "a batch of \(batch) examples in groups of \(together)",
                expected: "a batch of a multiple of \(together)")
        }
        let groups = batch / together
        let count = x.shape.elementCount / (groups * x.shape[3])
        if count == 1 { warnOfSingleValues(together, groups: groups, scope) }
        let both = try guardedMoments(x, groups, scope)
        var moments = try Moments(
            mean: both.element(0), biasedVariance: both.element(1), epsilon: epsilon,
            channelGroups: x.shape[3], count: count)
        moments.both = both
        return moments
    }

    /// Moments of each example, over height, width and the channels of each group of channels.
    func ownMoments(_ x: Tensor, _ scope: Scope) throws -> Moments {
        let (batch, channels) = (x.shape[0], x.shape[3])
        let channelGroups =
            switch kind {
            case .layer: 1
            case .group(let groups): groups
            default: channels
            }
        guard channels % channelGroups == 0 else {
            throw GraphError.option(
                operation: "\(kind) normalization", path: scope.path,
                found: "\(channels) channels in \(channelGroups) groups",
                expected: "a number of groups that divides the channels")
        }
        let each = channels / channelGroups
        let count = x.shape[1] * x.shape[2] * each
        if count == 1 { warnOfSingleValues(1, groups: batch, scope) }
        let both = try guardedMoments(x, batch, scope)
        var (mean, variance) = (try both.element(0), try both.element(1))
        if each > 1 {
            // The total variance is the mean of the channels' variances plus the variance of their means.
            let grouped: TensorShape = [batch, channelGroups, each]
            let channelMeans = try mean.reshaped(to: grouped)
            let groupMean = try channelMeans.mean(axes: [2]).reshaped(to: [batch, channelGroups, 1])
            let groupVariance = try (variance.reshaped(to: grouped) + (channelMeans - groupMean).squared())
                .mean(axes: [2]).reshaped(to: [batch, channelGroups, 1])
            mean = try groupMean.broadcast(to: grouped).reshaped(to: [batch, channels])
            variance = try groupVariance.broadcast(to: grouped).reshaped(to: [batch, channels])
        }
        return try Moments(
            mean: mean, biasedVariance: variance, epsilon: epsilon, channelGroups: channelGroups, count: count
        )
    }

    /// A variance of one value is 0, and the value less its mean too.
    private func warnOfSingleValues(_ examples: Int, groups: Int, _ scope: Scope) {
        let consequence =
            tunesItself
            ? (groups == 1 ? "its gradient is 0" : "it says nothing of running_std, which stays as it is")
                + "; use larger groups of examples"
            : kind == .batchRenorm
                ? "its gradient is 0, and its deviation √ε pulls running_std down; use larger groups of examples"
                : kind.hasMovingAverages
                    ? "the output is β whatever the input is; use larger groups of examples or batch-renorm"
                    : "the output is β whatever the input is; use batch or batch-renorm"
        scope.warn(
            "one value per channel is normalized alone (1×1 of \(examples) example): \(consequence)")
    }

    /// Moments that an update waits for: a batch with a NaN must never reach the averages.
    private func guardedMoments(_ x: Tensor, _ groups: Int, _ scope: Scope) throws -> Tensor {
        try scope.builder.within(role: .moments) {
            let both = try x.momentVectors(groups: groups)
            if scope.phase.updatesStatistics { scope.builder.guardFinite(both, path: scope.path) }
            return both.stoppingGradient()
        }
    }
}
