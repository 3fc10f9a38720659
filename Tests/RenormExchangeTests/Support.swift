import Foundation
import Renorm
import RenormTestSupport
import Testing

extension Model {
    /// The model's logits at inference, by the reference engine in f64.
    func logits(_ images: NDArray) throws -> NDArray {
        let engine = ReferenceEngine(precision: .f64)
        let graph = try graph(batch: images.shape[0])
        return try engine.compile(graph).run(
            ["images": images.converted(to: .f64)], step: 0, on: engine.makeStore(variables))[
                "logits"]!
    }
}

/// The logits' softmax.
func softmax(_ logits: NDArray) -> NDArray {
    let rows = (0..<logits.shape[0]).map { row -> [Double] in
        let values = logits.rows(row..<row + 1).doubles
        let powers = values.map { exp($0 - values.max()!) }
        return powers.map { $0 / powers.reduce(0, +) }
    }
    return NDArray(rows.flatMap(\.self), shape: logits.shape)
}

/// A folder that is gone afterwards.
func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("renorm-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}

/// A network of small layers of every kind that an exporter must know, by name.
let everyLayer = NetworkDescription([
    DescribedLayer("convolution", ["channels": 8, "kernel": 3, "stride": 2, "padding": 1], name: "conv1"),
    DescribedLayer("normalization", name: "bn1"), DescribedLayer("relu6"),
    DescribedLayer(
        "residual",
        [
            "body": [
                "depthwise-convolution", "normalization", "hard-swish",
                ["convolution": ["channels": 8, "kernel": 1]], "normalization",
            ]
        ], name: "block"),
    DescribedLayer("squeeze-excitation", ["channels": 4, "gate": "hard-sigmoid"], name: "se"),
    DescribedLayer("max-pool", ["window": 3, "stride": 2, "padding": [0, 1, 0, 1]]),
    DescribedLayer("channel-shuffle", 2),
    DescribedLayer(
        "branches",
        [
            [["convolution": ["channels": 4, "kernel": [1, 3]]], "normalization", "silu"],
            ["gelu", ["average-pool": ["window": 3, "stride": 1, "padding": 1]]],
        ]),
    DescribedLayer(
        "convolution", ["channels": 8, "kernel": 3, "groups": 4, "dilation": 2, "padding": "same"],
        name: "conv2"),
    DescribedLayer("normalization", name: "bn2"), DescribedLayer("relu"),
    DescribedLayer("adaptive-average-pool", 2), DescribedLayer("flatten"),
    DescribedLayer("dense", 6, name: "fc1"), DescribedLayer("normalization", name: "bn3"),
    DescribedLayer("function", "tanh"), DescribedLayer("dropout", 0.5),
    DescribedLayer("dense", "classes", name: "fc2"),
])

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
