import Renorm
import RenormTestSupport

/// What a network gives and learns from one batch, in training without dropping anything.
struct ZooRun {
    var inference: NDArray
    var training: NDArray
    var loss: NDArray
    /// By the paths of the parameters.
    var gradients: [(path: String, value: NDArray)]
    /// The variables after the step.
    var after: Variables

    init(_ model: Model, images: NDArray, labels: NDArray, engine: any Engine) throws {
        let store = try engine.makeStore(model.variables)
        var graph = try model.graph(batch: images.shape[0])
        inference = try engine.compile(graph).run(["images": images], step: 0, on: store)["logits"]!

        let builder = GraphBuilder()
        var phase = Phase.training
        phase.dropout = false
        let x = builder.input("images", shape: images.shape)
        let traced = try model.trace(x, on: builder, phase: phase)
        let logits = traced.output
        let target = builder.input("labels", shape: labels.shape, type: .i32)
        func mean(_ logits: Tensor) throws -> Tensor { try logits.softmaxCrossEntropy(labels: target).mean() }
        let loss = try traced.auxiliaries.reduce(mean(logits)) { try $0 + mean($1.logits) * $1.weight }
        let paths = builder.graph.variables.values.filter(\.isTrainable).map(\.path)
        let variables = try paths.map { try builder.variable(at: $0) }
        for (path, gradient) in zip(paths, try builder.gradients(of: loss, for: variables)) {
            builder.fetch(gradient, as: path)
        }
        builder.fetch(logits, as: "logits")
        builder.fetch(loss, as: "loss")
        graph = builder.graph
        var results = try engine.compile(graph).run(
            ["images": images, "labels": labels], step: 0, on: store)
        training = results.removeValue(forKey: "logits")!
        self.loss = results.removeValue(forKey: "loss")!.reshaped(to: [1])
        gradients = paths.map { ($0, results[$0]!) }
        after = try store.read()
    }

    /// How far this is from the fixture's run under a prefix: of logits, loss and statistics the largest difference over the
    /// largest magnitude; of gradients that of norms, of inner products with the formula's numbers and of some elements over the norm,
    /// where that is no speck of all gradients (a bias before a normalization has none).
    func distances(from fixture: Fixture, _ prefix: String) -> [String: Double] {
        var result = [
            "inference": relativeError(inference, fixture["\(prefix)/inference"]),
            "training": relativeError(training, fixture["\(prefix)/training"]),
            "loss": relativeError(loss, fixture["\(prefix)/loss"]),
        ]
        for (path, value) in fixture.arrays(under: "\(prefix)/after/") {
            let found = after[path]!.value
            result[path] = relativeError(found.rows(0..<value.shape[0]), value)
        }
        let expected = fixture["\(prefix)/gradients"]
        precondition(expected.shape[0] == gradients.count)
        let rows = (0..<gradients.count).map { expected.rows($0..<$0 + 1).doubles }
        let whole = rows.reduce(0) { $0 + $1[0] * $1[0] }.squareRoot()
        for (row, gradient) in zip(rows, gradients) {
            let found = Self.digest(gradient.path, gradient.value)
            let error = zip(row, found).map { abs($0 - $1) }.max()!
            result["gradient of \(gradient.path)"] = error / max(row[0], 1e-4 * whole)
        }
        return result
    }

    /// A gradient's norm, its inner product with the numbers of its path and ".noise", and its first, middle and last element.
    private static func digest(_ path: String, _ gradient: NDArray) -> [Double] {
        let flat = gradient.reshaped(to: [gradient.elementCount])
        let places = [0, gradient.elementCount / 2, gradient.elementCount - 1]
        return [norm(gradient), TorchvisionWeights.product(of: gradient, path: path + ".noise")]
            + places.map { flat.rows($0..<$0 + 1).doubles[0] }
    }

    private static func norm(_ gradient: NDArray) -> Double {
        func norm<Element: ArrayElement & BinaryFloatingPoint>(_ type: Element.Type) -> Double {
            gradient.withValues(of: type) { $0.reduce(0.0) { $0 + Double($1) * Double($1) } }.squareRoot()
        }
        return gradient.type == .f64 ? norm(Double.self) : norm(Float.self)
    }
}
