import Foundation
import Renorm
import RenormTestSupport
import Testing

@Suite struct ResNetTests {
    private struct Entry: Decodable {
        var path: String
        var shape: TensorShape
        var type: String
    }

    private func model(
        _ name: String, classes: Int, stem: Stem, side: Int,
        _ normalization: Normalization = Normalization(.batch)
    ) throws -> Model {
        try Architecture(
            name: name, stem: stem, classes: classes, input: [side, side, 3], normalization: normalization
        ).makeModel(seed: 1)
    }

    @Test(arguments: [
        ("resnet18", 11_689_512, 1_814_073_344), ("resnet34", 21_797_672, 3_663_761_408),
        ("resnet50", 25_557_032, 4_089_184_256),
    ])
    func variablesAndCostsAreTorchvisions(_ name: String, parameters: Int, multiplyAdds: Int) throws {
        let data = try Data(contentsOf: Fixture.url("torchvision/state_dicts.json"))
        let expected = try JSONCoder.decode([String: [Entry]].self, from: data)[name]!
        let network = Architecture(
            name: name, stem: .imagenet, classes: 1000, input: [224, 224, 3],
            normalization: Normalization(.batch))
        let layer = try network.makeLayer()
        let description = try ModelDescription(of: layer, input: network.input)
        #expect(description.variables.map(\.path) == expected.map(\.path))
        for (variable, entry) in zip(description.variables, expected) {
            #expect(variable.shape == entry.shape, "\(entry.path)")
            #expect((variable.kind == .counter) == (entry.type == "int64"), "\(entry.path)")
        }
        #expect(description.parameters == parameters)
        #expect(description.multiplyAdds == multiplyAdds)
        #expect(description.layers.map(\.parameters).reduce(0, +) == parameters)
        #expect(description.layers.map(\.multiplyAdds).reduce(0, +) == multiplyAdds)
    }

    @Test(arguments: ["resnet18", "resnet50"], [Stem.cifar, .imagenet])
    func logitsAreTorchvisions(_ name: String, _ stem: Stem) throws {
        let fixture = try Fixture("torchvision/logits")
        let side = stem == .cifar ? 32 : 64
        var model = try model(name, classes: 10, stem: stem, side: side)
        model.variables = TorchvisionWeights.variables(like: model.variables)
        let images = TorchvisionWeights.images(side: side)
        let place = "\(name)/\(stem)"
        let inference = try model.output(images)
        #expect(mismatch(inference, fixture["\(place)/inference/logits"], tolerance: 1e-9) == nil)

        let (training, after) = try model.run(images, phase: .training)
        #expect(mismatch(training, fixture["\(place)/training/logits"], tolerance: 1e-9) == nil)
        let statistics = fixture.arrays(under: "\(place)/training/").filter { $0.name != "logits" }
        #expect(statistics.count == 4)
        for (path, value) in statistics {
            #expect(mismatch(after[path]!.value, value, tolerance: 1e-9, of: path) == nil)
        }
    }

    @Test func everyNormalizationIsOneArgument() throws {
        for kind: any NormalizationKind in [.batchRenorm, .frozen, .layer, .instance, .group(8), .none] {
            let variables = try model(
                "resnet18", classes: 10, stem: .cifar, side: 32, Normalization(kind)
            ).variables
            let normalizations = 20
            let each = kind is NoNormalization ? 0 : 2 + kind.statistics(channels: 8, epsilon: 1e-5).count
            #expect(variables.count == 20 + 2 + normalizations * each, "\(kind)")
            #expect((variables["layer4.1.bn2.running_std"] != nil) == (kind is BatchRenormalization))
        }
    }

    @Test func stemsDifferInTheirFirstConvolutionAndPooling() throws {
        let cifar = try model("resnet18", classes: 10, stem: .cifar, side: 32).describe()
        let imagenet = try model("resnet18", classes: 10, stem: .imagenet, side: 224).describe()
        #expect(cifar.layers[0].summary == "convolution 3×3")
        #expect(cifar.layers[0].output == [1, 32, 32, 64])
        #expect(imagenet.layers[0].summary == "convolution 7×7 stride 2")
        #expect(imagenet.layers[2].path == "maxpool" && imagenet.layers[2].output == [1, 56, 56, 64])
        #expect(cifar.layers.last { $0.path.hasPrefix("layer4") }?.output == [1, 4, 4, 512])
        #expect(imagenet.layers.last { $0.path.hasPrefix("layer4") }?.output == [1, 7, 7, 512])
    }
}
