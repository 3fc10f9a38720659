import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Networks by name are the networks in Swift, and what is no network is named.
@Suite struct NetworkDescriptionTests {
    private func network(_ json: String) throws -> NetworkDescription {
        try JSONCoder.decode(NetworkDescription.self, from: json)
    }

    private func layer(_ json: String, normalization: Normalization = Normalization(.batch)) throws
        -> any Layer
    {
        try network(json).makeLayer(classes: 5, normalization: normalization)
    }

    /// What the example's file says, as JSON, and the same network in Swift.
    private static let residual = """
        {"layers": [
          {"convolution": {"channels": 8, "kernel": 3}, "name": "conv1"}, {"normalization": null, "name": "bn1"}, "relu",
          {"residual": [{"convolution": 8}, "normalization", "relu", {"convolution": 8}, {"normalization": null}],
           "name": "stage1", "repeat": 2},
          {"residual": {"body": [{"convolution": {"channels": 16, "stride": 2}}, "normalization"],
                        "shortcut": [{"convolution": {"channels": 16, "kernel": 1, "stride": 2}}, "normalization"]}},
          "relu",
          {"branches": [[{"depthwise-convolution": 3}, "normalization", "relu6", {"convolution": {"channels": 4, "kernel": [1, 3]}}],
                        [{"max-pool": {"window": 3, "stride": 1, "padding": "same"}}]]},
          {"squeeze-excitation": 2, "name": "se"}, {"sequence": ["normalization", "silu"], "name": "last"},
          "global-average-pool", {"dropout": 0.1}, {"dense": "classes", "name": "head"}
        ]}
        """

    private func residualInSwift(_ normalization: Normalization) -> Sequential {
        func unit(_ convolution: Convolution, activation: (any Layer)? = nil) -> ConvolutionUnit {
            ConvolutionUnit(convolution, normalization, activation: activation)
        }
        var wide = Convolution(4, kernel: 1)
        wide.kernel = [1, 3]
        return Sequential {
            ConvolutionUnit(
                Convolution(8, kernel: 3, bias: false), normalization, names: ("conv1", "bn1"))
            for place in 0..<2 {
                Sequential {
                    Residual {
                        unit(Convolution(8, kernel: 3, bias: false), activation: ReLU())
                        unit(Convolution(8, kernel: 3, bias: false))
                    }
                }.named("stage1.\(place)")
            }
            Residual {
                unit(Convolution(16, kernel: 3, stride: 2, bias: false))
            } shortcut: {
                unit(Convolution(16, kernel: 1, stride: 2, bias: false))
            }
            ReLU()
            Branches {
                Sequential {
                    unit(.depthwise(kernel: 3, bias: false), activation: ReLU6())
                    wide
                }
                Sequential { MaxPool(3, stride: 1, padding: .same) }
            }
            SqueezeExcitation(2).named("se")
            Sequential {
                normalization
                SiLU()
            }.named("last")
            GlobalAveragePool()
            Dropout(0.1)
            Dense(5).named("head")
        }
    }

    @Test(arguments: ["batch", "batch-renorm", "group:2 weights=standardized", "filter-response"])
    func aDescribedNetworkIsTheOneInSwift(_ text: String) throws {
        let normalization = try Normalization(parsing: text)
        let described = try Model(
            layer(Self.residual, normalization: normalization), input: [8, 8, 3], seed: 1)
        let model = try Model(residualInSwift(normalization), input: [8, 8, 3], seed: 1)
        #expect(described.variables.paths == model.variables.paths)
        let images = randomArray([2, 8, 8, 3])
        for phase in [Phase.inference, .batchStatistics] {
            #expect(try described.output(images, phase: phase) == model.output(images, phase: phase))
        }
    }

