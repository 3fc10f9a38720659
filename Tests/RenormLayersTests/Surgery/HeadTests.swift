import Renorm
import RenormTestSupport
import Testing

@Suite struct HeadTests {
    private func architecture(
        _ name: String, classes: Int = 4, input: TensorShape = [32, 32, 3],
        _ normalization: Normalization = Normalization(.batch)
    ) -> Architecture {
        Architecture(name: name, classes: classes, input: input, normalization: normalization)
    }

    @Test(arguments: [
        ("small:0.25", ["fc.weight", "fc.bias"], "conv1.weight"),
        ("resnet18", ["fc.weight", "fc.bias"], "conv1.weight"),
        ("mobilenetv2:0.25", ["classifier.1.weight", "classifier.1.bias"], "features.0.0.weight"),
    ])
    func theHeadAndTheFirstConvolutionAreFoundByTracing(_ name: String, head: [String], first: String) throws
    {
        #expect(try architecture(name).headPaths() == head)
        #expect(try architecture(name).inputPaths() == [first])
        #expect(try architecture(name, classes: 1 << 20).headPaths() == head)
    }

    @Test func aHeadForOtherClassesStartsAnewAndNothingElse() throws {
        let old = architecture("small:0.25", input: [8, 8, 1])
        var model = try old.makeModel(seed: 1)
        model.overrides = [.freeze("conv1")]
        var new = old
        new.classes = 7
        let adapted = try AdaptedModel(new, from: model, of: old, seed: 5)
        #expect(adapted.fresh == ["fc.weight", "fc.bias"] && adapted.adapted == [])
        #expect(try adapted.model.outputShape() == [1, 7])
        #expect(adapted.model.overrides == model.overrides)
        for path in model.variables.paths where !path.hasPrefix("fc") {
            #expect(adapted.model.variables[path] == model.variables[path])
        }
        #expect(try adapted.model.variables["fc.weight"] == new.makeModel(seed: 5).variables["fc.weight"])
        #expect(try AdaptedModel(old, from: model, of: old, seed: 5).model.variables == model.variables)
    }

    @Test func withoutItsHeadANetworkGivesFeatures() throws {
        for (name, head) in [("small:0.25", "fc"), ("mobilenetv2:0.25", "classifier.1")] {
            let model = try architecture(name).makeModel(seed: 1)
            let features = try model.removingLayer(head)
            #expect(features.variables.count == model.variables.count - 2)
            let images = randomArray([2, 32, 32, 3])
            let (found, logits) = try (features.output(images).doubles, model.output(images).doubles)
            // The head applied by hand.
            let weight = model.variables["\(head).weight"]!.value
            let (classes, width) = (weight.shape[0], weight.shape[1])
            #expect(try features.outputShape() == [1, width])
            for (index, logit) in logits.enumerated() {
                let (row, column) = (index / classes, index % classes)
                let sum = (0..<width).reduce(0) {
                    $0 + found[row * width + $1] * weight.doubles[column * width + $1]
                }
                #expect(abs(sum - logit) < 1e-9)
            }
        }
        let model = try architecture("small:0.25").makeModel(seed: 1)
        #expect(throws: GraphError.self) { try model.removingLayer("head") }
        // The next layer takes fewer channels.
        #expect(throws: Never.self) { try model.removingLayer("bn1") }
    }

    // MARK: Channels and size of images

    @Test(arguments: [1, 2, 4, 7])
    func otherInputChannelsGetTheWeightsThatTimmGivesThem(_ channels: Int) throws {
        let fixture = try Fixture("surgery")
        Networks.table.register(
            "surgery", replaces: true,
            Network { request, _ in
                var convolution = Convolution(4, kernel: 3, bias: false)
                convolution.kernel = [3, 2]
                return Sequential {
                    ConvolutionUnit(convolution, request.normalization, names: ("conv", "bn"))
                    GlobalAveragePool()
                    Dense(request.classes).named("fc")
                }
            })
        let old = architecture("surgery", input: [8, 8, 3])
        var model = try old.makeModel(seed: 1)
        model.variables["conv.weight"]!.value = fixture["adapt.weight"]
        var new = old
        new.input = [8, 8, channels]
        let adapted = try AdaptedModel(new, from: model, of: old, seed: 5)
        #expect(adapted.adapted == ["conv.weight"] && adapted.fresh == [])
        let found = adapted.model.variables["conv.weight"]!.value
        #expect(mismatch(found, fixture["adapt.\(channels)"], tolerance: 1e-7) == nil)
    }

    @Test func aGreyPictureGetsTheAnswerThatItHadInColours() throws {
        let old = architecture("small:0.25", input: [8, 8, 3])
        let model = try old.makeModel(seed: 1)
        var new = old
        new.input = [8, 8, 1]
        let grey = try AdaptedModel(new, from: model, of: old, seed: 5).model
        let images = randomArray([2, 8, 8, 1])
        let colours = NDArray(images.doubles.flatMap { [$0, $0, $0] }, shape: [2, 8, 8, 3])
        #expect(try mismatch(grey.output(images), model.output(colours), tolerance: 1e-6) == nil)
    }

    @Test func whatDependsOnTheSizeOfImagesIsRefusedOrStartsAnew() throws {
        Networks.table.register(
            "flat", replaces: true,
            Network { request, _ in
                Sequential {
                    ConvolutionUnit(
                        Convolution(4, kernel: 3, bias: false), request.normalization, names: ("conv", "bn"))
                    Flatten()
                    Dense(5).named("hidden")
                    Dense(request.classes).named("fc")
                }
            })
        let old = architecture("flat", input: [8, 8, 1])
        let model = try old.makeModel(seed: 1)
        var new = old
        new.input = [10, 8, 1]
        let error = #expect(throws: GraphError.self) { try AdaptedModel(new, from: model, of: old, seed: 5) }
        #expect(error?.description.contains("'hidden.weight'") == true, "\(String(describing: error))")
        let adapted = try AdaptedModel(new, from: model, of: old, seed: 5, freshens: true)
        #expect(adapted.fresh == ["hidden.weight"])
        #expect(adapted.model.variables["conv.weight"] == model.variables["conv.weight"])
        // Where nothing depends on it, nothing has to be asked for.
        let small = architecture("small:0.25", input: [8, 8, 1])
        var larger = small
        larger.input = [12, 16, 1]
        #expect(try AdaptedModel(larger, from: small.makeModel(seed: 1), of: small, seed: 5).fresh == [])
        var other = small
        other.normalization = Normalization(.group(2))
        #expect(throws: GraphError.self) {
            try AdaptedModel(other, from: small.makeModel(seed: 1), of: small, seed: 5)
        }
    }
}
