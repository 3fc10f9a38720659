import RenormArrays
import RenormGraphs

/// Normalizes `[N, H, W, C]` (or `[N, C]`): y = γ·x̂ + β, where x̂ is x less a mean and over a deviation.
///
/// Which values share moments, what is done about the gap between these moments and the population's, and what the
/// backward pass removes, is the `kind`, one word:
///
///     Normalization(.batch)
///     Normalization(.batchRenorm)
///     Normalization(.group(8))
///
/// Variables: `weight` and `bias` `[C]` (γ and β), and for kinds with moving averages `running_mean` `[C]`, one of
/// `running_var` (batch, frozen: PyTorch's meaning, unbiased, without ε) and `running_std` (batch renorm: σ itself, ε
/// inside), and `num_batches_tracked`. Batch renorm with automatic limits has `gains` `[2, 3]` (for means and for
/// deviations the gain, and the averages of e² and of e·e by which it is tuned) and the last `innovations` `[2, C]`.
public struct Normalization: Layer, Hashable, Codable {
    /// The kind.
    public var kind: NormalizationKind
    /// Added to variances under the root.
    public var epsilon: Double
    /// How far moving averages go towards a batch's moments in a step: new = old + rate · (batch − old). With automatic
    /// limits it has no effect.
    public var averagingRate: Double
    /// Whether there is a scale γ.
    public var scale: Bool
    /// Whether there is a shift β.
    public var shift: Bool
    /// The limits of batch renorm's correction.
    public var limits: Limits
    /// Which part of the backward pass's projection is over the whole step rather than the group, in 0…1, for batch
    /// renorm within limits: 0 is the paper's. (Automatic limits decide by themselves.)
    public var stepProjection: Double
    /// The number of examples normalized together: groups of this many consecutive examples have moments of their own,
    /// while gradients are summed over all (the paper's microbatches). `nil` for the whole batch.
    public var examples: Int?

    /// Makes a normalization.
    ///
    /// - Parameters:
    ///   - averagingRate: `nil` for the kind's default: 0.1 for batch as in PyTorch, 0.05 for batch renorm.
    ///   - limits: Used by batch renorm alone.
    ///   - examples: Used by batch and batch renorm alone.
    public init(
        _ kind: NormalizationKind, epsilon: Double = 1e-5, averagingRate: Double? = nil, scale: Bool = true,
        shift: Bool = true, limits: Limits = .automatic, stepProjection: Double = 0,
        examples: Int? = nil
    ) {
        self.kind = kind
        self.epsilon = epsilon
        self.averagingRate = averagingRate ?? kind.defaultAveragingRate
        self.scale = scale
        self.shift = shift
        self.limits = limits
        self.stepProjection = stepProjection
        self.examples = examples
    }

