// Why not simply normalize with the moving averages, in training too? (Footnote 8 of the post this project grew from.)
// Because their gradient ignores that they follow what they normalize: a bias before the normalization is pushed on, the
// averages take it away again, and so on without bound, while the loss does not fall by it (Ioffe & Szegedy 2015,
// section 2). What helps is to remove from the gradient what the normalization cancels: the projection.
// Run it with: swift run -c release MovingAverages [STEPS]

import Renorm

/// Normalizes with the averages after each batch, by the batch's part of 10 %, and no scale and shift of its own.
struct AverageNormalization: Layer {
    /// Whether the gradient is projected as batch normalization does it.
    var projects: Bool
    static let rate = 0.1

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let channels = x.shape[3]
        let (mean, variance) = try x.stoppingGradient().moments(groups: 1)
        func average(_ name: String, towards new: Tensor, initial: Double) throws -> Tensor {
            let old = try scope.statistic(name, shape: [channels], initial: initial)
            let moved = try old + (new.reshaped(to: [channels]) - old) * Self.rate
            try scope.update(name, to: moved)
            return try moved.reshaped(to: [1, channels])
        }
        let center = try average("running_mean", towards: mean, initial: 0)
        let deviation = try average(
            "running_std", towards: (variance + 1e-5).squareRoot(), initial: 1)
        let scale = try 1 / deviation
        if projects {
            // (x − μ)/σ, written around the batch's mean, along which and along x the gradient is projected.
            return try x.affine(
                mean: mean, scale: scale, shift: (mean - center) * scale,
                projecting: (variance + 1e-5, channels))
        }
        return try x.affine(
            mean: center, scale: scale, shift: scope.builder.constant(0, shape: [1, channels]))
    }
}

@main
struct MovingAverages {
    static func main() throws {
        let steps = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 400
        let (images, _) = try Dataset.fashionMNIST()
        let layers = [
            ("gradient as it is", AverageNormalization(projects: false)),
            ("gradient projected", AverageNormalization(projects: true)),
        ]
        for (name, layer) in layers {
            print("Moving averages, \(name), only the bias before them trained:")
            try train(layer, on: images, steps: steps, fixed: ["conv.weight", "fc.weight"])
        }
        for (name, layer) in layers {
            print("Moving averages, \(name), everything trained:")
            try train(layer, on: images, steps: steps)
        }
    }

    static func train(
        _ normalization: AverageNormalization, on images: Dataset, steps: Int, fixed: [String] = []
    ) throws {
        let network = Sequential {
            Convolution(16, kernel: 3, padding: .all(1), bias: true).named("conv")
            normalization.named("norm")
            ReLU()
            GlobalAveragePool()
            Dense(10, bias: false).named("fc")
        }
        let model = try Model(
            network, input: [28, 28, 1],
            overrides: fixed.map { Override(PathPattern($0), isTrainable: false) }, seed: 1)
        let training = try TrainingGraph(
            model, batch: 32,
            options: TrainingOptions(optimizer: .sgd(momentum: 0), learningRate: .constant(0.5)))
        let engine = try OneDNNEngine()
        let store = try engine.makeStore(training.initialState(of: model))
        let step = try engine.compile(training.graph)
        let sampler = try BatchSampler(.shuffled, dataset: images, batchSize: 32, seed: 1)
        let batches = try BatchLoader(
            dataset: images, scaling: InputScaling(of: images), sampler: sampler, to: steps)
        var (loss, count) = (0.0, 0.0)
        while let batch = try batches.next() {
            let results = try step.run(
                ["images": batch.images, "labels": batch.labels], step: batch.step, on: store)
            loss += results["loss"]!.doubles[0]
            count += 1
            guard (batch.step + 1) % max(steps / 4, 1) == 0 else { continue }
            let state = try store.read()
            let bias = state["conv.bias"]!.value.doubles
            let length = state["conv.weight"]!.value.doubles.reduce(0) { $0 + $1 * $1 }.squareRoot()
            print(
                "  step \(batch.step + 1): loss \(short(loss / count)), largest bias \(short(bias.map(abs).max()!)), "
                    + "length of the weights \(short(length))")
            (loss, count) = (0, 0)
        }
    }

    static func short(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
