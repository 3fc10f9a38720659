import Renorm
import RenormTestSupport
import Testing

@Suite struct NormalizationGradientTests {
    static let limits = Limits(rMax: .constant(1.5), dMax: .constant(0.4))

    /// r and d are constants to the gradient, so the difference is taken of γ·(x̂_B·r + d) + β with r and d held.
    @Test(arguments: [nil, 4])
    func batchRenormAgreesWithCentralDifferencesAtConstantRAndD(_ examples: Int?) throws {
        let setting = LayerSetting(
            limits: Self.limits, examples: examples, epsilon: 0.1, channels: 6, side: 3)
        let (model, images, weights) = (try setting.model(), setting.images, setting.weights)
        let (_, gradients) = try model.gradients(images, weights: weights)
        let (together, step) = (examples ?? 8, 1e-5)
        for group in 0..<8 / together {
            let range = group * together..<(group + 1) * together
            for channel in 0..<6 {
                let oracle = setting.oracle(
                    model, images, channel: channel, group: group, rMax: 1.5, dMax: 0.4)
                let (r, d, dy) = (oracle.r, oracle.d, weights.channel(channel, examples: range))
                func loss(_ oracle: ScalarRenorm) -> Double {
                    zip(dy, oracle.output(r: r, d: d)).reduce(0) { $0 + $1.0 * $1.1 }
                }
                let numeric = oracle.values.indices.map { place in
                    var (above, below) = (oracle, oracle)
                    above.values[place] += step
                    below.values[place] -= step
                    return (loss(above) - loss(below)) / (2 * step)
                }
                let found = vector(gradients["x"]!.channel(channel, examples: range))
                #expect(mismatch(found, vector(numeric), tolerance: 1e-7) == nil, "channel \(channel)")
            }
        }
    }

    @Test(arguments: TestEngine.allCases, [nil, 4])
    func batchRenormHasTheGradientsOfTheFormulas(_ engine: TestEngine, examples: Int?) throws {
        let setting = LayerSetting(limits: Self.limits, examples: examples)
        let (model, images, weights) = (try setting.model(), setting.images, setting.weights)
        let (_, gradients) = try model.gradients(
            images.converted(to: engine.type), weights: weights.converted(to: engine.type),
            engine: engine.make())
        let tolerance = engine.tolerance(double: 1e-12, float: 1e-5)
        let together = examples ?? 8
        var (scales, shifts) = ([Double](repeating: 0, count: 17), [Double](repeating: 0, count: 17))
        for channel in 0..<17 {
            for group in 0..<8 / together {
                let range = group * together..<(group + 1) * together
                let oracle = setting.oracle(
                    model, images, channel: channel, group: group, rMax: 1.5, dMax: 0.4)
                let dy = weights.channel(channel, examples: range)
                let found = vector(gradients["x"]!.channel(channel, examples: range))
                #expect(mismatch(found, vector(oracle.inputGradient(dy)), tolerance: tolerance) == nil)
                // ∂ℓ/∂γ = Σ dy·x̂ and ∂ℓ/∂β = Σ dy, over all groups.
                scales[channel] += zip(dy, oracle.standardized)
                    .reduce(0) { $0 + $1.0 * ($1.1 * oracle.r + oracle.d) }
                shifts[channel] += dy.reduce(0, +)
            }
        }
        #expect(mismatch(gradients["weight"]!, vector(scales), tolerance: tolerance) == nil)
        #expect(mismatch(gradients["bias"]!, vector(shifts), tolerance: tolerance) == nil)
    }

