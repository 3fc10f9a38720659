import RenormArrays
import RenormGraphs

/// Which of a convolution's three computations.
enum Direction: String, CaseIterable {
    case forward = "convolution"
    case inputGradient = "convolutionInputGradient"
    case weightGradient = "convolutionWeightGradient"

    var title: String {
        switch self {
        case .forward: "forward"
        case .inputGradient: "input gradient"
        case .weightGradient: "weight gradient"
        }
    }
}

/// The graph of one convolution with both gradients of Σ y·`dy`, and what to feed it.
struct SingleConvolution {
    let graph: Graph
    let shape: ConvolutionShape

    /// As a training step has it: the weight is updated, so it lies as its gradient's and its optimizer's passes want it, and
    /// what other passes need of it is made anew in every step. Sums alone are fetched.
    init(training shape: ConvolutionShape) throws {
        try self.init(shape) { builder, tensors in
            builder.fetch(tensors.loss, as: "loss")
            builder.fetch(try tensors.dx.sum(), as: "dx")
            // So little that the weight stays what it is.
            try builder.update("weight", to: tensors.weight - tensors.dw * 1e-12)
        }
    }

    /// With all results fetched by the names of directions.
    init(results shape: ConvolutionShape) throws {
        try self.init(shape) { builder, tensors in
            builder.fetch(tensors.y, as: Direction.forward.rawValue)
            builder.fetch(tensors.dx, as: Direction.inputGradient.rawValue)
            builder.fetch(tensors.dw, as: Direction.weightGradient.rawValue)
        }
    }

    private struct Tensors {
        var weight: Tensor
        var y: Tensor
        var loss: Tensor
        var dx: Tensor
        var dw: Tensor
    }

    private init(_ shape: ConvolutionShape, _ end: (GraphBuilder, Tensors) throws -> Void) throws {
        self.shape = shape
        let builder = GraphBuilder()
        let x = builder.input("x", shape: shape.x)
        let dy = builder.input("dy", shape: shape.y)
        let weight = try builder.variable(
            VariableSpecification(
                path: "weight", kind: .parameter, shape: shape.weight,
                initializer: .he(fanOut: 9 * shape.outputs), isTrainable: true))
        let y = try x.convolution(weight, options: ConvolutionOptions(padding: [1, 1, 1, 1]))
        let loss = try (y * dy).sum()
        let gradients = try builder.gradients(of: loss, for: [x, weight])
        try end(builder, Tensors(weight: weight, y: y, loss: loss, dx: gradients[0], dw: gradients[1]))
        graph = builder.graph
    }

    /// Normal numbers in the order of the graph's inputs; `x` after a ReLU if asked for.
    func feeds(rectified: Bool) -> [NDArray] {
        var random = Random(seed: 0, stream: "convolutions")
        return graph.inputs.map { input in
            let values = (0..<input.shape.elementCount).map { _ in Float(random.normal()) }
            return NDArray(
                rectified && input.name == "x" ? values.map { max($0, 0) } : values, shape: input.shape)
        }
    }
}
