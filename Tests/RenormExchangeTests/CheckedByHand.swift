import Foundation
import Renorm
import RenormTestSupport
import Testing

/// The folder of whole networks.
let checkFolder = ProcessInfo.processInfo.environment["RENORM_ONNX_CHECK"].map { URL(fileURLWithPath: $0) }

/// What `scripts/onnx_check.py` runs by hand with PyTorch and ONNX Runtime beside it, on whole networks: the folder that it
/// works in stands in RENORM_ONNX_CHECK.
@Suite(.enabled(if: checkFolder != nil), .serialized) struct CheckedByHand {
    private static let names =
        checkFolder == nil
        ? []
        : (ProcessInfo.processInfo.environment["RENORM_ONNX_NETWORKS"]?.split(separator: ",").map(String.init))
            ?? Networks.table.names

    /// Writes each network as ONNX, separate and folded, with images and our logits beside it, and reads it again.
    @Test(arguments: names) func networkGoesOut(_ name: String) throws {
        let network = try #require(Networks.table.find(name)?.value)
        for (suffix, text) in [
            ("", ""), ("-renorm", "batch-renorm"), ("-group", "group:8"), ("-layer", "layer"),
            ("-instance", "instance"), ("-response", "filter-response"),
            ("-standardized", "batch weights=standardized"),
        ] {
            if suffix != "", !["small", "resnet18"].contains(name) { continue }
            var normalization = network.normalization
            if suffix != "" { normalization.kind = try Normalization(parsing: text).kind }
            if suffix == "-standardized" { normalization = try Normalization(parsing: text) }
            let architecture = Architecture(
                name: name, stem: .imagenet, classes: 10, input: network.image, normalization: normalization)
            var model = try architecture.makeModel(seed: 7)
            model.variables = model.variables.withStatistics()
            let images = randomArray(
                TensorShape([5] + network.image.dimensions), seed: 3, type: .f32)
            let logits = try output(of: model, on: images)
            for folds in [false, true] where suffix == "" || !folds {
                let file = "\(name.replacing(":", with: "-"))\(suffix)\(folds ? "-folded" : "")"
                let onnx = try ONNXModel(
                    exporting: model, options: ONNXExportOptions(foldsNormalizations: folds))
                let url = checkFolder!.appendingPathComponent("out/\(file).onnx")
                try onnx.write(to: url)
                let read = try ONNXModel(reading: url)
                #expect(read == onnx)
                try compare(ImportedNetwork(read), images, logits, name: file)
                try NamedArrays(["images": images.transposed([0, 3, 1, 2]), "logits": logits])
                    .write(safetensors: checkFolder!.appendingPathComponent("out/\(file).safetensors"))
            }
        }
    }

    /// Reads each network that another program wrote, with what ONNX Runtime gave beside it.
    @Test(arguments: files) func networkComesIn(_ file: String) throws {
        let folder = checkFolder!.appendingPathComponent("in")
        let expected = try NamedArrays(safetensors: folder.appendingPathComponent("\(file).safetensors"))
        let network = try ImportedNetwork(
            ONNXModel(reading: folder.appendingPathComponent("\(file).onnx")))
        try compare(
            network, expected.arrays["images"]!.transposed([0, 2, 3, 1]), expected.arrays["logits"]!,
            name: file)
        let text = try JSONCoder.encode(network.description, isIndented: true)
        try AtomicFile.write(text, to: folder.appendingPathComponent("\(file).json"))
        for remark in network.remarks { print("\(file): \(remark)") }
    }

    private static let files: [String] = {
        guard let folder = checkFolder else { return [] }
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: folder.appendingPathComponent("in").path)
        return (names ?? []).filter { $0.hasSuffix(".onnx") }.map { String($0.dropLast(5)) }.sorted()
    }()

    private func compare(_ network: ImportedNetwork, _ images: NDArray, _ logits: NDArray, name: String)
        throws
    {
        let model = try network.makeModel()
        var found = try output(of: model, on: images)
        if !network.remarks.isEmpty { found = softmax(found) }
        let gap = zip(found.doubles, logits.doubles).map { abs($0 - $1) }.max()!
        print("\(name): \(gap / logits.doubles.map(abs).max()!)")
        #expect(mismatch(found, logits, tolerance: 1e-4, of: name) == nil)
        // What is saved with a run gives the same network.
        let saved = try JSONCoder.decode(
            Architecture.self, from: JSONCoder.encode(network.architecture(name: name)))
        #expect(saved == network.architecture(name: name))
    }

    private func output(of model: Model, on images: NDArray) throws -> NDArray {
        let engine = try OneDNNEngine(threads: 2)
        let store = try engine.makeStore(model.variables)
        let graph = try model.graph(batch: images.shape[0])
        return try engine.compile(graph).run(["images": images], step: 0, on: store)["logits"]!
    }
}
