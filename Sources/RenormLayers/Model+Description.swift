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
    }

    /// The number of images in the batch whose shapes are shown.
    public var batch: Int
    /// The layers in the order of their results; those that only contain others are left out.
    public var layers: [Layer]
    /// The variables in the order in which the layers ask for them.
    public var variables: [Variable]
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

extension Model {
    /// The model's layers with shapes and costs, its variables, and totals.
    ///
    /// Multiply-adds are those of convolutions and matrix products: positions · outputs · window · inputs / groups.
    /// Everything else is linear in the activations and left out, as is usual.
    ///
    /// - Throws: `GraphError` if the images do not fit the layers.
    public func describe(batch: Int = 1) throws -> ModelDescription {
        let builder = GraphBuilder()
        let images = builder.input("images", shape: TensorShape([batch] + input.dimensions))
        let traced = try trace(images, on: builder, phase: .inference)
        let graph = builder.graph
        var multiplyAdds: [String: Int] = [:]
        for node in graph.nodes {
            multiplyAdds[node.path, default: 0] += graph.multiplyAdds(of: node) / batch
        }
        let parameters = graph.variables.values.filter { $0.kind == .parameter }
        let parametersByLayer = Dictionary(
            grouping: parameters,
            by: { String($0.path[..<($0.path.lastIndex(of: ".") ?? $0.path.startIndex)]) }
        )
        func count(_ specifications: [VariableSpecification]) -> Int {
            specifications.reduce(0) { $0 + $1.shape.elementCount }
        }
        return ModelDescription(
            batch: batch,
            layers: traced.layers.map { layer in
                ModelDescription.Layer(
                    path: layer.path, summary: layer.summary, input: layer.input, output: layer.output,
                    parameters: count(parametersByLayer[layer.path] ?? []),
                    multiplyAdds: multiplyAdds[layer.path] ?? 0)
            },
            variables: graph.variables.values.map {
                ModelDescription.Variable(
                    path: $0.path, kind: $0.kind, shape: $0.shape, isTrainable: $0.isTrainable)
            },
            parameters: count(parameters), trainableParameters: count(parameters.filter(\.isTrainable)),
            statistics: count(graph.variables.values.filter { $0.kind == .statistic }),
            multiplyAdds: multiplyAdds.values.reduce(0, +), warnings: traced.warnings)
    }
}

extension Graph {
    /// The multiplications with addition of a convolution or matrix product; 0 for anything else.
    fileprivate func multiplyAdds(of node: Node) -> Int {
        switch node.op {
        case .convolution:
            // Each output is a sum over the window and the input channels of its group.
            let weight = self[node.inputs[1]].shape
            return node.shape.elementCount * weight.elementCount / weight[0]
        case .matmul(let transposeLeft, _):
            let left = self[node.inputs[0]].shape
            return node.shape.elementCount * (transposeLeft ? left[0] : left[1])
        default:
            return 0
        }
    }
}
