import Renorm
import RenormTestSupport

/// A layer as a model on inputs of one shape.
func model(
    of layer: any Layer, input: TensorShape, overrides: [Override] = [], seed: UInt64 = 1
) throws -> Model {
    try Model(layer, input: input, overrides: overrides, seed: seed)
}

extension Model {
    /// The model with some variables replaced, whatever their element type.
    func with(_ values: [String: NDArray]) -> Model {
        var result = self
        for (path, value) in values {
            precondition(result.variables[path] != nil, "no variable '\(path)'")
            result.variables[path]?.value = value
        }
        return result
    }

    /// The model's output on a batch in a phase, by the reference engine in f64 unless another is given.
    func output(
        _ images: NDArray, phase: Phase = .inference, step: Int = 0, seed: UInt64 = 0,
        engine: any Engine = ReferenceEngine(precision: .f64)
    ) throws -> NDArray {
        try run(images, phase: phase, step: step, seed: seed, engine: engine).output
    }

    /// The model's output on a batch, and its variables afterwards.
    func run(
        _ images: NDArray, phase: Phase, step: Int = 0, seed: UInt64 = 0,
        engine: any Engine = ReferenceEngine(precision: .f64)
    ) throws -> (output: NDArray, variables: Variables) {
        let builder = GraphBuilder()
        let x = builder.input("images", shape: images.shape)
        builder.fetch(try trace(x, on: builder, phase: phase, seed: seed).output, as: "logits")
        let store = try engine.makeStore(variables)
        let results = try engine.compile(builder.graph).run(["images": images], step: step, on: store)
        return (results["logits"]!, try store.read())
    }

    /// The output y on a batch, and the gradients of Σ weights·y by name: `x` and each trained parameter by its path.
    func gradients(
        _ images: NDArray, weights: NDArray, phase: Phase = .training, step: Int = 0,
        engine: any Engine = ReferenceEngine(precision: .f64)
    ) throws -> (output: NDArray, gradients: [String: NDArray]) {
        let builder = GraphBuilder()
        let x = builder.input("images", shape: images.shape)
        let y = try trace(x, on: builder, phase: phase).output
        let loss = try (y * builder.input("weights", shape: y.shape)).sum()
        let trained = builder.graph.variables.values.filter(\.isTrainable).map(\.path)
        let targets = try [x] + trained.map { try builder.variable(at: $0) }
        for (name, gradient) in zip(["x"] + trained, try builder.gradients(of: loss, for: targets)) {
            builder.fetch(gradient, as: name)
        }
        builder.fetch(y, as: "y")
        let store = try engine.makeStore(variables)
        var results = try engine.compile(builder.graph).run(
            ["images": images, "weights": weights], step: step, on: store)
        let output = results.removeValue(forKey: "y")!
        return (output, results)
    }
}

/// A vector as an array.
func vector(_ values: [Double]) -> NDArray { NDArray(values, shape: [values.count]) }

/// The largest difference of two arrays over the largest magnitude of the second.
func relativeError(_ found: NDArray, _ expected: NDArray) -> Double {
    let (a, b) = (found.doubles, expected.doubles)
    precondition(found.shape == expected.shape)
    return zip(a, b).map { abs($0 - $1) }.max()! / b.map(abs).max()!
}
