import Renorm
import RenormTestSupport
import Testing

/// Layers against PyTorch's, torchvision's and timm's: results and every gradient.
@Suite struct LayerFixtureTests {
    private static let layers: [(name: String, layer: any Layer)] = [
        ("hard-sigmoid", HardSigmoid()), ("hard-sigmoid-at-the-corners", HardSigmoid()),
        ("hard-swish", HardSwish()), ("hard-swish-at-the-corners", HardSwish()),
        ("silu", SiLU()), ("silu-at-the-corners", SiLU()),
        ("squeeze-excitation", SqueezeExcitation(3)),
        ("squeeze-excitation-mobilenet", SqueezeExcitation(4, gate: HardSigmoid())),
        ("squeeze-excitation-efficientnet", SqueezeExcitation(2, activation: SiLU())),
        (
            "squeeze-excitation-timm",
            SqueezeExcitation(3, activation: SiLU(), names: ("conv_reduce", "conv_expand"))
        ),
        ("average-pool-1x1-to-7x7", AdaptiveAveragePool(height: 7, width: 7)),
        ("average-pool-14x7-to-7x7", AdaptiveAveragePool(height: 7, width: 7)),
        ("average-pool-5x6-to-7x4", AdaptiveAveragePool(height: 7, width: 4)),
        ("average-pool-10x3-to-3x10", AdaptiveAveragePool(height: 3, width: 10)),
        ("average-pool-2x3-to-6x1", AdaptiveAveragePool(height: 6, width: 1)),
        ("channel-shuffle-2", ChannelShuffle(groups: 2)), ("channel-shuffle-3", ChannelShuffle(groups: 3)),
    ]

    @Test func everyCaseIsTested() throws {
        let cases = Set(try Fixture("layers").names.map { String($0.prefix { $0 != "/" }) })
        #expect(cases == Set(Self.layers.map(\.name)))
    }

    @Test(arguments: TestEngine.allCases, layers.map(\.name))
    func resultsAndGradientsAreTheOriginals(_ engine: TestEngine, _ name: String) throws {
        let layer = try #require(Self.layers.first { $0.name == name }).layer
        let fixture = try Fixture("layers")
        let images = fixture["\(name)/x"].converted(to: engine.type)
        let values = fixture.arrays(under: "\(name)/value.")
        let model = try model(of: layer, input: TensorShape(Array(images.shape.dimensions.dropFirst())))
        #expect(Set(model.variables.paths) == Set(values.map(\.name)))
        let (y, gradients) = try model.with(
            Dictionary(uniqueKeysWithValues: values.map { ($0.name, $0.value.converted(to: engine.type)) })
        ).gradients(
            images, weights: fixture["\(name)/weights"].converted(to: engine.type), engine: engine.make())
        let tolerance = engine.tolerance(double: 1e-13, float: 1e-5)
        #expect(mismatch(y, fixture["\(name)/y"], tolerance: tolerance) == nil)
        let expected = fixture.arrays(under: "\(name)/gradient.")
        #expect(Set(expected.map(\.name)) == Set(gradients.keys))
        for (path, gradient) in expected {
            #expect(mismatch(gradients[path]!, gradient, tolerance: tolerance, of: path) == nil)
        }
    }

    /// Also in passes in which nothing else shows it.
    @Test(arguments: [HardSigmoid(), HardSwish(), SiLU()] as [any Layer], TestEngine.allCases)
    func whatIsNotFiniteStaysSo(_ layer: any Layer, _ engine: TestEngine) throws {
        let x = NDArray([-.infinity, .nan, .infinity, 1, -1e30, 1e30] as [Float], shape: [1, 6])
        let y = try Model(layer, input: [6]).output(x, engine: engine.make()).doubles
        #expect(y.map(\.isFinite).suffix(3) == [true, true, true])
        #expect(!y[0].isFinite && y[1].isNaN)
        // The gate of a sigmoid of straight lines is no number at ∞ either, as that of its ReLU6.
        #expect(!y[2].isFinite)
        // Where inference leaves guards out, because the result shows it, the result does; else a guard stops the run.
        let model = try Model(layer, input: [6])
        let engine = try engine.make()
        let guarded = try engine.compile(model.graph(batch: 1).guardingWhatHides())
        let store = try engine.makeStore(model.variables)
        do {
            let shown = try guarded.run(["images": x], step: 0, on: store)["logits"]!.doubles
            #expect(shown.map(\.isFinite) == y.map(\.isFinite))
        } catch EngineError.notFinite {}
    }

    @Test func whatDoesNotFitIsNamed() {
        func message(_ layer: any Layer, _ input: TensorShape) -> String? {
            #expect(throws: GraphError.self) { try Model(layer.named("layer"), input: input) }?.description
        }
        #expect(
            message(ChannelShuffle(groups: 4), [2, 2, 6])?.hasPrefix(
                "channelShuffle at 'layer': found 4 groups of 6 channels; expected a number of groups")
                == true)
        #expect(
            message(AdaptiveAveragePool(height: 0, width: 7), [2, 2, 6])?.hasPrefix(
                "adaptiveAveragePool at 'layer': found a result of 0×7") == true)
        #expect(message(SqueezeExcitation(3), [6])?.hasPrefix("squeezeExcitation at 'layer'") == true)
        #expect(message(SqueezeExcitation(0), [2, 2, 6])?.contains("layer.fc1") == true)
    }
}
