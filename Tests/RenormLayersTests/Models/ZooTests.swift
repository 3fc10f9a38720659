import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Every network of the zoo against the original: torchvision's or, where it has none, timm's.
@Suite struct ZooTests {
    private func fixture(_ zoo: ZooCase) throws -> (fixture: Fixture, description: ZooDescription) {
        let fixture = try Fixture("zoo/\(zoo.fixture)")
        return (fixture, try fixture.description(as: ZooDescription.self))
    }

    /// Xception is compared with Keras' (`XceptionTests`).
    @Test func everyNetworkAndEveryFixtureHasARow() throws {
        let tested = Set(ZooCase.all.map { $0.name.prefix { $0 != ":" } })
        // These are other tests'.
        #expect(
            Set(Networks.table.names.map { $0.prefix { $0 != ":" } }).subtracting(["flat", "surgery"])
                == tested.union(["small"]))
        let files = try FileManager.default.contentsOfDirectory(atPath: Fixture.url("zoo").path)
        #expect(Set(files) == Set(ZooCase.all.map { "\($0.fixture).safetensors" }))
    }

    /// Names, shapes and order, so that a file of the original loads strictly; and what it is said to cost.
    @Test(arguments: ZooCase.published)
    func variablesAndCostsAreTheOriginals(_ zoo: ZooCase) throws {
        let expected = try fixture(zoo).description
        let side = try #require(expected.own)
        let found = try ModelDescription(of: zoo.layer(classes: 1000, side: side), input: [side, side, 3])
        let variables = found.variables.map {
            ([$0.path] + $0.shape.dimensions.map(String.init)).joined(separator: " ")
        }
        #expect(variables == expected.variables)
        #expect(
            found.variables.allSatisfy { ($0.kind == .counter) == $0.path.hasSuffix("num_batches_tracked") })
        #expect(found.parameters == expected.parameters)
        #expect(found.multiplyAdds == expected.multiplyAdds)
        #expect(found.layers.map(\.multiplyAdds).reduce(0, +) == found.multiplyAdds)
        #expect(found.layers.map(\.parameters).reduce(0, +) == found.parameters)
        if let published = expected.published?.parameters { #expect(found.parameters == published) }
        if let published = expected.published?.gigaMultiplyAdds {
            #expect(abs(Double(found.multiplyAdds) / 1e9 - published) < 0.0006)
        }
    }

    @Test(arguments: ZooCase.usual)
    func logitsLossAndEveryGradientAreTheOriginals(_ zoo: ZooCase) throws {
        let (fixture, description) = try fixture(zoo)
        let layer = try zoo.narrow(zoo.layer(side: description.side))
        let run = try ZooRun(
            zoo.model(of: layer, side: description.side),
            images: TorchvisionWeights.images(side: description.side),
            labels: NDArray(description.labels, shape: [2]), engine: ReferenceEngine(precision: .f64))
        for (what, distance) in run.distances(from: fixture, "small") {
            #expect(distance < 1e-8, "\(what)")
        }
    }

    /// Rounding grows on its way through a network whose weights are random, and most where an input of an activation lies within it
    /// of a corner: two runs of PyTorch in f32, with sums in another order and variables off by half a unit in the last place, differ by up to
    /// some percent in a gradient. So `rounding` is how far they do, and a third way may do some times as badly.
    @Test(.serialized, arguments: testsAreThorough ? ZooCase.published : [])
    func atItsOwnSizeTheFastEngineGivesTheSameToRounding(_ zoo: ZooCase) throws {
        let (fixture, description) = try fixture(zoo)
        let (side, rounding) = (try #require(description.own), try #require(description.rounding))
        let run = try ZooRun(
            zoo.model(of: zoo.narrow(zoo.layer(side: side)), side: side),
            images: TorchvisionWeights.images(side: side),
            labels: NDArray(description.labels, shape: [2]), engine: OneDNNEngine())
        let allowed = ["inference": rounding.inference, "training": rounding.training, "loss": rounding.loss]
        for (what, distance) in run.distances(from: fixture, "own") {
            let expected = allowed[what].map { 10 * $0 } ?? 4 * rounding.gradients
            #expect(distance < expected + 1e-6, "\(what)")
        }
    }

    @Test(arguments: ZooCase.usual.filter(\.normalization.keepsPopulation))
    func thereAndBackFromBatchToBatchRenormInferenceGivesWhatItGave(_ zoo: ZooCase) throws {
        let side = try fixture(zoo).description.side
        var model = try zoo.model(of: zoo.narrow(zoo.layer(side: side)), side: side)
        model.variables = model.variables.mapValues {
            Variable(kind: $1.kind, value: $1.kind == .counter ? $1.value : $1.value.converted(to: .f64))
        }
        let images = TorchvisionWeights.images(side: side)
        let renorm = try model.converting(to: .batchRenorm)
        let back = try renorm.converting(to: zoo.normalization)
        let expected = try model.output(images)
        #expect(try mismatch(renorm.output(images), expected, tolerance: 1e-10) == nil)
        #expect(try mismatch(back.output(images), expected, tolerance: 1e-10) == nil)
        #expect(back.variables.paths == model.variables.paths)
    }

    @Test(arguments: ZooCase.published.filter { !($0.normalization.kind is NoNormalization) })
    func everyNormalizationIsOneArgument(_ zoo: ZooCase) throws {
        func variables(_ kind: any NormalizationKind) throws -> [String] {
            var zoo = zoo
            zoo.normalization = Normalization(kind, epsilon: zoo.normalization.epsilon)
            let side = try max(64, fixture(zoo).description.side)
            return try ModelDescription(of: zoo.layer(side: side), input: [side, side, 3]).variables.map(
                \.path)
        }
        let batch = try variables(.batch)
        let averaged = batch.filter { $0.hasSuffix("running_var") }
        #expect(averaged.count > 5)
        let renorm = Set(try variables(.batchRenorm))
        #expect(renorm.isSuperset(of: batch.map { $0.replacing("running_var", with: "running_std") }))
        let ofTheBatch = ["running_mean", "running_var", "num_batches_tracked"]
        let own = batch.filter { path in !ofTheBatch.contains { path.hasSuffix($0) } }
        #expect(try variables(.group(zoo.groups)) == own)
        // VGG's convolutions are numbered otherwise.
        #expect(try variables(.none).count == own.count - 2 * averaged.count)
    }

    /// Variances by the original's rule.
    private static let initialVariances: [(name: String, path: String, variance: Double)] = [
        ("mobilenetv3-small", "features.12.0.weight", 2.0 / 576),
        ("mobilenetv3-small", "features.10.block.2.fc1.weight", 2.0 / 144),
        ("mobilenetv3-small", "classifier.0.weight", 1e-4),
        ("mobilenetv3-small", "classifier.3.weight", 1e-4),
        ("efficientnet-b0", "features.6.0.block.1.0.weight", 2.0 / 16_800),
        ("efficientnet-b0", "classifier.1.weight", 1.0 / 30),
        ("efficientnet-lite0", "blocks.5.1.conv_dw.weight", 2.0 / 25),
        ("efficientnet-lite0", "classifier.weight", 1.0 / 30),
        ("resnext50-32x4d", "layer4.0.conv2.weight", 2.0 / 9216),
        ("inceptionv3", "Mixed_6b.branch7x7_2.conv.weight", 0.01),
        ("inceptionv3", "AuxLogits.fc.weight", 1e-6),
        ("densenet121", "features.denseblock1.denselayer1.conv2.weight", 2.0 / 1152),
        ("shufflenetv2", "conv5.0.weight", 1.0 / 1392),
        ("regnet-y-400mf", "trunk_output.block4.block4-0.f.b.0.weight", 2.0 / 3960),
        ("convnext-tiny", "features.3.0.block.0.weight", 4e-4),
        ("convnext-tiny", "features.1.0.block.3.weight", 4e-4),
    ]

    /// Of 5,000 values and more the variance is within 10 % of their distribution's.
    @Test(arguments: initialVariances)
    func initialValuesAreTheOriginals(_ name: String, _ path: String, _ variance: Double) throws {
        let side = try fixture(ZooCase(name)).description.side
        let variables = try Model(ZooCase(name).layer(side: side), input: [side, side, 3], seed: 1).variables
        let values = try #require(variables[path]?.value.doubles)
        let found = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
        #expect(values.count > 5_000 && abs(found / variance - 1) < 0.1)
        let bias = path.replacing(".weight", with: ".bias")
        #expect(variables[bias]?.value.doubles.allSatisfy { $0 == 0 } ?? true)
    }

    /// Whole examples lose the bodies of their blocks, and the classifier's input loses values.
    @Test(arguments: ["efficientnet-b0", "efficientnet-lite0"])
    func efficientNetsDropInTrainingAlone(_ name: String) throws {
        let model = try ZooCase(name).model(of: ZooCase(name).layer(side: 32), side: 32)
        let images = TorchvisionWeights.images(side: 32)
        let engine = try OneDNNEngine(threads: 2)
        func output(_ phase: Phase, _ step: Int) throws -> NDArray {
            try model.output(images, phase: phase, step: step, engine: engine)
        }
        #expect(try output(.training, 0) != output(.training, 1))
        #expect(try output(.training, 1) == output(.training, 1))
        #expect(try output(.inference, 0) == output(.inference, 1))
        let stages = try model.describe().layers.filter { $0.summary.hasPrefix("stochastic depth") }
        // Blocks whose input is added, with rates that grow to 0.2.
        #expect(stages.count == 9 && stages.last?.summary.hasPrefix("stochastic depth 0.175") == true)
    }

    /// Unless a loss is made of its logits, no node of an auxiliary classifier is computed.
    @Test func anAuxiliaryClassifierCostsNothingOutsideOfTraining() throws {
        let model = Model(
            InceptionV3(classes: 10), input: [299, 299, 3], variables: Variables())
        let graph = try model.graph(batch: 1)
        func paths(_ graph: Graph) -> Set<String> { Set(graph.nodes.map(\.path)) }
        #expect(paths(graph).contains("AuxLogits.fc"))
        #expect(!paths(graph.pruned()).contains { $0.hasPrefix("AuxLogits") })
        let builder = GraphBuilder()
        let images = builder.input("images", shape: [2, 299, 299, 3])
        let traced = try model.trace(images, on: builder, phase: .training)
        let auxiliary = try #require(traced.auxiliaries.first)
        #expect(traced.auxiliaries.count == 1 && auxiliary.path == "AuxLogits" && auxiliary.weight == 0.4)
        #expect(auxiliary.logits.shape == [2, 10])
    }

    @Test(arguments: [
        ("_conv_stem.weight", "conv_stem.weight"), ("_bn0.running_var", "bn1.running_var"),
        ("_blocks.0._depthwise_conv.weight", "blocks.0.0.conv_dw.weight"),
        ("_blocks.0._bn1.weight", "blocks.0.0.bn1.weight"),
        ("_blocks.0._project_conv.weight", "blocks.0.0.conv_pw.weight"),
        ("_blocks.0._bn2.bias", "blocks.0.0.bn2.bias"),
        ("_blocks.1._expand_conv.weight", "blocks.1.0.conv_pw.weight"),
        ("_blocks.2._bn0.num_batches_tracked", "blocks.1.1.bn1.num_batches_tracked"),
        ("_blocks.3._bn1.running_mean", "blocks.2.0.bn2.running_mean"),
        ("_blocks.15._project_conv.weight", "blocks.6.0.conv_pwl.weight"),
        ("_blocks.15._bn2.running_var", "blocks.6.0.bn3.running_var"),
        ("_conv_head.weight", "conv_head.weight"), ("_bn1.bias", "bn2.bias"), ("_fc.bias", "classifier.bias"),
    ])
    func namesOfEfficientNetPyTorchAreKnown(_ theirs: String, _ ours: String) throws {
        let paths = try ModelDescription(
            of: ZooCase("efficientnet-lite0").layer(side: 32), input: [32, 32, 3]
        )
        .variables.map(\.path)
        #expect(NameTable.efficientNetPyTorch.translated(theirs, NDArray(scalar: Float(0))).path == ours)
        #expect(paths.contains(ours))
    }
}
