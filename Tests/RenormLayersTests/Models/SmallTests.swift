import Renorm
import Testing

@Suite struct SmallTests {
    @Test(arguments: [
        ("small", [32, 32, 64, 64, 128]), ("small:0.5", [16, 16, 32, 32, 64]),
        ("small:2", [64, 64, 128, 128, 256]), ("small:0.01", [1, 1, 1, 1, 1]),
    ])
    func widthScalesTheChannels(_ name: String, _ channels: [Int]) throws {
        let architecture = Architecture(
            name: name, classes: 10, input: [28, 28, 1], normalization: Normalization(.batchRenorm))
        let variables = try architecture.makeModel(seed: 1).variables
        for (index, (outputs, inputs)) in zip(channels, [1] + channels).enumerated() {
            let weight = variables["conv\(index + 1).weight"]
            #expect(weight?.value.shape == [outputs, inputs, 3, 3])
            #expect(variables["bn\(index + 1).running_std"]?.value.shape == [outputs])
            #expect(variables["conv\(index + 1).bias"] == nil)
        }
        #expect(variables["fc.weight"]?.value.shape == [10, channels[4]])
        #expect(variables["fc.bias"]?.value.shape == [10])
        #expect(variables.count == 5 * 8 + 2)
    }

    @Test(arguments: [
        "", "Small", "small:", "small:x", "small:0", "small:-1", "small:nan", "small:inf", "small:65",
        "resnet", "resnet20", "mobilenetv2:", "mobilenetv2:0", "mobilenet",
    ])
    func namesThatAreNotInTheZooAreErrors(_ name: String) {
        let architecture = Architecture(
            name: name, classes: 10, input: [28, 28, 1], normalization: Normalization(.batch))
        let error = #expect(throws: GraphError.self) { try architecture.makeLayer() }
        #expect(
            error?.description.hasPrefix(
                "model: found network '\(name)'; expected one of small, small:WIDTH, vgg11, vgg13, ") == true)
    }
}
