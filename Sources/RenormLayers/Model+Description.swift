import RenormArrays
import RenormGraphs

/// What a model is made of, for people and programs to read: layers, variables and their totals.
public struct ModelDescription: Sendable, Hashable, Codable {
    /// A layer as it was traced.
    public struct Layer: Sendable, Hashable, Codable {
        /// Where it is.
        public var path: String
        /// What it is.
        public var summary: String
        /// The shape of its input.
        public var input: TensorShape
        /// The shape of its output.
        public var output: TensorShape
        /// The number of elements of its own parameters.
        public var parameters: Int
        /// The multiplications with addition that one image takes in it (convolutions and matrix products).
        public var multiplyAdds: Int
    }

    /// A variable without its value.
    public struct Variable: Sendable, Hashable, Codable {
        /// Where it is.
        public var path: String
        /// What it is for.
        public var kind: VariableKind
        /// Its shape, PyTorch's.
        public var shape: TensorShape
        /// Whether gradients change it.
        public var isTrainable: Bool
        /// Whether training leaves it as it is.
        public var isFrozen: Bool
    }

    /// The number of images in the batch whose shapes are shown.
    public var batch: Int
    /// The layers in the order of their results; those that only contain others are left out.
    public var layers: [Layer]
    /// The variables in the order in which the layers ask for them.
    public var variables: [Variable]
    /// The normalizations in the order of their results.
    public var normalizations: [Normalization]
    /// The number of elements of all parameters.
    public var parameters: Int
    /// The number of elements of the parameters that gradients change.
    public var trainableParameters: Int
    /// The number of elements of all statistics, counters not included.
    public var statistics: Int
    /// The multiplications with addition that one image takes in the whole model.
    public var multiplyAdds: Int
    /// What the user should know, such as a normalization of single values.
    public var warnings: [String]
}

extension ModelDescription {
    /// Describes a network on batches of images `[H, W, C]`, without making any of its values.
    ///
    /// Multiply-adds are those of convolutions and matrix products: positions · outputs · window · inputs / groups.
    /// Everything else is linear in the activations and left out, as is usual, and so is what the result does not depend on:
    /// auxiliary classifiers.
    ///
    /// - Throws: `GraphError` if the images do not fit the layers.
    public init(
        of layer: any RenormLayers.Layer, input: TensorShape, overrides: [Override] = [], batch: Int = 1
    ) throws {
        let builder = GraphBuilder()
        let images = try builder.images(input, batch: batch)
        let trace = Trace(builder: builder, phase: .inference, overrides: overrides, seed: 0)
        builder.fetch(try layer(images, Scope(trace: trace)), as: "logits")
        let training = try trace.normalizations.map { try $0.inTraining(overrides) }
        let moving = Set(training.flatMap(\.updates))
        let graph = builder.graph.pruned()
        let specifications = builder.graph.variables.values
        var costs: [String: Int] = [:]
        for node in graph.nodes {
            costs[node.path] = (costs[node.path] ?? 0).saturatingSum(graph.multiplyAdds(of: node) / batch)
        }
        var sizes: [String: Int] = [:]
        for parameter in specifications where parameter.kind == .parameter {
            sizes[parameter.layer, default: 0] += parameter.shape.elementCount
        }
        func count(_ isCounted: (VariableSpecification) -> Bool) -> Int {
            specifications.filter(isCounted).reduce(0) { $0 + $1.shape.elementCount }
        }
        self.batch = batch
        layers = trace.layers.map {
            Layer(
                path: $0.path, summary: $0.summary, input: $0.input, output: $0.output,
                parameters: sizes[$0.path] ?? 0, multiplyAdds: costs[$0.path] ?? 0)
        }
        variables = specifications.map {
            Variable(
                path: $0.path, kind: $0.kind, shape: $0.shape, isTrainable: $0.isTrainable,
                isFrozen: !$0.isTrainable && !moving.contains($0.path))
        }
        normalizations = zip(trace.normalizations, training).map { record, training in
            Normalization(record, training: training, among: specifications)
        }
        parameters = count { $0.kind == .parameter }
        trainableParameters = count { $0.kind == .parameter && $0.isTrainable }
        statistics = count { $0.kind == .statistic }
        multiplyAdds = costs.values.reduce(0) { $0.saturatingSum($1) }
        warnings = trace.warnings
    }
}

extension Model {
    /// The model's layers with shapes and costs, its variables, and totals: see `ModelDescription`.
    ///
    /// - Throws: `GraphError` if the images do not fit the layers.
    public func describe(batch: Int = 1) throws -> ModelDescription {
        try ModelDescription(of: layer, input: input, overrides: overrides, batch: batch)
    }
}

extension Graph {
    /// The multiplications with addition of a convolution or matrix product; 0 for anything else.
    fileprivate func multiplyAdds(of node: Node) -> Int {
        switch node.op {
        case .convolution:
            // Each output is a sum over the window and the input channels of its group.
            let weight = self[node.inputs[1]].shape
            return node.shape.elementCount.saturatingProduct(weight.elementCount / weight[0])
        case .matmul(let transposeLeft, _):
            let left = self[node.inputs[0]].shape
            return node.shape.elementCount.saturatingProduct(transposeLeft ? left[0] : left[1])
        default:
            return 0
        }
    }
}
