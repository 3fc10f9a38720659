/// One tracing of a model onto a graph: what all its scopes share.
final class Trace {
    let builder: GraphBuilder
    let phase: Phase
    let overrides: [Override]
    let seed: UInt64
    let drawNumber: Tensor?
    let precision: Precision
    var asked: Set<String> = []
    var records: [LayerRecord] = []
    var normalizations: [NormalizationRecord] = []
    var warnings: [String] = []

    init(
        builder: GraphBuilder, phase: Phase, overrides: [Override], seed: UInt64, drawNumber: Tensor? = nil,
        precision: Precision = .f32
    ) {
        self.drawNumber = drawNumber
        self.builder = builder
        self.phase = phase
        self.overrides = overrides
        self.seed = seed
        self.precision = precision
    }

    func lastOverride<Value>(at path: String, _ decision: KeyPath<Override, Value?>) -> Value? {
        overrides.last { $0[keyPath: decision] != nil && $0.pattern.matches(path) }?[keyPath: decision]
    }
}

/// A layer as it was traced.
public struct LayerRecord: Sendable, Hashable {
    /// Where it is.
    public var path: String
    /// What it is.
    public var summary: String
    /// The shape of its input.
    public var input: TensorShape
    /// The shape of its output.
    public var output: TensorShape
}

/// A normalization as it was traced, overrides included.
public struct NormalizationRecord: Sendable, Hashable {
    /// Where it is.
    public var path: String
    /// What it is.
    public var normalization: Normalization
}
