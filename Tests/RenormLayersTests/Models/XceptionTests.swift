import Renorm
import RenormTestSupport
import Testing

@Suite struct XceptionTests {
    private struct Description: Decodable {
        var side: Int
        /// Keras' names with their extents, in Keras' order.
        var variables: [String]
    }

    /// Keras' variables, each a formula of its Keras name, go through the table of names; then the logits are Keras'.
    @Test func kerasNamesAndArithmeticAreKerass() throws {
        let fixture = try Fixture("keras-xception")
        let description = try fixture.description(as: Description.self)
        let side = description.side
        var arrays: [String: NDArray] = [:]
        for row in description.variables {
            let words = row.split(separator: " ")
            let shape = TensorShape(words.dropFirst().map { Int($0)! })
            arrays[String(words[0])] = value(String(words[0]), shape)
        }
        let file = try VariablesFile(path: "xception.safetensors", arrays: arrays, metadata: [:])
        var model = try Model(Xception(classes: 10), input: [side, side, 3])
        try model.load(file, names: Xception(classes: 10).kerasNames)
        // Keras' float64 has steps in f32: it differs by 5e-7 of the range from timm's network with its weights, padding and ε.
        let engine: any Engine =
            try testsAreThorough ? ReferenceEngine(precision: .f64) : OneDNNEngine()
        let logits = try model.output(TorchvisionWeights.images(side: side), engine: engine)
        #expect(relativeError(logits, fixture["logits"]) < (testsAreThorough ? 1e-6 : 1e-4))
    }

    @Test func aHiddenLayerOfTheHeadHasKerassNamesToo() throws {
        let architecture = Architecture(
            name: "xception:100", classes: 6, input: [75, 75, 3], normalization: Normalization(.batch))
        let network = try #require(architecture.makeLayer() as? Xception)
        let description = try ModelDescription(of: network, input: architecture.input)
        #expect(
            description.variables.suffix(4).map { "\($0.path) \($0.shape)" } == [
                "hidden.weight [100, 2048]", "hidden.bias [100]", "fc.weight [6, 100]", "fc.bias [6]",
            ])
        let kernel = NDArray(zeros: [2048, 100])
        #expect(network.kerasNames.translated("dense/kernel", kernel).path == "hidden.weight")
        #expect(network.kerasNames.translated("dense/kernel", kernel).array.shape == [100, 2048])
        #expect(network.kerasNames.translated("dense_1/bias", NDArray(zeros: [6])).path == "fc.bias")
        for name in ["xception:", "xception:0", "xception:x", "xception:65537"] {
            var other = architecture
            other.name = name
            #expect(throws: GraphError.self) { try other.makeLayer() }
        }
    }

    private func value(_ name: String, _ shape: TensorShape) -> NDArray {
        let fanIn =
            name.hasSuffix("depthwise_kernel") ? shape[0] * shape[1] : shape.elementCount / shape[-1]
        let scale = (24 / Double(fanIn)).squareRoot()
        return TorchvisionWeights.array(shape, path: name) { u in
            switch name.split(separator: "/")[1] {
            case "kernel", "pointwise_kernel", "depthwise_kernel": u * scale
            case "gamma": 1 + 0.5 * u
            case "moving_variance": 1 + u
            default: 0.4 * u
            }
        }
    }
}