    /// Reads what `encode(to:)` writes.
    ///
    /// - Throws: `DecodingError` also for options out of range.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        kind = try container.decode(NormalizationKind.self, forKey: .kind)
        epsilon = try container.decode(Double.self, forKey: .epsilon)
        averagingRate = try container.decode(Double.self, forKey: .averagingRate)
        scale = try container.decode(Bool.self, forKey: .scale)
        shift = try container.decode(Bool.self, forKey: .shift)
        limits = try container.decode(Limits.self, forKey: .limits)
        stepProjection = try container.decodeIfPresent(Double.self, forKey: .stepProjection) ?? 0
        examples = try container.decodeIfPresent(Int.self, forKey: .examples)
        try requireNoFault(decoder)
    }

    /// The layer in a few words.
    public var summary: String {
        switch kind {
        case .none: "no normalization"
        default: "\(kind) normalization" + (examples.map { " of \($0) examples" } ?? "")
        }
    }

    /// Normalizes as the scope's phase says.
    ///
    /// - Throws: `GraphError` when the groups of examples do not divide the batch or the groups of channels the
    ///   channels, and when an option is out of range.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let used = scope.normalization(self)
        scope.trace.normalizations.append(NormalizationRecord(path: scope.path, normalization: used))
        if used.kind == .none { return x }
        guard x.shape.rank == 4 || x.shape.rank == 2 else {
            throw GraphError.shapes(
                operation: "normalization", path: scope.path, found: [x.shape],
                expected: "[N, H, W, C] or [N, C]")
        }
        let images = x.shape.rank == 4 ? x : try x.reshaped(to: [x.shape[0], 1, 1, x.shape[1]])
        return try used.normalize(images, scope).reshaped(to: x.shape)
    }

    private func normalize(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try check(scope)
        let channels = x.shape[3]
        let gamma =
            scale
            ? try scope.parameter("weight", shape: [channels], initializer: .constant(1))
            : scope.builder.constant(1, shape: [channels])
        let beta =
            shift
            ? try scope.parameter("bias", shape: [channels], initializer: .constant(0))
            : scope.builder.constant(0, shape: [channels])

        guard let averages = try MovingAverages(self, channels: channels, scope) else {
            return try standardized(x, ownMoments(x, scope), gamma, beta, scope)
        }
        let usesBatch = kind != .frozen && scope.phase.statistics == .batch
        let updates = kind != .frozen && scope.phase.updatesStatistics
        let moments = usesBatch || updates ? try batchMoments(x, scope) : nil
        var filtered: FilteredMoments?
        if let moments {
            filtered = try tuning.map { tuning in
                try scope.builder.within(role: .moments) { try averages.filtered(moments, tuning.filter) }
            }
            if updates {
                try filtered.map { try averages.update(from: $0, scope) }
                    ?? averages.update(from: moments, scope)
            }
        }
        guard usesBatch, let moments else {
            // y = γ·(x − μ)/σ + β, with averages that do not depend on x.
            let scale = try gamma / averages.deviation
            return try scope.builder.within(role: .normalized) {
                try x.affine(mean: row(averages.mean), scale: row(scale), shift: row(beta))
            }
        }
        guard kind == .batchRenorm, scope.phase.corrects else {
            return try standardized(x, moments, gamma, beta, scope)
        }
        if let tuning, let filtered {
            return try renormalized(x, moments, filtered, tuning, gamma, beta, scope)
        }
        let (r, d) = try averages.correction(of: moments, limits: limits, scope)
        // y = γ·((x − μ_B)/σ_B·r + d) + β
        let scale = try gamma * r / moments.deviation
        let shift = try gamma * d + beta
        return try scope.builder.within(role: .normalized) {
            guard stepProjection > 0, moments.mean.shape[0] > 1 else {
                return try x.affine(
                    mean: moments.mean, scale: scale, shift: shift,
                    projecting: (moments.variance, moments.channelGroups))
            }
            let part = scope.builder.constant(1 - stepProjection, shape: moments.mean.shape)
            return try x.affine(
                mean: moments.mean, scale: scale, shift: shift, variance: moments.variance,
                groupParts: (part, part))
        }
    }

    /// What tunes itself in place of limits.
    var tuning: SelfTuning? { kind == .batchRenorm ? limits.selfTuning : nil }

    /// Whether gains that tune themselves are among its variables.
    package var tunesItself: Bool { tuning != nil }

    /// y = γ·(x − μ)/σ + β with the averages μ and σ after x's group, or what the limits of r and d make of them.
    private func renormalized(
        _ x: Tensor, _ moments: Moments, _ filtered: FilteredMoments, _ tuning: SelfTuning, _ gamma: Tensor,
        _ beta: Tensor, _ scope: Scope
    ) throws -> Tensor {
        // Around the group's mean, as (x − μ_B)/σ + (μ_B − μ)/σ, which loses less to rounding.
        let scale = try gamma / filtered.deviations
        let shift = try (moments.mean - filtered.means) * scale + beta
        return try scope.builder.within(role: .normalized) {
            // One group is the whole step.
            if tuning.projectsOverGroups || moments.mean.shape[0] == 1 {
                return try x.affine(
                    mean: moments.mean, scale: scale, shift: shift,
                    projecting: (moments.variance, moments.channelGroups))
            }
            return try x.affine(
                mean: moments.mean, scale: scale, shift: shift, variance: moments.variance,
                groupParts: (filtered.meanGains, filtered.scaleGains))
        }
    }

    private func check(_ scope: Scope) throws {
        if let fault {
            throw GraphError(fault, operation: "\(kind) normalization", path: scope.path)
        }
    }

    /// y = γ·(x − m)/σ + β with x's own moments.
    private func standardized(
        _ x: Tensor, _ moments: Moments, _ gamma: Tensor, _ beta: Tensor, _ scope: Scope
    ) throws -> Tensor {
        let vector = moments.mean.shape
        return try scope.builder.within(role: .normalized) {
            try x.affine(
                mean: moments.mean, scale: gamma / moments.deviation, shift: beta.broadcast(to: vector),
                projecting: (moments.variance, moments.channelGroups))
        }
    }

    private func row(_ vector: Tensor) throws -> Tensor { try vector.reshaped(to: [1, vector.shape[0]]) }
}

extension Normalization: Checkable {
    /// What is wrong with the options.
    package var fault: Fault? {
        var groups = 1
        if case .group(let count) = kind { groups = count }
        return .first(
            // Engines compute with it in 32 bits.
            Fault(
                "epsilon \(epsilon)", "a finite number of at least 0",
                unless: epsilon >= 0 && Float(epsilon).isFinite),
            Fault("averaging rate \(averagingRate)", "0 to 1", unless: (0...1).contains(averagingRate)),
            Fault("groups of \(examples ?? 1) examples", "at least 1", unless: (examples ?? 1) >= 1),
            Fault("\(groups) groups of channels", "at least 1", unless: groups >= 1),
            kind == .batchRenorm
                ? .first(
                    Fault(
                        "a step projection of \(stepProjection)", "0 to 1",
                        unless: (0...1).contains(stepProjection)),
                    limits.fault) : nil)
    }
}