    @Test func layersReadOneAnotherByName() throws {
        let described = try layer(
            """
            {"layers": [
              {"convolution": {"channels": 4, "kernel": 1}, "name": "a"},
              {"convolution": {"channels": 4, "kernel": 1}, "name": "b", "inputs": ["input"]},
              {"sigmoid": null, "name": "gate"},
              {"multiply": null, "inputs": ["a", "gate"], "name": "gated"},
              {"concatenate": null, "inputs": ["gated", "input", "a"]},
              {"add": null, "inputs": ["a", "b", "gated"]},
              "global-average-pool"
            ]}
            """)
        let model = try Model(described, input: [3, 3, 2], seed: 1)
        #expect(model.variables.paths == ["a.weight", "a.bias", "b.weight", "b.bias"])
        let images = randomArray([1, 3, 3, 2])
        func values(_ name: String, _ x: [Double]) -> [Double] {
            let (w, b) = (
                model.variables["\(name).weight"]!.value.doubles,
                model.variables["\(name).bias"]!.value.doubles
            )
            return (0..<4).map { w[2 * $0] * x[0] + w[2 * $0 + 1] * x[1] + b[$0] }
        }
        var expected = [Double](repeating: 0, count: 4)
        for pixel in 0..<9 {
            let x = Array(images.doubles[2 * pixel..<2 * pixel + 2])
            let (a, b) = (values("a", x), values("b", x))
            for c in 0..<4 { expected[c] += (a[c] + b[c] + a[c] / (1 + exp(-b[c]))) / 9 }
        }
        #expect(
            mismatch(try model.output(images), NDArray(expected, shape: [1, 4]), tolerance: 1e-12) == nil)
    }

    @Test func aNormalizationMayHaveItsOwnOptions() throws {
        let described = try layer(
            """
            {"layers": [{"normalization": {"epsilon": 0.5}}, {"normalization": "layer epsilon=0.25"},
                        {"normalization": {"kind": "group:2", "scale": false}}]}
            """, normalization: Normalization(.batchRenorm, epsilon: 0.125))
        let found = try Model(described, input: [2, 2, 4]).tracedNormalizations().map(\.normalization)
        #expect(
            found == [
                Normalization(.batchRenorm, epsilon: 0.5), Normalization(.layer, epsilon: 0.25),
                Normalization(.group(2), scale: false),
            ])
    }

    @Test func anArchitectureIsSavedWithItsDescription() throws {
        let description = try network(Self.residual)
        var architecture = Architecture(
            name: "file:net.yml", classes: 5, input: [8, 8, 3], normalization: Normalization(.batch))
        let withoutDescription = try JSONCoder.encode(architecture)
        #expect(try JSONCoder.decode(Architecture.self, from: withoutDescription) == architecture)
        #expect(throws: GraphError.self) { try architecture.makeLayer() }
        architecture.description = description
        let read = try JSONCoder.decode(Architecture.self, from: JSONCoder.encode(architecture))
        #expect(read == architecture)
        #expect(try read.makeModel(seed: 3).variables == architecture.makeModel(seed: 3).variables)
    }

    /// Layers, and where and what is wrong with them.
    @Test(arguments: [
        ("[\"rulu\"]", "layers[0]: found 'rulu'; expected one of convolution"),
        (
            "[\"relu\", {\"convolution\": 0}]",
            "layers[1].convolution.channels: found 0; expected a whole number from 1"
        ),
        ("[{\"convolution\": {\"chanels\": 3}}]", "layers[0].convolution: found no 'channels'"),
        (
            "[{\"convolution\": {\"channels\": 3, \"kernal\": 3}}]",
            "found the option 'kernal'; expected only channels, "
        ),
        (
            "[{\"relu\": null, \"sigmoid\": null}]",
            "layers[0]: found a map of relu, sigmoid; expected one layer"
        ),
        (
            "[{\"residual\": {\"body\": [\"relu\", {\"dense\": \"class\"}]}}]",
            "layers[0].residual.body[1].dense.units: found 'class'; expected a whole number"
        ),
        ("[{\"branches\": [[\"relu\"], [\"nothing\"]]}]", "layers[0].branches.layers[1][0]: found 'nothing'"),
        ("[{\"branches\": []}]", "layers[0].branches: found no branches"),
        ("[{\"relu\": 3}]", "layers[0].relu: found 3; expected nothing"),
        ("[\"add\"]", "layers[0]: found no inputs; expected 'inputs:'"),
        (
            "[{\"add\": null, \"inputs\": [\"x\"]}]",
            "layers[0].inputs: found 'x'; expected 'input' or the name"
        ),
        (
            "[{\"relu\": null, \"inputs\": [\"input\", \"input\"]}]",
            "layers[0].inputs: found 2 inputs; expected one"
        ),
        (
            "[{\"relu\": null, \"name\": \"a\"}, {\"relu\": null, \"name\": \"a\"}]",
            "layers[1]: found the name 'a'"
        ),
        ("[{\"relu\": null, \"name\": \"input\"}]", "layers[0]: found the name 'input'"),
        ("[{\"relu\": null, \"repeat\": 0}]", "layers[0].repeat: found 0; expected 1 to 1000"),
        (
            "[{\"relu\": null, \"repeat\": 2, \"inputs\": [\"input\"]}]",
            "expected no 'repeat' where there are 'inputs'"
        ),
        ("[{\"dropout\": 1}]", "layers[0].dropout.rate: found 1; expected a number from 0"),
        ("[{\"normalization\": \"bach\"}]", "layers[0].normalization.kind: found 'bach'"),
        ("[{\"normalization\": {\"epsilon\": -1}}]", "layers[0].normalization.epsilon: found -1"),
        (
            "[{\"max-pool\": {\"window\": 2, \"padding\": \"reflect\"}}]",
            "layers[0].max-pool.padding: found 'reflect'"
        ),
        ("[]", "layers: found no layers"), ("3", "found no list 'layers'"),
        ("[[\"relu\"]]", "layers[0]: found a list of 1; expected a layer"),
    ])
    func whatIsNoNetworkIsNamed(layers: String, expected: String) throws {
        let error = try #require(throws: DecodingError.self) { try network("{\"layers\": \(layers)}") }
        #expect(String(describing: error).contains(expected), "\(error)")
    }

    @Test func unknownKeysAreRefusedByName() throws {
        let error = try #require(throws: DecodingError.self) {
            try network("{\"layers\": [\"relu\"], \"class\": 3}")
        }
        #expect(
            String(describing: error).contains(
                "found 'class'; expected summary, image, normalization, layers"))
    }

    @Test func fewBytesDoNotBecomeAHugeNetwork() throws {
        var layer = "\"relu\""
        for _ in 0..<20 { layer = "{\"sequence\": [\(layer)], \"repeat\": 1000}" }
        let error = try #require(throws: DecodingError.self) { try network("{\"layers\": [\(layer)]}") }
        #expect(String(describing: error).contains("more than 100000 layers"))
        let deep =
            String(repeating: "{\"sequence\": [", count: 200) + "\"relu\""
            + String(repeating: "]}", count: 200)
        #expect(throws: DecodingError.self) { try network("{\"layers\": [\(deep)]}") }
        // What is made in Swift is not read by any decoder.
        var value: DescribedValue = ["relu"]
        for _ in 0..<200 { value = [["sequence": value]] }
        #expect(throws: DescriptionError.self) {
            try NetworkDescription([DescribedLayer("sequence", value)])
                .makeLayer(classes: 1, normalization: Normalization(.batch))
        }
    }

    @Test func aPackageAddsLayersOfItsOwn() throws {
        DescribedLayers.table.register(
            "test-block",
            DescribedLayers.Row("a block of a test", short: "channels") { options in
                let channels = try options.integer("channels", in: 1...8)
                return Sequential { Convolution(channels, kernel: 1) }
            })
        let model = try Model(
            layer("{\"layers\": [{\"test-block\": 3, \"name\": \"block\"}]}"), input: [1, 1, 2])
        #expect(model.variables["block.0.weight"]?.value.shape == [3, 2, 1, 1])
    }
}
