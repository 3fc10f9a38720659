// A normalization makes the layer before it independent of the scale of its weights: ten times the weights give the same
// output, and a tenth of the gradient, so that weights that have grown too large slow themselves down. That is why large
// learning rates and careless initial values do less harm (footnote 7 of the post this project grew from).
// Run it with: swift run -c release ScaleOfWeights [STEPS]

import Renorm

@main
struct ScaleOfWeights {
    static func main() throws {
        let steps = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 150
        let (images, _) = try Dataset.fashionMNIST()
        try compareScales(images)
        print("\nmean loss of the last 20 of \(steps) steps, by learning rate (ln 10 = 2.303 is guessing):")
        for kind: any NormalizationKind in [.none, .batch, .batchRenorm] {
            let losses = try [0.01, 0.1, 1, 4].map { rate in
                "\(rate): \(try loss(kind, rate: rate, steps: steps, on: images).map(short) ?? "not finite")"
            }
            print("  \(kind.word): \(losses.joined(separator: "   "))")
        }
    }

    /// The output of a convolution with its normalization, and the gradient of its weight, for W and 10·W.
    static func compareScales(_ images: Dataset) throws {
        let engine = try OneDNNEngine()
        let batch = try InputScaling(of: images)(images.subset(Array(0..<16)).images)
        for kind: any NormalizationKind in [.none, .batch, .batchRenorm] {
            let network = Sequential {
                Convolution(8, kernel: 3, padding: .all(1), bias: false).named("conv")
                Normalization(kind).named("norm")
            }
            var model = try Model(network, input: [28, 28, 1], seed: 1)
            let before = try outputAndGradient(model, batch, engine)
            let weights = model.variables["conv.weight"]!.value
            model.variables["conv.weight"]?.value = NDArray(
                weights.floats.map { $0 * 10 }, shape: weights.shape)
            let after = try outputAndGradient(model, batch, engine)
            print(
                "\(kind.word): 10·W gives \(short(after.output / before.output)) × the output and "
                    + "\(short(after.gradient / before.gradient)) × the gradient")
        }
    }

    /// The lengths of the output and of the gradient of Σ y·v, with random v.
    static func outputAndGradient(
        _ model: Model, _ batch: NDArray, _ engine: OneDNNEngine
    ) throws -> (output: Double, gradient: Double) {
        let builder = GraphBuilder()
        let x = builder.input("images", shape: batch.shape)
        let y = try model.trace(x, on: builder, phase: .training).output
        var random = Random(seed: 1, stream: "weights of the output")
        let weights = NDArray(
            (0..<y.shape.elementCount).map { _ in Float(random.normal()) }, shape: y.shape)
        let loss = try (y * builder.input("weights", shape: y.shape)).sum()
        let weight = try builder.variable(at: "conv.weight")
        builder.fetch(try y.reduce(.sumOfSquares), as: "output")
        builder.fetch(try builder.gradients(of: loss, for: [weight])[0].reduce(.sumOfSquares), as: "gradient")
        let results = try engine.compile(builder.graph).run(
            ["images": batch, "weights": weights], on: engine.makeStore(model.variables))
        return (
            results["output"]!.doubles[0].squareRoot(), results["gradient"]!.doubles[0].squareRoot()
        )
    }

    /// The mean loss of the last steps; `nil` if something was not finite.
    static func loss(
        _ kind: any NormalizationKind, rate: Double, steps: Int, on images: Dataset
    ) throws -> Double? {
        let model = try Model(
            Small(classes: 10, width: 0.5, normalization: Normalization(kind)), input: [28, 28, 1], seed: 1)
        let training = try TrainingGraph(
            model, batch: 32, options: TrainingOptions(learningRate: .constant(rate)))
        let engine = try OneDNNEngine()
        let store = try engine.makeStore(training.initialState(of: model))
        let step = try engine.compile(training.graph)
        let sampler = try BatchSampler(.shuffled, dataset: images, batchSize: 32, seed: 1)
        let batches = try BatchLoader(
            dataset: images, scaling: InputScaling(of: images), sampler: sampler, to: steps)
        var losses: [Double] = []
        while let batch = try batches.next() {
            do {
                let results = try step.run(
                    ["images": batch.images, "labels": batch.labels], step: batch.step, on: store)
                losses.append(results["loss"]!.doubles[0])
            } catch EngineError.notFinite {
                return nil
            }
        }
        let last = losses.suffix(20)
        return last.reduce(0, +) / Double(last.count)
    }

    static func short(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
}
