import Foundation
import Renorm
import Testing

@Suite struct ModelDescriptionTests {
    @Test func smallHasItsShapesAndTotals() throws {
        let small = Small(classes: 10, normalization: Normalization(.batchRenorm))
        let description = try Model(small, input: [28, 28, 1]).describe(batch: 64)
        let rows = description.layers.map {
            "\($0.path) | \($0.summary) | \($0.input) | \($0.output) | \($0.parameters) | \($0.multiplyAdds)"
        }
        #expect(
            rows == [
                "conv1 | convolution 3×3 | [64, 28, 28, 1] | [64, 28, 28, 32] | 288 | 225792",
                "bn1 | batch-renorm normalization | [64, 28, 28, 32] | [64, 28, 28, 32] | 64 | 0",
                "conv2 | convolution 3×3 | [64, 28, 28, 32] | [64, 28, 28, 32] | 9216 | 7225344",
                "bn2 | batch-renorm normalization | [64, 28, 28, 32] | [64, 28, 28, 32] | 64 | 0",
                "pool1 | max pool 2×2 stride 2 | [64, 28, 28, 32] | [64, 14, 14, 32] | 0 | 0",
                "conv3 | convolution 3×3 | [64, 14, 14, 32] | [64, 14, 14, 64] | 18432 | 3612672",
                "bn3 | batch-renorm normalization | [64, 14, 14, 64] | [64, 14, 14, 64] | 128 | 0",
                "conv4 | convolution 3×3 | [64, 14, 14, 64] | [64, 14, 14, 64] | 36864 | 7225344",
                "bn4 | batch-renorm normalization | [64, 14, 14, 64] | [64, 14, 14, 64] | 128 | 0",
                "pool2 | max pool 2×2 stride 2 | [64, 14, 14, 64] | [64, 7, 7, 64] | 0 | 0",
                "conv5 | convolution 3×3 | [64, 7, 7, 64] | [64, 7, 7, 128] | 73728 | 3612672",
                "bn5 | batch-renorm normalization | [64, 7, 7, 128] | [64, 7, 7, 128] | 256 | 0",
                "avgpool | global average pool | [64, 7, 7, 128] | [64, 128] | 0 | 0",
                "fc | dense | [64, 128] | [64, 10] | 1290 | 1280",
            ])
        #expect(description.parameters == 140_458)
        #expect(description.layers.map(\.parameters).reduce(0, +) == 140_458)
        #expect(description.trainableParameters == 140_458)
        #expect(description.statistics == 640 + 5 * 6 + 640)
        #expect(description.multiplyAdds == 21_903_104)
        #expect(description.batch == 64 && description.warnings == [])
    }

    @Test func groupsAndDilationCount() throws {
        let network = Sequential {
            Convolution(8, kernel: 3, groups: 2, bias: false)
            Convolution.depthwise(kernel: 5, bias: false)
            Flatten()
            Dense(3, bias: false)
        }
        let description = try Model(network, input: [6, 6, 4]).describe(batch: 5)
        #expect(
            description.layers.map(\.multiplyAdds) == [36 * 8 * 2 * 9, 36 * 8 * 25, 0, 36 * 8 * 3])
    }

    @Test func variablesSayWhatIsFrozen() throws {
        let small = Small(classes: 10, width: 0.5, normalization: Normalization(.batch(examples: 4)))
        let model = try Model(small, input: [28, 28, 1], overrides: [.freeze("**.bn1"), .freeze("fc")])
        let description = try model.describe()
        let frozen = description.variables.filter { $0.kind == .parameter && !$0.isTrainable }.map(\.path)
        #expect(frozen == ["bn1.weight", "bn1.bias", "fc.weight", "fc.bias"])
        #expect(description.parameters - description.trainableParameters == 32 + 650)
        #expect(description.variables.map(\.path) == model.variables.paths)
        let mean = try #require(description.variables.first { $0.path == "bn2.running_mean" })
        #expect(mean.kind == .statistic && mean.shape == [16] && !mean.isTrainable)
    }

    @Test func isSavedAndRead() throws {
        let small = Small(classes: 10, width: 0.25, normalization: Normalization(.group(4)))
        let description = try Model(small, input: [12, 12, 1]).describe()
        let data = try JSONCoder.encode(description)
        #expect(try JSONCoder.decode(ModelDescription.self, from: data) == description)
    }
}
