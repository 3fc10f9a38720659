import Foundation
import Renorm
import RenormTestSupport
import Testing

@Suite struct MobileNetV2Tests {
    private struct Entry: Decodable {
        var path: String
        var shape: TensorShape
    }

    private func model(_ stem: Stem, side: Int, width: Double = 0.25) throws -> Model {
        try Architecture(
            name: "mobilenetv2:\(width)", stem: stem, classes: 10, input: [side, side, 3],
            normalization: Normalization(.batch)
        ).makeModel(seed: 1)
    }

    @Test func variablesAndCostsAreTorchvisions() throws {
        let data = try Data(contentsOf: Fixture.url("torchvision/state_dicts.json"))
        let expected = try JSONCoder.decode([String: [Entry]].self, from: data)["mobilenet_v2"]!
        let description = try ModelDescription(
            of: MobileNetV2(classes: 1000, normalization: Normalization(.batch)), input: [224, 224, 3])
        #expect(description.variables.map(\.path) == expected.map(\.path))
        #expect(description.variables.map(\.shape) == expected.map(\.shape))
        #expect(description.parameters == 3_504_872)
        #expect(description.multiplyAdds == 300_774_272)
    }

    @Test(arguments: [Stem.cifar, .imagenet])
    func logitsAreTorchvisions(_ stem: Stem) throws {
        let fixture = try Fixture("torchvision/mobilenet")
        let side = stem == .cifar ? 32 : 64
        var model = try model(stem, side: side)
        model.variables = TorchvisionWeights.variables(like: model.variables)
        let images = TorchvisionWeights.images(side: side)
        let place = "mobilenet_v2/\(stem)"
        let inference = try model.output(images)
        #expect(mismatch(inference, fixture["\(place)/inference/logits"], tolerance: 1e-9) == nil)

        var phase = Phase.training
        phase.dropout = false
        let (training, after) = try model.run(images, phase: phase)
        #expect(mismatch(training, fixture["\(place)/training/logits"], tolerance: 1e-9) == nil)
        let statistics = fixture.arrays(under: "\(place)/training/").filter { $0.name != "logits" }
        #expect(statistics.count == 4)
        for (path, value) in statistics {
            #expect(mismatch(after[path]!.value, value, tolerance: 1e-9, of: path) == nil)
        }
    }

    @Test func initialValuesAreTorchvisions() throws {
        let variables = try model(.imagenet, side: 32, width: 1).variables
        func deviation(_ path: String) -> Double {
            let values = variables[path]!.value.doubles
            return (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
        }
        // 12,800 values have a deviation within 3 % of their distribution's.
        #expect(abs(deviation("classifier.1.weight") / 0.01 - 1) < 0.03)
        #expect(abs(deviation("features.18.0.weight") / (2.0 / 1280).squareRoot() - 1) < 0.03)
        #expect(abs(deviation("features.17.conv.1.0.weight") / (2.0 / (960 * 9)).squareRoot() - 1) < 0.05)
        #expect(variables["classifier.1.bias"]!.value.doubles.allSatisfy { $0 == 0 })
    }

    @Test func channelsAreRoundedAsTorchvisions() throws {
        let variables = try model(.imagenet, side: 32, width: 1.4).variables
        let expected = [
            "features.0.0.weight": [48, 3, 3, 3], "features.2.conv.2.weight": [32, 144, 1, 1],
            "features.17.conv.2.weight": [448, 1344, 1, 1], "features.18.0.weight": [1792, 448, 1, 1],
        ]
        for (path, shape) in expected {
            #expect(variables[path]?.value.shape.dimensions == shape, "\(path)")
        }
        #expect(try model(.imagenet, side: 32).variables["features.18.0.weight"]?.value.shape[0] == 1280)
    }

    @Test(arguments: [(28, 4), (32, 4)])
    func smallImagesKeepFourPixelsASide(_ side: Int, _ last: Int) throws {
        let description = try model(.cifar, side: side).describe()
        let output = description.layers.last { $0.path.hasPrefix("features") }?.output
        #expect(output == [1, last, last, 1280])
    }

    @Test func dropoutDropsBeforeTheClassifier() throws {
        let model = try model(.cifar, side: 28)
        let images = NDArray([Float](repeating: 0.5, count: 2 * 28 * 28 * 3), shape: [2, 28, 28, 3])
        let (first, second) = try (
            model.output(images, phase: .training, step: 0), model.output(images, phase: .training, step: 1)
        )
        #expect(first != second)
    }
}
