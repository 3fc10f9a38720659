import RenormArrays
import RenormGraphs

/// One tracing of a model onto a graph: what all its scopes share.
final class Trace {
    let builder: GraphBuilder
    let phase: Phase
    var overrides: [Override]
    let seed: UInt64
    let drawNumber: Tensor?
    let precision: Precision
    /// Where statistics are kept for several domains: which of them is used.
    let domains: DomainChoice?
    var asked: Set<String> = []
    /// Every layer that was called, after those that it has called.
    var records: [LayerRecord] = []
    var normalizations: [NormalizationRecord] = []
    var auxiliaries: [AuxiliaryOutput] = []
    /// What normalizations have taken of the batch; of a layer that is called twice what it took first.
    private(set) var looks: [BatchLook] = []
    private var noted: [(message: String, paths: [String])] = []

    init(
        builder: GraphBuilder, phase: Phase, overrides: [Override], seed: UInt64, drawNumber: Tensor? = nil,
        precision: Precision = .f32, domains: DomainChoice? = nil
    ) {
        self.domains = domains
        self.drawNumber = drawNumber
        self.builder = builder
        self.phase = phase
        self.overrides = overrides
        self.seed = seed
        self.precision = precision
    }

    /// The layers that are not there for others alone.
    var layers: [LayerRecord] { records.filter { !$0.summary.isEmpty } }

    /// What was noted, each once: the paths of those who noted it, and then what.
    var warnings: [String] {
        noted.map { "\($0.paths.joined(separator: ", ")): \($0.message)" }
    }

    func look(_ look: BatchLook) {
        if !looks.contains(where: { $0.path == look.path }) { looks.append(look) }
    }

    func noteUsed(means: Tensor, deviations: Tensor, at path: String) {
        guard let index = looks.firstIndex(where: { $0.path == path }), looks[index].used == nil else {
            return
        }
        looks[index].used = (means, deviations)
    }

    func warn(_ message: String, at path: String) {
        guard let index = noted.firstIndex(where: { $0.message == message }) else {
            noted.append((message, [path]))
            return
        }
        // A layer that is called twice is named once.
        if !noted[index].paths.contains(path) { noted[index].paths.append(path) }
    }
}

/// A layer as it was traced, with or without a summary.
public struct LayerRecord: Sendable, Hashable {
    /// Where it is.
    public var path: String
    /// What it is.
    public var summary: String
    /// The shape of its input.
    public var input: TensorShape
    /// The shape of its output.
    public var output: TensorShape
    /// The node of its result.
    var node: NodeID
    /// The nodes that were made while it was called, and whether it has called other layers meanwhile.
    var nodes: Range<Int>
    var callsOthers: Bool
}

/// Logits beside those of the last layer, whose loss is added to that of training with a weight.
public struct AuxiliaryOutput {
    /// The path of the layer that gives them.
    public var path: String
    /// The logits `[N, classes]`.
    public var logits: Tensor
    /// The factor of their loss.
    public var weight: Double
}

/// A normalization as it was traced, overrides included.
public struct NormalizationRecord: Sendable, Hashable {
    /// Where it is.
    public var path: String
    /// What it is.
    public var normalization: Normalization
    /// The shape of what it normalizes.
    public var input: TensorShape
    /// The phase that it was traced in.
    public var phase: Phase
    /// The node of what it normalizes.
    package var source: NodeID
}
