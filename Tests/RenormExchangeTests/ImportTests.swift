import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Networks that PyTorch's exporters and others wrote give what ONNX Runtime gives; what cannot be read is named, all of it.
@Suite struct ImportTests {
    private func network(_ name: String) throws -> ImportedNetwork {
        try ImportedNetwork(ONNXModel(reading: Fixture.url("onnx/\(name).onnx")))
    }

    @Test(arguments: [
        "torch-new", "torch-beside", "torch-17", "torch-17-separate", "torch-16", "torch-9",
        "torch-12-fixed-batch",
    ])
    func networksOfPyTorchGiveWhatONNXRuntimeGives(_ name: String) throws {
        let fixture = try Fixture("onnx/\(name)")
        let network = try network(name)
        #expect(network.image == [13, 13, 3] && network.classes == 5 && network.remarks == [])
        let images = fixture["images"].transposed([0, 2, 3, 1])
        let model = try network.makeModel()
        #expect(mismatch(try model.logits(images), fixture["logits"], tolerance: 1e-5) == nil)
        // Any batch, whatever the file's was.
        #expect(
            mismatch(try model.logits(images.rows(1..<2)), fixture["logits"].rows(1..<2), tolerance: 1e-5)
                == nil)
        // What is saved with a run is the same network.
        let saved = try JSONCoder.decode(
            Architecture.self, from: JSONCoder.encode(network.architecture(name: name)))
        #expect(saved == network.architecture(name: name))
    }

    @Test func layersAreNamedAsTheirWeights() throws {
        let network = try network("torch-17-separate")
        let names = [
            "conv1", "bn1", "block.0", "block.1", "block.3", "block.4", "reduce", "expand", "left", "norm",
            "fc",
        ]
        for name in names { #expect(network.weights["\(name).weight"] != nil, "\(name)") }
        #expect(network.weights["bn1.running_var"]?.shape == [8])
        let kinds = network.description.layers.map(\.kind)
        for kind in [
            "channel-shuffle", "silu", "hard-sigmoid", "hard-swish", "leaky-relu", "flatten", "relu6",
            "channels",
        ] {
            #expect(kinds.contains(kind), "\(kind): \(kinds)")
        }
        #expect(network.description.layers.last?.options == ["units": "classes", "bias": true])
    }

    /// Separate normalizations are the run's, so they can be converted and trained.
    @Test func normalizationsCanBeConverted() throws {
        let fixture = try Fixture("onnx/torch-17-separate")
        let network = try network("torch-17-separate")
        #expect(
            network.normalization == Normalization(.batch, epsilon: 1e-3)
                || network.normalization.epsilon == 1e-5)
        let epsilons = try network.makeModel().tracedNormalizations().map(\.normalization.epsilon)
        #expect(epsilons == [1e-3, 1e-3, 1e-5, 1e-6, 1e-5])
        var model = try network.makeModel()
        for part in ["bn1", "block", "norm"] {
            model = try model.converting(PathPattern(part), to: .batchRenorm)
        }
        #expect(model.variables["bn1.running_std"] != nil)
        let images = fixture["images"].transposed([0, 2, 3, 1])
        #expect(mismatch(try model.logits(images), fixture["logits"], tolerance: 1e-5) == nil)
    }

    @Test func channelsMayComeLast() throws {
        let fixture = try Fixture("onnx/channels-last")
        let network = try network("channels-last")
        #expect(network.image == [11, 11, 3] && network.classes == 6)
        #expect(network.remarks == ["The Softmax at its end is left out: networks give logits here."])
        let logits = try network.makeModel().logits(fixture["images"])
        #expect(mismatch(softmax(logits), fixture["logits"], tolerance: 1e-5) == nil)
        // Transposes are gone, the bias is the convolution's, and zeros belong to the convolution that reads them.
        let layers = network.description.layers
        #expect(
            layers.map(\.kind) == [
                "linear", "convolution", "relu", "convolution", "normalization", "relu6", "max-pool",
                "flatten", "dense",
            ])
        #expect(layers[7].options == ["channels-first": false])
        #expect(network.weights["conv.bias"] != nil && network.weights["dense.bias"]?.shape == [6])
    }

    // MARK: What cannot be read

    private static func graph(
        _ nodes: [ONNXNode], initializers: [String: NDArray] = [:], shape: [Int] = [1, 3, 8, 8]
    ) -> ONNXModel {
        var graph = ONNXGraph(
            nodes: nodes, inputs: [ONNXValue("x", shape: shape.map { $0 < 0 ? .named("N") : .fixed($0) })],
            outputs: [ONNXValue("y", shape: nil)])
        for (name, array) in initializers.sorted(by: { $0.key < $1.key }) { graph.initializers[name] = array }
        return ONNXModel(graph: graph)
    }

    private func error(_ model: ONNXModel, image: TensorShape? = nil) -> String {
        do {
            _ = try ImportedNetwork(model, image: image)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func whatIsNotSupportedIsListedWhole() throws {
        let text = error(
            Self.graph(
                [
                    ONNXNode("Conv", ["x", "w"], ["a"], name: "first", ["pads": .integers([1, 1, 1, 1])]),
                    ONNXNode("Einsum", ["a"], ["b"], name: "second"),
                    ONNXNode("Relu", ["b"], ["c"], name: "third"),
                    ONNXNode("Resize", ["c"], ["d"], name: "fourth"),
                    ONNXNode("FusedConv", ["d"], ["e"], name: "fifth", domain: "com.microsoft"),
                    ONNXNode("MaxPool", ["a"], ["f"], name: "sixth", ["kernel_shape": .integers([2, 3])]),
                    ONNXNode("Add", ["e", "f"], ["y"], name: "seventh"),
                ], initializers: ["w": NDArray(zeros: [4, 3, 3, 3])]))
        for part in [
            "4 parts", "Einsum 'second' (no layer does this)", "Resize 'fourth'",
            "com.microsoft.FusedConv 'fifth'",
            "MaxPool 'sixth' (windows of [2, 3]",
        ] { #expect(text.contains(part), "\(text)") }
        for part in ["third", "seventh", "first"] { #expect(!text.contains(part), "\(text)") }
    }

    @Test func graphsThatNobodyCanRunAreNamed() throws {
        let relu = ONNXNode("Relu", ["x"], ["y"])
        var twoInputs = Self.graph([relu])
        twoInputs.graph.inputs.append(ONNXValue("z", shape: [.fixed(1)]))
        var twoOutputs = Self.graph([relu])
        twoOutputs.graph.outputs.append(ONNXValue("x", shape: nil))
        let constant: [String: NDArray] = ["w": NDArray(zeros: [2, 2])]
        for (model, expected) in [
            (
                Self.graph([
                    ONNXNode("Add", ["x", "b"], ["a"]), ONNXNode("Relu", ["a"], ["b"]),
                    ONNXNode("Relu", ["b"], ["y"]),
                ]), "a cycle"
            ),
            (Self.graph([ONNXNode("Relu", ["y"], ["y"])]), "a cycle"),
            (Self.graph([ONNXNode("Add", ["x", "q"], ["y"])]), "nothing makes its input 'q'"),
            (Self.graph([]), "nothing makes 'y'"),
            (Self.graph([relu, ONNXNode("Abs", ["x"], ["y"])]), "'y' is made twice"),
            (Self.graph([ONNXNode("Relu", ["x"], ["x"]), relu]), "'x' is made twice"),
            (twoInputs, "2 inputs: 'x', 'z'"), (twoOutputs, "2 outputs: 'y', 'x'"),
            (Self.graph([relu], shape: [1, 3, 1 << 20, 1 << 20]), "at most 2^28 values"),
            (Self.graph([relu], shape: [1, 3]), "2 axes"),
            (Self.graph([relu], shape: [-1, 3, -1, -1]), "leaves the size of images open"),
            (Self.graph([relu]), "an output of shape [N, 3, 8, 8]"),
            (
                Self.graph([ONNXNode("Identity", ["w"], ["y"])], initializers: constant),
                "does not depend on the images"
            ),
            (
                Self.graph([ONNXNode("Conv", ["x", "w"], ["y"])], initializers: constant),
                "a weight of 2 axes"
            ),
            (
                Self.graph(
                    [ONNXNode("Conv", ["x", "w"], ["y"])], initializers: ["w": NDArray(zeros: [4, 2, 3, 3])]),
                "does not fit 3 channels"
            ),
            (
                Self.graph(
                    [ONNXNode("Conv", ["x", "w"], ["y"])], initializers: ["w": NDArray(zeros: [4, 3, 9, 9])]),
                "a window of [9, 9] on images of [8, 8]"
            ),
            (
                Self.graph(
                    [ONNXNode("Reshape", ["x", "s"], ["y"])],
                    initializers: ["s": NDArray([1, 7] as [Int64], shape: [2])]), "a reshape to [1, 7]"
            ),
            (
                Self.graph(
                    [ONNXNode("ConstantOfShape", ["s"], ["c"]), ONNXNode("Add", ["x", "c"], ["y"])],
                    initializers: ["s": NDArray([1 << 20, 1 << 20] as [Int64], shape: [2])]),
                "values is computed"
            ),
            (Self.graph([ONNXNode("Relu", [], ["y"])]), "input 0 is missing"),
        ] {
            let text = error(model)
            #expect(text.contains(expected), "\(expected): \(text)")
        }
        #expect(error(ONNXModel(opsets: ["": 6], graph: Self.graph([relu]).graph)).contains("version 6"))
    }

    @Test func theSizeOfImagesCanBeGiven() throws {
        let nodes = [
            ONNXNode("GlobalAveragePool", ["x"], ["a"]), ONNXNode("Flatten", ["a"], ["y"]),
        ]
        let network = try ImportedNetwork(Self.graph(nodes, shape: [-1, 3, -1, -1]), image: [7, 9, 3])
        #expect(network.image == [7, 9, 3] && network.classes == 3)
        #expect(
            error(Self.graph(nodes), image: [7, 9, 3]).contains(
                "an input of images [8, 8, 3], where [7, 9, 3]"))
    }
}
