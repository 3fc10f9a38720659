import RenormArrays
import RenormGraphs

/// A network whose normalizations by moving averages are part of the convolutions before them, for runtimes that know none:
/// a·(W ∗ x + c − μ) + β with a = γ/σ is one convolution with the weight a·W and the bias a·(c − μ) + β.
///
///     let folded = try model.folded()
///     try VariablesFile.write(folded.model.variables, to: url)
public struct FoldedModel: Sendable {
    /// A normalization that is still one.
    public struct Remaining: Sendable, Hashable {
        /// Where it is.
        public var path: String
        /// Why it cannot be folded, as the rest of a sentence: `it normalizes each example by itself`.
        public var reason: String
    }

    /// The network. It gives at inference what it gave, but for rounding; in training nothing is normalized where something was
    /// folded.
    public var model: Model
    /// The normalizations that were folded, in the order of their results, and the convolutions into which they were.
    public var folded: [(normalization: String, convolution: String)]
    /// The normalizations that could not be folded.
    public var remaining: [Remaining]
}

extension Model {
    /// The network with its normalizations folded into the convolutions before them, as far as that can be. Values are computed in
    /// Float64 and stored in the type they had.
    ///
    /// - Throws: `GraphError` if the images do not fit the layers; `NormalizationError` for averages that no population has.
    public func folded() throws -> FoldedModel {
        let builder = GraphBuilder()
        let traced = try trace(builder.images(input, batch: 1), on: builder, phase: .inference)
        let foldable = FoldableNormalizations(builder.graph, traced.normalizations)
        var result = FoldedModel(model: self, folded: [], remaining: [])
        for record in traced.normalizations where !(record.normalization.kind is NoNormalization) {
            switch foldable.place(of: record) {
            case .failure(let reason): result.remaining.append(.init(path: record.path, reason: reason.text))
            case .success(let convolution):
                try result.model.fold(record, into: convolution)
                result.folded.append((record.path, convolution))
            }
        }
        return result
    }

    private mutating func fold(_ record: NormalizationRecord, into convolution: String) throws {
        func place(_ name: String) -> String { convolution.isEmpty ? name : "\(convolution).\(name)" }
        guard let weight = variables[place("weight")],
            let kind = record.normalization.kind as? any PopulationNormalization,
            let population = kind.population(
                { variables[record.place($0)]?.value }, epsilon: record.normalization.epsilon)
        else {
            throw GraphError.unknown(
                what: "variable", name: record.place("running_mean"), known: variables.paths)
        }
        let (means, deviations) = (population.mean.doubles, try population.deviations(at: record.path))
        let channels = means.count
        func values(_ path: String, _ otherwise: Double) -> [Double] {
            variables[path]?.value.doubles ?? [Double](repeating: otherwise, count: channels)
        }
        let (gammas, betas) = (values(record.place("weight"), 1), values(record.place("bias"), 0))
        let offsets = values(place("bias"), 0)
        let factors = (0..<channels).map { gammas[$0] / deviations[$0] }
        var weights = weight.value.doubles
        let each = weights.count / channels
        for index in weights.indices { weights[index] *= factors[index / each] }
        let biases = (0..<channels).map { factors[$0] * (offsets[$0] - means[$0]) + betas[$0] }
        overrides += [
            Override(PathPattern(record.path), normalization: Normalization(.none)),
            Override(PathPattern(convolution), hasBias: true),
        ]
        variables[place("weight")]?.value = NDArray(weights, shape: weight.value.shape)
            .converted(to: weight.value.type)
        let bias = NDArray(biases, shape: [channels]).converted(to: weight.value.type)
        let names = try specifications()
        var ordered = Variables()
        for specification in names {
            ordered[specification.path] =
                specification.path == place("bias")
                ? Variable(kind: .parameter, value: bias) : variables[specification.path]
        }
        variables = ordered
    }
}

/// Which normalizations of a traced network can be folded, and why others cannot.
private struct FoldableNormalizations {
    struct Reason: Error { var text: String }

    private let graph: Graph
    private let consumers: [[NodeID]]
    private let requested: Set<NodeID>

    init(_ graph: Graph, _ records: [NormalizationRecord]) {
        self.graph = graph
        consumers = graph.consumers
        requested = graph.requested
    }

    /// The path of the convolution.
    func place(of record: NormalizationRecord) -> Result<String, Reason> {
        func no(_ text: String) -> Result<String, Reason> { .failure(Reason(text: text)) }
        guard record.normalization.keepsPopulation else {
            return no("it has no averages: it normalizes each example by itself")
        }
        guard record.phase.statistics == .moving || !record.normalization.isBatchwise else {
            return no("an override lets it normalize with the statistics of a batch at inference")
        }
        guard record.normalization.weights == nil else {
            return no("the weights before it go through a transform")
        }
        let node = graph[record.source]
        guard case .convolution = node.op else { return no("it does not follow a convolution") }
        guard consumers[record.source.index].allSatisfy({ graph[$0].path == record.path }),
            !requested.contains(record.source)
        else { return no("something else uses what the convolution gives") }
        guard case .variable(let weight) = graph[node.inputs[1]].op else {
            return no("the convolution's weights are computed")
        }
        guard consumers[node.inputs[1].index].count == 1 else {
            return no("another convolution has the same weights")
        }
        return .success(weight.lastIndex(of: ".").map { String(weight[..<$0]) } ?? "")
    }
}
