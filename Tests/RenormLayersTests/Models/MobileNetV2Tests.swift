import Foundation
import Renorm
import RenormTestSupport
import Testing

@Suite struct MobileNetV2Tests {
    private func model(_ stem: Stem, side: Int, width: Double = 0.25) throws -> Model {
        try Architecture(
            name: "mobilenetv2:\(width)", stem: stem, classes: 10, input: [side, side, 3],
            normalization: Normalization(.batch)
        ).makeModel(seed: 1)
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
