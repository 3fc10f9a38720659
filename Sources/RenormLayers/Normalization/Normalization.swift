import RenormArrays
import RenormGraphs

/// Normalizes `[N, H, W, C]` (or `[N, C]`): y = γ·x̂ + β, where x̂ is x less a mean and over a deviation.
///
/// What is normalized by what is the `kind`, one word; what all kinds have in common stands here:
///
///     Normalization(.batch)
///     Normalization(.batchRenorm)
///     Normalization(.group(8), epsilon: 1e-6)
///
/// Variables: `weight` and `bias` `[C]` (γ and β), and the statistics of the kind.
public struct Normalization: Layer {
    /// The kind, with its own parameters.
    public var kind: any NormalizationKind
    /// Added to variances under the root.
    public var epsilon: Double
    /// Whether there is a scale γ.
    public var scale: Bool
    /// Whether there is a shift β.
    public var shift: Bool
    /// What the weights of the convolution before it go through, such as weight standardization; `nil`: they are used as
    /// they are. It takes effect in a `ConvolutionUnit`, as which every network of the zoo is built.
    public var weights: (any WeightTransform)?

    /// Makes a normalization.
    public init(
        _ kind: any NormalizationKind, epsilon: Double = 1e-5, scale: Bool = true, shift: Bool = true,
        weights: (any WeightTransform)? = nil
    ) {
        self.kind = kind
        self.epsilon = epsilon
        self.scale = scale
        self.shift = shift
        self.weights = weights
    }

    /// The layer in a few words.
    public var summary: String { kind.summary }

    /// Normalizes as the scope's phase says.
    ///
    /// - Throws: `GraphError` when the parameters of the kind do not fit the batch or its channels, or are out of range.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try self(x, scope, isActivated: true)
    }

    /// Normalizes.
    ///
    /// - Parameter isActivated: Whether an activation is wanted after it; a kind that has one of its own leaves it out
    ///   otherwise.
    func callAsFunction(_ x: Tensor, _ scope: Scope, isActivated: Bool) throws -> Tensor {
        let used = scope.normalization(self)
        scope.trace.normalizations.append(
            NormalizationRecord(
                path: scope.path, normalization: used, input: x.shape, phase: scope.phase, source: x.id))
        if used.kind is NoNormalization { return x }
        guard x.shape.rank == 4 || x.shape.rank == 2 else {
            throw GraphError.shapes(
                operation: "normalization", path: scope.path, found: [x.shape],
                expected: "[N, H, W, C] or [N, C]")
        }
        if let fault = used.fault {
            throw GraphError(fault, operation: "\(used.kind.word) normalization", path: scope.path)
        }
        let images = x.shape.rank == 4 ? x : try x.reshaped(to: [x.shape[0], 1, 1, x.shape[1]])
        let layer = try NormalizationContext(
            used, channels: images.shape[3], isActivated: isActivated, scope)
        return try used.kind.normalize(images, layer).reshaped(to: x.shape)
    }

    /// The number of examples normalized together; `nil` for the whole batch, and for kinds that normalize each example by
    /// itself, where setting it does nothing.
    public var examples: Int? {
        get { (kind as? any BatchwiseNormalization)?.examples }
        set {
            guard var batchwise = kind as? any BatchwiseNormalization else { return }
            batchwise.examples = newValue
            kind = batchwise
        }
    }

    /// Whether examples of a batch are normalized together in training.
    public var isBatchwise: Bool { kind is any BatchwiseNormalization }

    /// Whether it normalizes with moving averages at inference.
    public var keepsPopulation: Bool { kind is any PopulationNormalization }

    /// The variables that it keeps for so many channels besides γ and β.
    package func statistics(channels: Int) -> [NormalizationStatistic] {
        kind.statistics(channels: channels, epsilon: epsilon)
    }
}

extension Normalization: Hashable {
    /// Whether kind and options are the same.
    public static func == (left: Normalization, right: Normalization) -> Bool {
        AnyHashable(left.kind) == AnyHashable(right.kind) && left.epsilon == right.epsilon
            && left.scale == right.scale && left.shift == right.shift
            && left.weights.map(\.name) == right.weights.map(\.name)
    }

    /// Hashes kind and options.
    public func hash(into hasher: inout Hasher) {
        kind.hash(into: &hasher)
        hasher.combine(epsilon)
        hasher.combine(scale)
        hasher.combine(shift)
        hasher.combine(weights.map(\.name))
    }
}

extension Normalization: Checkable {
    /// What is wrong with the options.
    package var fault: Fault? {
        .first(
            // Engines compute with it in 32 bits.
            Fault(
                "epsilon \(epsilon)", "a finite number of at least 0",
                unless: epsilon >= 0 && Float(epsilon).isFinite),
            kind.fault)
    }
}

extension Normalization: Codable {
    private enum Key: String, CodingKey { case kind, epsilon, scale, shift, weights }

    /// Reads what `encode(to:)` writes, also where it was written when options stood there that the kind does not have.
    ///
    /// - Throws: `DecodingError` also for options out of range.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let word = try container.decode(String.self, forKey: .kind)
        guard let (type, _) = NormalizationKinds.table.find(word) else {
            throw DecodingError.dataCorruptedError(
                forKey: .kind, in: container,
                debugDescription: NormalizationKinds.table.fault(of: word).description)
        }
        kind = try type.init(from: decoder)
        epsilon = try container.decode(Double.self, forKey: .epsilon)
        scale = try container.decode(Bool.self, forKey: .scale)
        shift = try container.decode(Bool.self, forKey: .shift)
        weights = try container.decodeIfPresent(String.self, forKey: .weights).map { name in
            guard let transform = WeightTransforms.table[name] else {
                throw DecodingError.dataCorruptedError(
                    forKey: .weights, in: container,
                    debugDescription: WeightTransforms.table.fault(of: name).description)
            }
            return transform
        }
        try requireNoFault(decoder)
    }

    /// Writes the kind's word, the common options and the kind's own parameters as one object.
    public func encode(to encoder: any Encoder) throws {
        try kind.encode(to: encoder)
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(kind.word, forKey: .kind)
        try container.encode(epsilon, forKey: .epsilon)
        try container.encode(scale, forKey: .scale)
        try container.encode(shift, forKey: .shift)
        try container.encodeIfPresent(weights?.name, forKey: .weights)
    }
}
