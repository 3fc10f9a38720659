import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Filter response and positional normalization and weight standardization against PyTorch, and what they do to networks.
@Suite struct FilterResponseTests {
    private struct Description: Decodable { var epsilon: Double }

    /// A layer's output and gradients against a fixture's.
    private func expectPyTorchs(_ name: String, _ layer: any Layer, _ engine: TestEngine) throws {
        let fixture = try Fixture(name)
        let images = fixture["x"]
        let values = Dictionary(
            uniqueKeysWithValues: fixture.arrays(under: "value.").map {
                ($0.name, $0.value.converted(to: engine.type))
            })
        let model = try model(of: layer, input: TensorShape(Array(images.shape.dimensions.dropFirst())))
            .with(values)
        let tolerance = engine.tolerance(double: 1e-12, float: 1e-5)
        let (output, gradients) = try model.gradients(
            images.converted(to: engine.type), weights: fixture["weights"].converted(to: engine.type),
            engine: engine.make())
        #expect(mismatch(output, fixture["y"], tolerance: tolerance, of: "y") == nil)
        let expected = fixture.arrays(under: "gradient.")
        #expect(Set(expected.map(\.name)) == Set(gradients.keys))
        for (name, gradient) in expected {
            #expect(mismatch(gradients[name]!, gradient, tolerance: tolerance, of: name) == nil)
        }
    }

    @Test(arguments: TestEngine.allCases)
    func filterResponsesAreWhatPyTorchComputes(_ engine: TestEngine) throws {
        let epsilon = try Fixture("filter-response").description(as: Description.self).epsilon
        try expectPyTorchs("filter-response", Normalization(.filterResponse, epsilon: epsilon), engine)
    }

    @Test(arguments: TestEngine.allCases)
    func positionalNormalizationIsPyTorchsLayerNormOverTheChannels(_ engine: TestEngine) throws {
        let epsilon = try Fixture("positional").description(as: Description.self).epsilon
        try expectPyTorchs("positional", Normalization(.position, epsilon: epsilon), engine)
    }

    @Test(arguments: TestEngine.allCases)
    func standardizedWeightsAreWhatPyTorchComputes(_ engine: TestEngine) throws {
        var convolution = Convolution(6, kernel: 3, padding: .all(1), bias: false)
        convolution.weights = .standardized
        try expectPyTorchs("weight-standardization", convolution, engine)
    }

    /// In a network the threshold takes the place of the ReLU; where nothing follows there is none.
    @Test func thresholdsStandWhereActivationsWouldBe() throws {
        let network = ResNet.resnet18(
            classes: 3, stem: .cifar, normalization: try Normalization(parsing: "filter-response"))
        let model = try Model(network, input: [8, 8, 3])
        #expect(model.variables["layer1.0.bn1.threshold"]?.value.shape == [64])
        #expect(model.variables["layer1.0.bn2.weight"] != nil)
        #expect(model.variables["layer1.0.bn2.threshold"] == nil)
        #expect(model.variables["layer2.0.downsample.1.threshold"] == nil)
        // With thresholds of −1 something below 0 passes, which a ReLU would not let.
        let unit = ConvolutionUnit(Convolution(4, kernel: 1, bias: false), Normalization(.filterResponse))
        let images = randomArray([2, 5, 5, 3])
        let output = try Model(unit, input: [5, 5, 3]).with(["1.threshold": vector([-1, -1, -1, -1])])
            .output(images)
        #expect(output.doubles.min()! < -0.5 && output.doubles.min()! >= -1)
    }

    @Test func everyConvolutionBeforeANormalizationIsStandardized() throws {
        let text = "group:8 weights=standardized"
        let normalization = try Normalization(parsing: text)
        #expect(normalization.description == text)
        let plain = try Model(
            Small(classes: 3, width: 0.25, normalization: Normalization(.group(8))), input: [8, 8, 1])
        var other = plain
        other.layer = Small(classes: 3, width: 0.25, normalization: normalization)
        let images = randomArray([2, 8, 8, 1])
        let expected = try other.output(images)
        #expect(try relativeError(plain.output(images), expected) > 0.01)
        // Standardization takes offsets and factors of weights away.
        for index in 1...5 {
            let weight = other.variables["conv\(index).weight"]!.value
            other.variables["conv\(index).weight"]!.value = NDArray(
                weight.doubles.map { 3 * $0 + 0.7 }, shape: weight.shape)
        }
        #expect(try relativeError(other.output(images), expected) < 1e-3)
        #expect(
            try relativeError(
                plain.with(["conv1.weight": other.variables["conv1.weight"]!.value]).output(images),
                plain.output(images)) > 0.01)
    }

    /// A step of the fast engine on a network whose weights are computed.
    @Test(arguments: ["group:4 weights=standardized", "batch-renorm weights=standardized", "filter-response"])
    func stepsOfEnginesAgree(_ text: String) throws {
        let model = try Model(
            ResNet(
                blocks: [1, 1], bottlenecks: false, classes: 5, stem: .cifar,
                normalization: try Normalization(parsing: text)), input: [12, 12, 3])
        let graph = try TrainingGraph(
            model, batch: 4,
            options: TrainingOptions(optimizer: .sgd(), learningRate: .constant(0.1), weightDecay: 0.01))
        func states(_ engine: any Engine) throws -> Variables {
            let store = try engine.makeStore(graph.initialState(of: model))
            let executable = try engine.compile(graph.graph)
            for step in 0..<2 {
                _ = try executable.run(
                    [
                        "images": randomArray([4, 12, 12, 3], type: .f32),
                        "labels": NDArray([Int32](arrayLiteral: 0, 1, 2, 3), shape: [4]),
                    ], step: step, on: store)
            }
            return try store.read()
        }
        let (fast, exact) = (try states(OneDNNEngine(threads: 2)), try states(ReferenceEngine()))
        for (path, variable) in exact where variable.kind == .parameter {
            #expect(
                mismatch(fast[path]!.value, variable.value, tolerance: 2e-4, absolute: 1e-5, of: path) == nil)
        }
    }

    @Test(arguments: [
        "filter-response", "group:8 epsilon=1e-06 scale=off weights=standardized", "layer shift=off",
        "position epsilon=1e-06",
    ])
    func theyAreSavedAndRead(_ text: String) throws {
        let normalization = try Normalization(parsing: text)
        let data = try JSONCoder.encode(normalization)
        #expect(try JSONCoder.decode(Normalization.self, from: data) == normalization)
        #expect(try Normalization(parsing: normalization.description) == normalization)
    }
}
