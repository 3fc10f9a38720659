import Renorm
import RenormTestSupport
import Testing

/// What the doctor measures of gradients and activations beside what is computed here.
@Suite struct GradientPassTests {
    private static let engine = ReferenceEngine(precision: .f64)

    private func loader(_ data: Dataset, _ scaling: InputScaling, _ batches: [[Int]]) -> BatchLoader {
        BatchLoader(dataset: data, scaling: scaling, batches: batches)
    }

    /// Every element of every parameter by central differences of the loss, whose distance is that of the values in f32.
    @Test func normsAreThoseOfDifferences() throws {
        let network = Sequential {
            Convolution(2, kernel: 3).named("conv")
            Normalization(.batch).named("bn")
            SiLU()
            GlobalAveragePool()
            Dense(3).named("fc")
        }
        let data = try TinyData.dataset(16)
        let scaling = try InputScaling(of: data)
        let model = try Model(network, input: [8, 8, 1], seed: 5)
        let batches = [Array(0..<8), Array(8..<16)]
        let pass = GradientPass(engine: Self.engine, labelSmoothing: 0.1)
        let found = try pass.run(model, on: loader(data, scaling, batches), of: 8, step: 0)
        #expect(found.batches == 2)
        #expect(
            found.gradients.map(\.path) == [
                "conv.weight", "conv.bias", "bn.weight", "bn.bias", "fc.weight", "fc.bias",
            ])
        for (path, norm) in found.gradients {
            let values = model.variables[path]!.value
            var squares = 0.0
            for place in 0..<values.elementCount {
                func moved(by distance: Float) -> (model: Model, value: Double) {
                    var (own, result) = (values, model)
                    own.withMutableValues(of: Float.self) { $0[place] += distance }
                    result.variables[path]!.value = own
                    return (result, own.doubles[place])
                }
                let (above, below) = (moved(by: 1e-3), moved(by: -1e-3))
                for batch in batches {
                    func loss(_ model: Model) throws -> Double {
                        try pass.run(model, on: loader(data, scaling, [batch]), of: 8, step: 0).loss
                    }
                    let slope = try (loss(above.model) - loss(below.model)) / (above.value - below.value)
                    squares += slope * slope / 2
                }
            }
            // A bias before a normalization has no gradient, but for rounding.
            #expect(abs(norm - squares.squareRoot()) < 1e-4 * norm + 1e-6, "\(path): \(norm) \(squares)")
            #expect((norm < 1e-6) == (path == "conv.bias"), "\(path): \(norm)")
        }
    }

    /// Pixels p become x = 12·p/255, of which each function has a part at its limit that can be counted.
    @Test(arguments: ActivationDiagnosis.Function.allCases)
    func theSaturatedPartIsExact(function: ActivationDiagnosis.Function) throws {
        let (layer, limit): (any Layer, Double) =
            switch function {
            case .relu6: (ReLU6(), 6)
            case .sigmoid: (Sigmoid(), 6.9068)
            case .hardSigmoid: (HardSigmoid(), 3)
            case .hardSwish: (HardSwish(), 3)
            case .silu: (SiLU(), 6.9068)
            }
        let network = Sequential {
            layer.named("function")
            GlobalAveragePool()
            Dense(3)
        }
        let data = try TinyData.dataset(8)
        let scaling = InputScaling(mean: [0], deviation: [1.0 / 12])
        let found = try GradientPass(engine: Self.engine).run(
            Model(network, input: [8, 8, 1]), on: loader(data, scaling, [Array(0..<4), Array(4..<8)]), of: 4,
            step: 0)
        let pixels = data.images.values(of: UInt8.self)
        let saturated = pixels.filter { Double($0) * 12 / 255 >= limit }.count
        #expect(saturated > 0 && saturated < pixels.count)
        #expect(
            found.activations == [
                ActivationDiagnosis(
                    path: "function", function: function,
                    saturated: Double(saturated) / Double(pixels.count))
            ])
    }

    /// What is not finite is measured as such, not refused.
    @Test func whatIsNotFiniteIsSaid() throws {
        let network = Sequential {
            GlobalAveragePool()
            Dense(3).named("fc")
        }
        let data = try TinyData.dataset(4)
        var model = try Model(network, input: [8, 8, 1])
        let weight = model.variables["fc.weight"]!.value
        model.variables["fc.weight"]!.value = NDArray(
            [Float](repeating: .infinity, count: weight.elementCount), shape: weight.shape)
        let found = try GradientPass(engine: Self.engine).run(
            model, on: loader(data, InputScaling(of: data), [Array(0..<4)]), of: 4, step: 0)
        #expect(!found.loss.isFinite)
        #expect(found.gradients.contains { $0.path == "fc.weight" && !$0.norm.isFinite })
    }

    @Test func parametersOfALayerCountTogether() {
        let layers = [
            GradientDiagnosis(path: "fc.weight", elements: 6, gradient: 3, weight: 6, update: 0.5),
            GradientDiagnosis(path: "conv.weight", elements: 9, gradient: 1, weight: 0),
            GradientDiagnosis(path: "fc.bias", elements: 3, gradient: 4, weight: 8, update: 0.5),
        ].layers
        #expect(layers.map(\.path) == ["fc", "conv"])
        #expect(layers[0].gradient == 5 && layers[0].weight == 10 && layers[0].ratio == 0.5)
        #expect(layers[0].elements == 9 && abs((layers[0].update ?? 0) - 0.5) < 1e-12)
        #expect(layers[1].ratio == nil && layers[1].update == nil)
    }
}
