import RenormArrays
import RenormGraphs

/// A network with its state: a layer, the size of its images, overrides, and variables. A value: a copy shares
/// nothing with the original, statistics included.
///
///     var model = try Model(Small(classes: 10, normalization: Normalization(.batchRenorm)), input: [28, 28, 1])
///     let graph = try model.graph(batch: 64)
public struct Model: Sendable {
    /// The architecture.
    public var layer: any Layer
    /// The shape of one image: `[H, W, C]`.
    public var input: TensorShape
    /// Changes to parts of it, in order; later ones win.
    public var overrides: [Override]
    /// Parameters, statistics and counters.
    public var variables: Variables

    /// Makes a model with initial values, each a function of (seed, path).
    ///
    /// - Throws: `GraphError` if images of this shape do not fit the layers.
    public init(_ layer: any Layer, input: TensorShape, overrides: [Override] = [], seed: UInt64 = 0) throws {
        self.layer = layer
        self.input = input
        self.overrides = overrides
        variables = Variables()
        variables = try graph(batch: 1, phase: .inference).initialVariables(seed: seed)
    }

    /// Makes a model of values that are at hand, or of none: then nothing is drawn.
    package init(
        _ layer: any Layer, input: TensorShape, overrides: [Override] = [], variables: Variables
    ) {
        self.layer = layer
        self.input = input
        self.overrides = overrides
        self.variables = variables
    }

    /// What tracing a model gives.
    public struct Traced {
        /// The result of the last layer: logits `[N, classes]`.
        public var output: Tensor
        /// The logits of auxiliary classifiers, whose losses training adds.
        public var auxiliaries: [AuxiliaryOutput]
        /// The layers in the order of their results; those that only contain others are left out.
        public var layers: [LayerRecord]
        /// The activations: what can be looked at.
        public var taps: Taps
        /// The normalizations, overrides included.
        public var normalizations: [NormalizationRecord]
        /// What normalizations have taken of the batch, of those that normalize its examples together.
        public var looks: [BatchLook]
        /// What the user should know.
        public var warnings: [String]
    }

    /// Adds the model to a graph under construction, on images `[N, H, W, C]`.
    ///
    /// - Parameters:
    ///   - seed: The seed of random draws such as dropout's.
    ///   - drawNumber: Their counter, a scalar; `nil` for the number of the step.
    ///   - precision: The precision of activations.
    ///   - domain: Where statistics are kept for several domains, `[domains]`: 1 for the one whose are used, else 0. Each statistic
    ///     then is a variable `[domains] + shape`.
    public func trace(
        _ images: Tensor, on builder: GraphBuilder, phase: Phase, seed: UInt64 = 0, drawNumber: Tensor? = nil,
        precision: Precision = .f32, domain: Tensor? = nil
    ) throws -> Traced {
        let trace = Trace(
            builder: builder, phase: phase, overrides: overrides, seed: seed, drawNumber: drawNumber,
            precision: precision, domains: domain.map(DomainChoice.init))
        let start = builder.graph.nodes.count
        let output = try builder.within(path: "") { try layer(images, Scope(trace: trace)) }
        return Traced(
            output: output, auxiliaries: trace.auxiliaries, layers: trace.layers,
            taps: Taps(trace.records, images: images, nodes: start..<builder.graph.nodes.count),
            normalizations: trace.normalizations, looks: trace.looks,
            warnings: trace.warnings)
    }

    /// The model alone as a graph: input `images` `[N, H, W, C]`, result `logits`, of f32 in either precision.
    public func graph(batch: Int, phase: Phase = .inference, precision: Precision = .f32) throws -> Graph {
        let builder = GraphBuilder()
        let images = try builder.images(input, batch: batch)
        builder.fetch(
            try trace(images, on: builder, phase: phase, precision: precision).output.converted(to: .f32),
            as: "logits")
        return builder.graph
    }

    /// What the model has: paths, kinds, shapes and initial values of its variables, in the order in which the layers ask for
    /// them. No value is looked at, and none is made.
    ///
    /// - Throws: `GraphError` if the images do not fit the layers.
    public func specifications() throws -> [VariableSpecification] {
        Array(try graph(batch: 1).variables.values)
    }

    /// The shape of the last layer's result for a batch of one image: `[1, classes]`.
    ///
    /// - Throws: `GraphError` if the images do not fit the layers.
    public func outputShape() throws -> TensorShape {
        let graph = try graph(batch: 1)
        return graph[graph.fetches[0].node].shape
    }
}

extension GraphBuilder {
    /// The input `images`: a batch of images `[H, W, C]`.
    ///
    /// - Throws: `GraphError.option` for a batch that no array can hold.
    package func images(_ image: TensorShape, batch: Int) throws -> Tensor {
        let shape = TensorShape([batch] + image.dimensions)
        if let fault = shape.fault { throw GraphError(fault, operation: "a batch of images", path: "") }
        return input("images", shape: shape)
    }
}
