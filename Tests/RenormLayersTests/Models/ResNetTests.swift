import Foundation
import Renorm
import RenormTestSupport
import Testing

@Suite struct ResNetTests {
    private func model(
        _ name: String, classes: Int, stem: Stem, side: Int,
        _ normalization: Normalization = Normalization(.batch)
    ) throws -> Model {
        try Architecture(
            name: name, stem: stem, classes: classes, input: [side, side, 3], normalization: normalization
        ).makeModel(seed: 1)
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
