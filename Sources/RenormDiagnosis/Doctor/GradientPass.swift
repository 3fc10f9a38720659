import RenormArrays
import RenormEngines
import RenormGraphs
import RenormImages
import RenormLayers
import RenormTraining

/// One pass of training batches through a network in the phase of training, forward and back: how large the gradient of the loss is by
/// parameter, and how much of what bounded activations give is at their limit. Nothing is updated, and nothing has to be finite.
package struct GradientPass {
    /// What is seen.
    package struct Result {
        /// The mean loss.
        package var loss = 0.0
        /// The number of batches.
        package var batches = 0
        /// The norm of the gradient by the path of the parameter, as the root of the mean square over batches, in the order of the
        /// network.
        package var gradients: [(path: String, norm: Double)] = []
        /// Activations in the order of the network.
        package var activations: [ActivationDiagnosis] = []
    }

    /// What to compute with.
    let engine: any Engine
    /// How much of the target is spread over all classes.
    var labelSmoothing: Double
    /// The seed of dropout.
    var seed: UInt64

    package init(engine: any Engine, labelSmoothing: Double = 0, seed: UInt64 = 0) {
        (self.engine, self.labelSmoothing, self.seed) = (engine, labelSmoothing, seed)
    }

    /// - Parameters:
    ///   - batches: Pictures with labels, in batches of `size`.
    ///   - step: The step whose limits batch renormalization has.
    /// - Throws: What engine and loader throw.
    package func run(_ model: Model, on batches: BatchLoader, of size: Int, step: Int) throws -> Result {
        let builder = GraphBuilder()
        let options = TrainingOptions(learningRate: .constant(0), labelSmoothing: labelSmoothing)
        let forward = try TrainingGraph.forward(
            model, batch: size, options, .labels, domains: nil, seed: seed, watches: false, on: builder)
        let activations = BoundedActivation.all(in: builder.graph)
        for (place, activation) in activations.enumerated() {
            builder.fetch(try activation.count(on: builder), as: "limited \(place)")
        }
        let parameters = TrainingGraph.trained(builder)
        let gradients = try builder.gradients(
            of: forward.loss, for: parameters.map { try builder.variable(at: $0.path) })
        for (place, gradient) in gradients.enumerated() {
            builder.fetch(try gradient.reduce(.sumOfSquares), as: "squares \(place)")
        }
        let graph = builder.graph
        // What is not finite is what is looked for, so nothing guards it.
        let still = Graph(
            nodes: graph.nodes, fetches: graph.fetches, updates: [], guards: [], schedules: graph.schedules,
            variables: graph.variables)
        let runner = try GraphRunner(still.pruned().orderedByResults(), on: engine)
        let store = try engine.makeStore(model.variables)
        var result = Result()
        var squares = [Double](repeating: 0, count: parameters.count)
        var limited = [Double](repeating: 0, count: activations.count)
        while let batch = try batches.next() {
            runner.feed("images", batch.images)
            runner.feed("labels", batch.labels)
            try runner.run(step: step, on: store)
            result.loss += try runner.number("loss")
            for place in squares.indices { squares[place] += try runner.number("squares \(place)") }
            for place in limited.indices { limited[place] += try runner.number("limited \(place)") }
            result.batches += 1
        }
        let count = Double(max(result.batches, 1))
        result.loss /= count
        result.gradients = zip(parameters, squares).map { ($0.path, ($1 / count).squareRoot()) }
        result.activations = zip(activations, limited).map { activation, limited in
            ActivationDiagnosis(
                path: activation.path, function: activation.function,
                saturated: limited / count / Double(activation.elements))
        }
        return result
    }
}

/// An activation of a traced network that has an upper limit: the node that the limit is of.
private struct BoundedActivation {
    var node: NodeID
    var path: String
    var function: ActivationDiagnosis.Function
    var elements: Int

    /// Those of a graph, by how `Tensor`'s functions write them.
    static func all(in graph: Graph) -> [BoundedActivation] {
        graph.nodes.indices.compactMap { index in
            let (id, node) = (NodeID(index), graph.nodes[index])
            let function: ActivationDiagnosis.Function
            // What a factor would be multiplied with, where it is one of its own argument.
            var argument = node.inputs.first
            switch node.op {
            case .unary(.logistic): function = .sigmoid
            case .activation(.relu6):
                let shifted = graph.argument(shiftedBy: 3, at: node.inputs[0])
                function = shifted == nil ? .relu6 : .hardSigmoid
                argument = shifted
            default: return nil
            }
            let isFactor = graph.nodes[index...].contains {
                $0.op == .binary(.multiply) && $0.inputs.contains(id)
                    && argument.map($0.inputs.contains) ?? false
            }
            let factors: [ActivationDiagnosis.Function: ActivationDiagnosis.Function] = [
                .hardSigmoid: .hardSwish, .sigmoid: .silu,
            ]
            return BoundedActivation(
                node: id, path: node.path, function: isFactor ? factors[function] ?? function : function,
                elements: node.shape.elementCount)
        }
    }

    /// How many of its values are at the limit.
    func count(on builder: GraphBuilder) throws -> Tensor {
        let value = builder.tensor(node)
        return function == .sigmoid || function == .silu
            ? try value.compare(.greater, builder.constant(0.999)).reduce(.sum)
            : try (value - 6).reduce(.zeros)
    }
}

extension Graph {
    /// x where a node is x + a constant; else `nil`.
    fileprivate func argument(shiftedBy constant: Double, at id: NodeID) -> NodeID? {
        let node = self[id]
        guard node.op == .binary(.add) else { return nil }
        func isConstant(_ id: NodeID) -> Bool {
            switch self[id].op {
            case .constant(let value): value == constant
            case .broadcast, .convert: isConstant(self[id].inputs[0])
            default: false
            }
        }
        return isConstant(node.inputs[1]) ? node.inputs[0] : nil
    }
}
