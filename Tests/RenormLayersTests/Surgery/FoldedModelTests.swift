import Renorm
import RenormTestSupport
import Testing

@Suite struct FoldedModelTests {
    /// A model whose averages, γ and β are not where they start, in f64.
    private func used(_ layer: any Layer, _ input: TensorShape, overrides: [Override] = []) throws -> Model {
        var model = try Model(layer, input: input, overrides: overrides, seed: 2)
        model.variables = model.variables.mapValues { path, variable in
            guard variable.kind != .counter else { return variable }
            var (variable, random) = (variable, Random(seed: 7, stream: path))
            let values = variable.value.doubles.map { value in
                path.hasSuffix("running_var") || path.hasSuffix("running_std")
                    ? 0.5 + random.uniform() : value + 0.1 * random.normal()
            }
            variable.value = NDArray(values, shape: variable.value.shape)
            return variable
        }
        return model
    }

    @Test(arguments: ["with bias", "without bias"])
    func weightsAreThoseOfPyTorch(_ name: String) throws {
        let fixture = try Fixture("surgery")
        let network = Sequential {
            Convolution(5, kernel: 3, bias: name == "with bias").named("conv")
            Normalization(.batch, epsilon: 1e-3).named("bn")
        }
        var model = try Model(network, input: [6, 6, 3])
        for path in model.variables.paths where !path.hasSuffix("tracked") {
            model.variables[path]!.value = fixture["fuse.\(path)"].converted(to: .f64)
        }
        let folded = try model.folded()
        #expect(folded.model.variables.paths == ["conv.weight", "conv.bias"])
        #expect(folded.folded.map(\.normalization) == ["bn"] && folded.folded.map(\.convolution) == ["conv"])
        #expect(folded.remaining == [])
        for part in ["weight", "bias"] {
            let found = folded.model.variables["conv.\(part)"]!.value
            #expect(mismatch(found, fixture["fuse.\(name).\(part)"], tolerance: 1e-14) == nil)
        }
    }

    @Test(arguments: [
        Normalization(.batch), Normalization(.batchRenorm, epsilon: 1e-3), Normalization(.frozen),
        Normalization(.batch, scale: false), Normalization(.batch, shift: false),
    ])
    func inferenceGivesWhatItGave(_ normalization: Normalization) throws {
        let networks: [(any Layer, TensorShape)] = [
            (Small(classes: 4, width: 0.25, normalization: normalization), [8, 8, 1]),
            (
                ResNet(
                    blocks: [1, 1], bottlenecks: true, classes: 3, stem: .cifar, normalization: normalization),
                [8, 8, 3]
            ),
            (MobileNetV2(classes: 3, width: 0.25, stem: .cifar, normalization: normalization), [16, 16, 3]),
        ]
        for (network, input) in networks.prefix(testsAreThorough ? 3 : 2) {
            let model = try used(network, input)
            let folded = try model.folded()
            #expect(folded.remaining == [])
            #expect(folded.folded.count == (try model.tracedNormalizations().count))
            #expect(folded.model.variables.allSatisfy { $0.variable.kind == .parameter })
            #expect(try folded.model.specifications().map(\.path) == folded.model.variables.paths)
            let images = randomArray(TensorShape([2] + input.dimensions))
            #expect(
                try mismatch(folded.model.output(images), model.output(images), tolerance: 1e-10) == nil)
            let again = try folded.model.folded()
            #expect(again.folded.isEmpty && again.model.variables == folded.model.variables)
        }
    }

    @Test func whatCannotBeFoldedIsNamedWithTheReason() throws {
        let network = Sequential {
            Normalization(.batch).named("first")
            ConvolutionUnit(
                Convolution(4, kernel: 3, padding: .all(1)), Normalization(.batch), names: ("conv", "folded"))
            Residual {
                Normalization(.batch).named("beside")
            }
            ConvolutionUnit(
                Convolution(4, kernel: 3), Normalization(.group(2)), names: ("conv2", "group"))
            ConvolutionUnit(
                Convolution(4, kernel: 1), Normalization(.batch, weights: .standardized),
                names: ("conv3", "standardized"))
            ConvolutionUnit(
                Convolution(4, kernel: 1), Normalization(.batch), names: ("conv4", "override"))
            Flatten()
            Dense(4).named("dense")
            Normalization(.batch).named("last")
        }
        let model = try used(
            network, [6, 6, 2], overrides: [Override("override", phase: .batchStatistics)])
        let folded = try model.folded()
        #expect(folded.folded.map(\.normalization) == ["folded"])
        #expect(
            folded.remaining.map { "\($0.path): \($0.reason)" } == [
                "first: it does not follow a convolution", "beside: it does not follow a convolution",
                "group: it has no averages: it normalizes each example by itself",
                "standardized: the weights before it go through a transform",
                "override: an override lets it normalize with the statistics of a batch at inference",
                "last: it does not follow a convolution",
            ])
        let images = randomArray([2, 6, 6, 2])
        #expect(try mismatch(folded.model.output(images), model.output(images), tolerance: 1e-10) == nil)
    }

    /// A convolution whose result is used twice, and two that share their weights.
    private struct Sharing: Layer {
        var sharesWeights: Bool

        func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
            let convolution = Convolution(2, kernel: 1, bias: false)
            let y = try scope.apply("conv", convolution, to: x)
            let z = try scope.apply("bn", Normalization(.batch), to: y)
            guard sharesWeights else { return try z + y }
            return try z + scope.sharing().apply("conv", convolution, to: x.relu())
        }
    }

    @Test func whatIsUsedTwiceIsNotFolded() throws {
        for (sharesWeights, reason) in [
            (false, "something else uses what the convolution gives"),
            (true, "another convolution has the same weights"),
        ] {
            let folded = try used(Sharing(sharesWeights: sharesWeights), [4, 4, 2]).folded()
            #expect(folded.remaining.map(\.reason) == [reason])
        }
    }
}
