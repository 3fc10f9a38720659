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
    /// - Parameter averagingRate: `nil` for the kind's default: 0.1 for batch as in PyTorch, 0.05 for batch renorm.
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
    /// - Throws: `GraphError` when the groups of examples do not divide the batch, or the groups of channels the
    ///   channels.
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
            let moments = try ownMoments(x, scope)
            return try standardized(x, moments, gamma, beta, scope)
        }
        if kind == .frozen || scope.phase.statistics == .moving {
            // y = γ·(x − μ)/σ + β, with averages that do not depend on x.
            let scale = try gamma / averages.deviation
            return try scope.builder.within(role: .normalized) {
                try x.affine(
                    mean: row(averages.mean), scale: row(scale), shift: row(beta))
            }
        }
        let moments = try batchMoments(x, scope)
        guard scope.phase.corrects || scope.phase.updatesStatistics else {
            return try standardized(x, moments, gamma, beta, scope)
        }
        try averages.update(from: moments, scope)
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

/// The kinds of normalization.
public enum NormalizationKind: Hashable, Sendable {
    /// Moments of the batch; moving averages at inference (Ioffe & Szegedy 2015).
    case batch
    /// Moments of the batch, corrected towards the moving averages by r and d, so that training and inference see the
    /// same (Ioffe 2017).
    case batchRenorm
    /// Moving averages, never updated.
    case frozen
    /// Moments of each example over all channels (Ba et al. 2016), with γ and β per channel.
    case layer
    /// Moments of each example and channel (Ulyanov et al. 2016).
    case instance
    /// Moments of each example over each of this many groups of channels (Wu & He 2018).
    case group(Int)
    /// Nothing is done.
    case none

    /// The averaging rate used unless another is given.
    public var defaultAveragingRate: Double { self == .batchRenorm ? 0.05 : 0.1 }

    /// Whether training and inference differ, by moving averages.
    public var hasMovingAverages: Bool { self == .batch || self == .batchRenorm || self == .frozen }
}

extension NormalizationKind: LosslessStringConvertible, Codable {
    /// The names that `init(_:)` reads.
    public static let names = "batch, batch-renorm, frozen, layer, instance, group:N or none"

    /// Reads `batch`, `batch-renorm`, `frozen`, `layer`, `instance`, `group:8` or `none`; `nil` for anything else.
    public init?(_ description: String) {
        switch description {
        case "batch": self = .batch
        case "batch-renorm": self = .batchRenorm
        case "frozen": self = .frozen
        case "layer": self = .layer
        case "instance": self = .instance
        case "none": self = .none
        default:
            guard description.hasPrefix("group:"), let groups = Int(description.dropFirst(6)), groups > 0
            else {
                return nil
            }
            self = .group(groups)
        }
    }

    /// The name that `init(_:)` reads.
    public var description: String {
        switch self {
        case .batch: "batch"
        case .batchRenorm: "batch-renorm"
        case .frozen: "frozen"
        case .layer: "layer"
        case .instance: "instance"
        case .group(let groups): "group:\(groups)"
        case .none: "none"
        }
    }

    /// A kind is coded as its name.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let name = try container.decode(String.self)
        guard let kind = NormalizationKind(name) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "found the normalization '\(name)'; expected \(NormalizationKind.names)")
        }
        self = kind
    }

    /// A kind is coded as its name.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
