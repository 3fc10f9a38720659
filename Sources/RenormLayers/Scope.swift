import RenormArrays
import RenormGraphs

/// Where a layer is being traced: its path, its phase, and the graph under construction. Layers ask it for parameters
/// and statistics by name.
public struct Scope {
    /// The path of the layer, such as `layer1.0`; empty for the whole model.
    public let path: String
    /// The phase here, overrides included.
    public let phase: Phase
    /// The seed of random draws such as dropout's.
    public var seed: UInt64 { trace.seed }
    /// The counter of random draws, a scalar that differs from one training batch to the next: the number of the step
    /// or, where gradients are accumulated over N small batches, of the small batch in the run (N · step + place).
    public var drawNumber: Tensor { trace.drawNumber ?? builder.step }
    /// The precision that convolutions give activations.
    public var precision: Precision { trace.precision }
    /// The graph under construction.
    public var builder: GraphBuilder { trace.builder }

    let trace: Trace
    private let isShared: Bool

    init(trace: Trace, path: String = "", isShared: Bool = false) {
        self.trace = trace
        self.path = path
        self.isShared = isShared
        phase = trace.overrides.phase(at: path, tracedFor: trace.phase)
    }

    /// The scope of a part of this layer.
    public func child(_ name: String) -> Scope { Scope(trace: trace, path: join(name), isShared: isShared) }

    /// This scope, where paths may be asked for again: for layers that share variables on purpose.
    public func sharing() -> Scope { Scope(trace: trace, path: path, isShared: true) }

    /// Calls a layer as the part `name` of this one.
    public func apply(_ name: String, _ layer: any Layer, to x: Tensor) throws -> Tensor {
        try apply(name, summary: layer.summary, to: x) { try layer(x, $0) }
    }

    /// Calls a function for which layers that match are left out.
    func removing(_ pattern: PathPattern, _ body: () throws -> Tensor) rethrows -> Tensor {
        trace.overrides.append(Override(pattern, isRemoved: true))
        defer { trace.overrides.removeLast() }
        return try body()
    }

    /// Calls a function as the part `name` of this layer, whose first input is x.
    func apply(_ name: String, summary: String, to x: Tensor, _ body: (Scope) throws -> Tensor) throws
        -> Tensor
    {
        let scope = child(name)
        if trace.overrides.last(at: scope.path, \.isRemoved) == true { return x }
        return try builder.within(path: scope.path) {
            let (start, called) = (builder.graph.nodes.count, trace.records.count)
            let y = try body(scope)
            trace.records.append(
                LayerRecord(
                    path: scope.path, summary: summary, input: x.shape, output: y.shape, node: y.id,
                    nodes: start..<builder.graph.nodes.count, callsOthers: trace.records.count > called))
            return y
        }
    }

    // MARK: Variables

    /// A parameter of this layer: trained unless an override says otherwise.
    ///
    /// - Parameter decays: Whether weight decay applies to it by default: yes for the weights of convolutions and
    ///   dense layers, no for biases and normalizations.
    public func parameter(
        _ name: String, shape: TensorShape, initializer: Initializer, decays: Bool = false
    ) throws -> Tensor {
        try variable(
            VariableSpecification(
                path: join(name), kind: .parameter, shape: shape, initializer: initializer,
                isTrainable: trace.overrides.train(at: join(name)), decays: decays))
    }

    /// A statistic of this layer.
    public func statistic(_ name: String, shape: TensorShape, initial: Double) throws -> Tensor {
        try population(name, .statistic, shape: shape, initial: initial)
    }

    /// A count of steps, from 0.
    public func counter(_ name: String) throws -> Tensor {
        try population(name, .counter, shape: .scalar, initial: 0)
    }

    /// Gives a statistic or counter of this layer its value after the step, if the phase updates statistics and this one is
    /// not frozen by its own name.
    public func update(_ name: String, to value: @autoclosure () throws -> Tensor) throws {
        guard phase.updatesStatistics, !trace.overrides.freezeStatistics(at: join(name)) else { return }
        try builder.within(part: .update) {
            guard let domains = trace.domains else { return try builder.update(join(name), to: value()) }
            try builder.update(
                join(name), to: domains.replacing(value(), in: builder.variable(at: join(name))))
        }
    }

    /// The normalization to use in place of `configured`, by the last override that names one here.
    public func normalization(_ configured: Normalization) -> Normalization {
        trace.overrides.last(at: path, \.normalization) ?? configured
    }

    /// Notes logits `[N, classes]` of an auxiliary classifier (Szegedy et al. 2015): training adds `weight` times their loss to
    /// that of the network's own. Nothing else reads them, so outside training they cost nothing.
    public func auxiliary(_ logits: Tensor, weight: Double) {
        trace.auxiliaries.append(AuxiliaryOutput(path: path, logits: logits, weight: weight))
    }

    /// Whether the convolution here has a bias: as `configured`, or as the last override says that decides it.
    func hasBias(_ configured: Bool) -> Bool { trace.overrides.last(at: path, \.hasBias) ?? configured }

    /// Notes something that the user should know but that is no error. What several layers note is said once, with all
    /// their paths.
    public func warn(_ message: String) {
        trace.warn(message, at: path)
    }

    /// A statistic or counter; where domains have their own, that of the one that is used.
    private func population(
        _ name: String, _ kind: VariableKind, shape: TensorShape, initial: Double
    ) throws -> Tensor {
        let all = try variable(
            VariableSpecification(
                path: join(name), kind: kind, shape: trace.domains?.stacked(shape) ?? shape,
                initializer: .constant(initial)))
        return try trace.domains?.chosen(of: all) ?? all
    }

    private func variable(_ specification: VariableSpecification) throws -> Tensor {
        guard trace.asked.insert(specification.path).inserted || isShared else {
            throw GraphError.duplicateVariable(path: specification.path)
        }
        return try builder.variable(specification)
    }

    private func join(_ name: String) -> String {
        path.isEmpty ? name : name.isEmpty ? path : "\(path).\(name)"
    }
}
