import RenormArrays
import RenormGraphs

/// What a kind of normalization has at hand while its layer is traced: the scope, the common options, scale and shift, and
/// the ways to normalize that several kinds share.
public struct NormalizationContext {
    /// Where the layer is traced.
    public let scope: Scope
    /// Added to variances under the root.
    public let epsilon: Double
    /// γ `[C]`; 1 where the layer has none.
    public let gamma: Tensor
    /// β `[C]`; 0 where the layer has none.
    public let beta: Tensor
    /// Whether an activation is wanted after the normalization, for kinds that have one of their own.
    public let isActivated: Bool
    /// The kind, as errors name it.
    let word: String
    private let statistics: [NormalizationStatistic]

    init(_ normalization: Normalization, channels: Int, isActivated: Bool, _ scope: Scope) throws {
        self.scope = scope
        self.isActivated = isActivated
        epsilon = normalization.epsilon
        word = normalization.kind.word
        statistics = normalization.statistics(channels: channels)
        gamma =
            normalization.scale
            ? try scope.parameter("weight", shape: [channels], initializer: .constant(1))
            : scope.builder.constant(1, shape: [channels])
        beta =
            normalization.shift
            ? try scope.parameter("bias", shape: [channels], initializer: .constant(0))
            : scope.builder.constant(0, shape: [channels])
    }

    /// One of the statistics or counters that the kind has declared.
    ///
    /// - Throws: `GraphError` for a name that it has not.
    public func statistic(_ name: String) throws -> Tensor {
        guard let statistic = statistics.first(where: { $0.name == name }) else {
            throw GraphError.unknown(what: "statistic", name: name, known: statistics.map(\.name))
        }
        return statistic.kind == .counter
            ? try scope.counter(name)
            : try scope.statistic(name, shape: statistic.shape, initial: statistic.initial)
    }

    /// γ·x̂ + β, where x̂ `[N, H, W, C]` is normalized.
    public func scaledAndShifted(_ x: Tensor) throws -> Tensor {
        try scope.builder.within(role: .normalized) { try x * gamma + beta }
    }

    /// γ·(x − m)/σ + β with x's own moments.
    public func standardized(_ x: Tensor, by moments: Moments) throws -> Tensor {
        let vectors = moments.mean.shape
        return try scope.builder.within(role: .normalized) {
            try x.affine(
                mean: moments.mean, scale: gamma / moments.deviation, shift: beta.broadcast(to: vectors),
                projecting: (moments.variance, moments.channelGroups))
        }
    }

    /// γ·(x − μ)/σ + β with averages `[C]` that do not depend on x.
    public func normalized(_ x: Tensor, mean: Tensor, deviation: Tensor) throws -> Tensor {
        let scale = try gamma / deviation
        return try scope.builder.within(role: .normalized) {
            try x.affine(mean: row(mean), scale: row(scale), shift: row(beta))
        }
    }

    /// Moments over batch, height and width, of each group of so many examples (`nil`: of the whole batch) and each
    /// channel.
    ///
    /// - Parameter ofSingleValues: What comes of a batch that gives each channel one value, for a warning; it is given the
    ///   number of groups.
    /// - Throws: `GraphError.option` if the groups do not divide the batch.
    public func batchMoments(
        _ x: Tensor, examples: Int?, ofSingleValues: (_ groups: Int) -> String
    ) throws -> Moments {
        let batch = x.shape[0]
        let together = examples ?? batch
        guard together > 0, batch % together == 0 else {
            throw GraphError.option(
                operation: "\(word) normalization", path: scope.path,
                found: "a batch of \(batch) examples in groups of \(together)",
                expected: "a batch of a multiple of \(together)")
        }
        let groups = batch / together
        let count = x.shape.elementCount / (groups * x.shape[3])
        if count == 1 { warnOfSingleValues(together, ofSingleValues(groups)) }
        let both = try guardedMoments(x, groups)
        var moments = try Moments(
            mean: both.element(0), biasedVariance: both.element(1), epsilon: epsilon,
            channelGroups: x.shape[3], count: count)
        moments.both = both
        scope.trace.look(BatchLook(path: scope.path, moments: both, count: count))
        return moments
    }

    /// Notes what groups are normalized with, `[G, C]` each, where that does not follow from their moments and the averages.
    func noteUsed(means: Tensor, deviations: Tensor) {
        scope.trace.noteUsed(means: means, deviations: deviations, at: scope.path)
    }

    /// Moments of each example, over height, width and the channels of each group of channels.
    ///
    /// - Parameter channelGroups: The number of groups of channels that share moments.
    /// - Throws: `GraphError.option` if the groups do not divide the channels.
    public func ownMoments(_ x: Tensor, channelGroups: Int) throws -> Moments {
        let (batch, channels) = (x.shape[0], x.shape[3])
        guard channels % channelGroups == 0 else {
            throw GraphError.option(
                operation: "\(word) normalization", path: scope.path,
                found: "\(channels) channels in \(channelGroups) groups",
                expected: "a number of groups that divides the channels")
        }
        let each = channels / channelGroups
        let count = x.shape[1] * x.shape[2] * each
        if count == 1 {
            warnOfSingleValues(1, "the output is β whatever the input is; use batch or batch-renorm")
        }
        let both = try guardedMoments(x, batch)
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
    private func warnOfSingleValues(_ examples: Int, _ consequence: String) {
        scope.warn(
            "one value per channel is normalized alone (1×1 of \(examples) example): \(consequence)")
    }

    /// Moments that an update waits for: a batch with a NaN must never reach the averages.
    private func guardedMoments(_ x: Tensor, _ groups: Int) throws -> Tensor {
        try scope.builder.within(role: .moments) {
            let both = try x.momentVectors(groups: groups)
            if scope.phase.updatesStatistics { scope.builder.guardFinite(both, path: scope.path) }
            return both.stoppingGradient()
        }
    }

    private func row(_ vector: Tensor) throws -> Tensor { try vector.reshaped(to: [1, vector.shape[0]]) }
}
