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
        (ProcessInfo.processInfo.environment["RENORM_ONNX_NETWORKS"]?.split(separator: ",").map(String.init))
        ?? Networks.table.names

    /// Writes each network as ONNX, separate and folded, with images and our logits beside it, and reads it again.
    @Test(arguments: names) func networkGoesOut(_ name: String) throws {
        let network = try #require(Networks.table.find(name)?.value)
        for (suffix, text) in [
            ("", "batch"), ("-renorm", "batch-renorm"), ("-group", "group:8"), ("-layer", "layer"),
            ("-instance", "instance"), ("-response", "filter-response"),
            ("-standardized", "batch weights=standardized"),
        ] {
            if suffix != "", !["small", "resnet18"].contains(name) { continue }
            var normalization = try Normalization(parsing: text)
            normalization.epsilon = network.normalization.epsilon
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
                #expect(try ONNXModel(reading: url) == onnx)
                try NamedArrays(["images": images.transposed([0, 3, 1, 2]), "logits": logits])
                    .write(safetensors: checkFolder!.appendingPathComponent("out/\(file).safetensors"))
            }
        }
    }

    private func output(of model: Model, on images: NDArray) throws -> NDArray {
        let engine = try OneDNNEngine(threads: 2)
        let store = try engine.makeStore(model.variables)
        let graph = try model.graph(batch: images.shape[0])
        return try engine.compile(graph).run(["images": images], step: 0, on: store)["logits"]!
    }
}

extension Variables {
    /// These variables with statistics as of a trained network, a function of their paths.
    func withStatistics() -> Variables {
        mapValues { path, variable in
            guard variable.value.type == .f32, variable.value.shape.rank == 1 else { return variable }
            var random = Random(seed: 5, stream: path)
            let name = path.split(separator: ".").last ?? ""
            let values = variable.value.floats.map { value -> Float in
                switch name {
                case "running_mean", "bias", "threshold": Float(0.1 * random.normal())
                case "running_var", "running_std", "weight": Float(0.7 + 0.6 * random.uniform())
                default: value
                }
            }
            return Variable(kind: variable.kind, value: NDArray(values, shape: variable.value.shape))
        }
    }
}