    /// Σ dx = 0, and Σ x·dx = r·(ε/σ_B²)·Σ g·x̂_B, which is 0 at ε = 0.
    @Test(arguments: [0, 1e-5, 0.3], [nil, 4])
    func theGradientPushesNeitherAlongOnesNorAlongX(_ epsilon: Double, examples: Int?) throws {
        let setting = LayerSetting(limits: Self.limits, examples: examples, epsilon: epsilon)
        let (model, images, weights) = (try setting.model(), setting.images, setting.weights)
        let dx = try model.gradients(images, weights: weights).gradients["x"]!
        let together = examples ?? 8
        for group in 0..<8 / together {
            let range = group * together..<(group + 1) * together
            for channel in 0..<17 {
                let oracle = setting.oracle(
                    model, images, channel: channel, group: group, rMax: 1.5, dMax: 0.4)
                let found = dx.channel(channel, examples: range)
                let size = found.map(abs).reduce(0, +)
                #expect(abs(found.reduce(0, +)) < 1e-14 * size)
                let alongX = zip(found, oracle.values).reduce(0) { $0 + $1.0 * $1.1 }
                let gx = zip(weights.channel(channel, examples: range), oracle.standardized)
                    .reduce(0) { $0 + oracle.gamma * $1.0 * $1.1 }
                let expected = oracle.r * epsilon / (oracle.batchDeviation * oracle.batchDeviation) * gx
                #expect(abs(alongX - expected) < 1e-13 * size, "channel \(channel)")
                if epsilon == 0.3 { #expect(abs(expected) > 1e-12 * size) }
            }
        }
    }

    /// Of the others the whole derivative is meant, that of the moments included.
    @Test(arguments: [
        Normalization(.batch), Normalization(.batch(examples: 4)), Normalization(.frozen),
        Normalization(.layer), Normalization(.instance), Normalization(.group(3)),
        Normalization(.batch, epsilon: 0.2), Normalization(.group(2), epsilon: 0.2),
    ])
    func othersAgreeWithCentralDifferences(_ normalization: Normalization) throws {
        let images = randomArray([8, 3, 3, 6], mean: 0.4, deviation: 1.3)
        let model = try Model(normalization, input: [3, 3, 6]).with([
            "weight": randomArray([6], seed: 2, mean: 1, deviation: 0.3),
            "bias": randomArray([6], seed: 3, deviation: 0.5),
        ])
        let problem = try model.gradientMismatch(images, weights: randomArray([8, 3, 3, 6], seed: 9))
        #expect(problem == nil)
    }

    @Test func vectorsAreNormalizedAsImagesOfOnePixel() throws {
        for kind: any NormalizationKind in [.batch, .batchRenorm, .layer, .group(3)] {
            let images = randomArray([8, 1, 1, 6], mean: 0.4, deviation: 1.3)
            let weights = randomArray([8, 1, 1, 6], seed: 9)
            let (output, gradients) = try Model(Normalization(kind), input: [1, 1, 6])
                .gradients(images, weights: weights)
            let flat = try Model(Normalization(kind), input: [6])
                .gradients(images.reshaped(to: [8, 6]), weights: weights.reshaped(to: [8, 6]))
            #expect(flat.output == output.reshaped(to: [8, 6]))
            #expect(flat.gradients["x"] == gradients["x"]!.reshaped(to: [8, 6]))
            #expect(flat.gradients["weight"] == gradients["weight"])
        }
    }

    /// x less its mean keeps its digits only if the subtraction comes first.
    @Test(
        arguments: [.batchRenorm(.limits(.open)), .batch, .layer, .instance, .group(3), .frozen]
            as [any NormalizationKind],
        [TestEngine.referenceFloat, .oneDNN])
    func meanThousandAndDeviationOneLosesNoMoreThanItsRounding(
        _ kind: any NormalizationKind, _ engine: TestEngine
    ) throws {
        let images = randomArray([8, 4, 4, 6], mean: 1000, type: .f32)
        let weights = randomArray([8, 4, 4, 6], seed: 9, type: .f32)
        var model = try Model(Normalization(kind), input: [4, 4, 6])
        if kind is any PopulationNormalization {
            model = model.with([
                "running_mean": vector([Double](repeating: 1000.25, count: 6)),
                "num_batches_tracked": NDArray(scalar: Int64(3)),
            ])
        }
        let exact = try model.gradients(images, weights: weights)
        let found = try model.gradients(
            images, weights: weights, engine: engine.make())
        #expect(mismatch(found.output, exact.output, tolerance: 4e-5) == nil)
        for (name, gradient) in exact.gradients {
            #expect(mismatch(found.gradients[name]!, gradient, tolerance: 1e-4, of: name) == nil)
        }
    }
}
