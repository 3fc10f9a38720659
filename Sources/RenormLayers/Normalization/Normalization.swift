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
/// inside), and `num_batches_tracked`.
public struct Normalization: Layer, Hashable, Codable {
    /// The kind.
    public var kind: NormalizationKind
    /// Added to variances under the root.
    public var epsilon: Double
    /// How far moving averages go towards a batch's moments in a step: new = old + rate · (batch − old).
    public var averagingRate: Double
    /// Whether there is a scale γ.
    public var scale: Bool
    /// Whether there is a shift β.
    public var shift: Bool
    /// The limits of batch renorm's correction.
    public var limits: Limits
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
        shift: Bool = true, limits: Limits = .paper, examples: Int? = nil
    ) {
        self.kind = kind
        self.epsilon = epsilon
        self.averagingRate = averagingRate ?? kind.defaultAveragingRate
        self.scale = scale
        self.shift = shift
        self.limits = limits
        self.examples = examples
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
        if updates, let moments { try averages.update(from: moments, scope) }
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
        let (r, d) = try averages.correction(of: moments, limits: limits, scope)
        // y = γ·((x − μ_B)/σ_B·r + d) + β
        return try scope.builder.within(role: .normalized) {
            try x.affine(
                mean: moments.mean, scale: gamma * r / moments.deviation, shift: gamma * d + beta,
                projecting: (moments.variance, moments.channelGroups))
        }
    }

    private func check(_ scope: Scope) throws {
        func require(_ holds: Bool, _ found: String, _ expected: String) throws {
            guard holds else {
                throw GraphError.option(
                    operation: "\(kind) normalization", path: scope.path, found: found, expected: expected)
            }
        }
        try require(epsilon >= 0 && epsilon.isFinite, "epsilon \(epsilon)", "a finite number of at least 0")
        try require((0...1).contains(averagingRate), "averaging rate \(averagingRate)", "0 to 1")
        guard kind == .batchRenorm else { return }
        try require(
            limits.rMax.minimum >= 1, "limits whose r_max falls to \(limits.rMax.minimum)", "at least 1")
        try require(
            limits.dMax.minimum >= 0, "limits whose d_max falls to \(limits.dMax.minimum)", "at least 0")
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
