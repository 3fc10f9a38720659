import Foundation
import Renorm
import RenormTestSupport
import Testing

/// What goes out as ONNX: the files in `Tests/Fixtures/onnx/exported` are ours, ONNX Runtime has run them, and the same are
/// written today.
@Suite struct ExportTests {
    /// A way of exporting, by the name of its file.
    private struct Variant {
        var name: String
        var normalization: String
        var options = ONNXExportOptions()
    }

    private static let pixels = ONNXExportOptions.Pixels(mean: [0.4, 0.5, 0.6], deviation: [0.2])
    private static let variants =
        [
            "batch", "batch-renorm", "layer", "instance", "group:2", "position", "filter-response", "none",
            "batch weights=standardized", "batch scale=off shift=off",
        ].map { text in
            Variant(
                name: text.replacing(":", with: "-").replacing(" ", with: "-").replacing("=", with: "-"),
                normalization: text)
        } + [
            Variant(
                name: "folded", normalization: "batch", options: ONNXExportOptions(foldsNormalizations: true)),
            Variant(
                name: "pixels", normalization: "batch",
                options: ONNXExportOptions(
                    foldsNormalizations: true, pixels: pixels, givesProbabilities: true,
                    metadata: ["classes": "a,b,c,d,e"], version: "1")),
        ]

    private static let images = randomArray([5, 13, 13, 3], seed: 9, type: .f32)
    private static let bytes: NDArray = {
        var random = Random(seed: 9, stream: "bytes")
        return NDArray(
            (0..<5 * 13 * 13 * 3).map { _ in UInt8(random.integer(below: 256)) }, shape: [5, 13, 13, 3])
    }()

    private static func model(_ normalization: String, _ description: NetworkDescription = everyLayer) throws
        -> Model
    {
        var architecture = Architecture(
            name: "file", classes: 5, input: [13, 13, 3],
            normalization: try Normalization(parsing: normalization))
        architecture.description = description
        var model = try architecture.makeModel(seed: 2)
        model.variables = model.variables.withStatistics()
        return model
    }

    /// What `scripts/fixtures/onnx_files.py exported` gives to ONNX Runtime, where a folder for it is named.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["RENORM_ONNX_FIXTURES"] != nil))
    func fixturesAreWritten() throws {
        let folder = URL(fileURLWithPath: ProcessInfo.processInfo.environment["RENORM_ONNX_FIXTURES"]!)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for variant in Self.variants {
            try ONNXModel(exporting: Self.model(variant.normalization), options: variant.options)
                .write(to: folder.appendingPathComponent("\(variant.name).onnx"))
        }
        try NamedArrays(["images": Self.images.transposed([0, 3, 1, 2]), "bytes": Self.bytes])
            .write(safetensors: folder.appendingPathComponent("images.safetensors"))
    }

    @Test(arguments: variants.indices) func onnxRuntimeGivesWhatWeGive(_ index: Int) throws {
        let variant = Self.variants[index]
        let model = try Self.model(variant.normalization)
        let expected = try Fixture("onnx/exported/results")[variant.name]
        var images = Self.images
        if variant.options.pixels != nil {
            let scaled = Self.bytes.doubles.enumerated().map { ($1 / 255 - [0.4, 0.5, 0.6][$0 % 3]) / 0.2 }
            images = NDArray(scaled, shape: images.shape)
        }
        var logits = try model.logits(images)
        if variant.options.givesProbabilities { logits = softmax(logits) }
        #expect(mismatch(logits, expected, tolerance: 1e-5) == nil)
        // And what is written today is what it has run.
        let ran = try ONNXModel(reading: Fixture.url("onnx/exported/\(variant.name).onnx"))
        let now = try ONNXModel(exporting: model, options: variant.options)
        #expect(now.graph.nodes == ran.graph.nodes)
        #expect(now.metadata == ran.metadata && now.opsets == ran.opsets && now.irVersion == ran.irVersion)
        #expect(now.graph.inputs == ran.graph.inputs && now.graph.outputs == ran.graph.outputs)
        #expect(now.graph.initializers.keys == ran.graph.initializers.keys)
        for (name, array) in now.graph.initializers {
            #expect(mismatch(array, ran.graph.initializers[name]!, tolerance: 1e-6, of: name) == nil)
        }
    }

    @Test(arguments: ["batch", "batch-renorm", "group:2", "position", "filter-response"])
    func whatGoesOutComesInAgain(_ normalization: String) throws {
        // Windows that overlap are parts of images, and no layer that has a name.
        var description = everyLayer
        let place = try #require(description.layers.firstIndex { $0.kind == "adaptive-average-pool" })
        description.layers[place] = DescribedLayer("average-pool", ["window": 2, "stride": 1])
        let model = try Self.model(normalization, description)
        let network = try ImportedNetwork(ONNXModel(exporting: model))
        #expect(network.classes == 5 && network.image == [13, 13, 3] && network.remarks == [])
        let again = try network.makeModel()
        #expect(
            mismatch(try again.logits(Self.images), try model.logits(Self.images), tolerance: 1e-5) == nil)
    }

    @Test func variablesKeepTheirNames() throws {
        let model = try Self.model("batch")
        let onnx = try ONNXModel(exporting: model)
        for (path, variable) in model.variables where variable.kind != .counter {
            #expect(onnx.graph.initializers[path] == variable.value, "\(path)")
        }
        let folded = try ONNXModel(exporting: model, options: ONNXExportOptions(foldsNormalizations: true))
        #expect(folded.graph.initializers["conv1.weight"]?.shape == [8, 3, 3, 3])
        #expect(folded.graph.initializers["conv1.bias"]?.shape == [8])
        #expect(folded.graph.initializers["bn1.running_mean"] == nil)
        #expect(
            !folded.graph.nodes.contains { $0.operation == "BatchNormalization" && $0.name.hasPrefix("bn1") })
    }

    /// Channels are where ONNX has them from the beginning to the end: nothing is brought into another order.
    @Test(arguments: ["resnet18", "mobilenetv2", "small"]) func nothingIsTransposed(_ name: String) throws {
        let model = try Architecture(
            name: name, classes: 5, input: [32, 32, 3], normalization: Normalization(.batch)
        ).makeModel(seed: 1)
        let operations = try ONNXModel(exporting: model).graph.nodes.map(\.operation)
        #expect(!operations.contains("Transpose"))
        #expect(operations.filter { $0 == "Reshape" }.count <= 1)
    }

    @Test func whatOnnxHasNoWordsForIsNamed() throws {
        struct BatchOrder: Layer {
            func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
                try x.slice(starts: [0, 0, 0, 0], shape: [1, 4, 4, 3]).broadcast(to: x.shape)
                    .globalAveragePool()
            }
        }
        let model = Model(BatchOrder(), input: [4, 4, 3], variables: Variables())
        let error = #expect(throws: ExchangeError.self) { try ONNXModel(exporting: model) }
        #expect(
            error?.description.contains("slice") == true && error?.description.contains("batch") == true,
            "\(error as Any)")
        let pixels = ONNXExportOptions(pixels: .init(mean: [0, 0], deviation: [1]))
        let wrong = #expect(throws: ExchangeError.self) {
            try ONNXModel(exporting: Self.model("batch"), options: pixels)
        }
        #expect(wrong?.description.contains("2 numbers for 3 channels") == true)
    }
}
