import Foundation
import RenormArrays
import RenormFormats
import RenormGraphs

/// The folder `Tests/Fixtures`.
public let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures")

extension OperationCase {
    /// What PyTorch computed in f64, from `Tests/Fixtures/operations.safetensors`: operations, `expected` results and
    /// gradients.
    public static func fromPyTorch() throws -> [OperationCase] {
        let file = try NamedArrays(safetensors: fixtures.appending(path: "operations.safetensors"))
        let header = try JSONCoder.decode(Header.self, from: Data((file.metadata["fixture"] ?? "").utf8))
        return try header.cases.sorted { $0.key < $1.key }.map { name, options in
            try OperationCase(name, options) { file.arrays["\(name)/\($0)"] }
        }
    }

    private init(_ name: String, _ options: Options, tensor: (String) -> NDArray?) throws {
        let names = ["x", "w", "b", "scale", "shift"].filter { tensor($0) != nil }
        let values = names.map { tensor($0)! }
        var expected = ["y": tensor("y")!]
        for (index, name) in names.enumerated() { expected["gradient \(index)"] = tensor("d\(name)")! }
        self.init(
            "PyTorch: \(name)", at: values, labels: tensor("labels").map { [$0.converted(to: .i32)] } ?? [],
            derivative: .byRule, weights: tensor("dy") ?? NDArray(scalar: Float(1)), expected: expected,
            try options.function(x: values[0].shape))
    }

    private struct Header: Decodable {
        var cases: [String: Options]
    }

    private struct Options: Decodable {
        struct Unknown: Error { var operation: String }

        var operation: String
        var stride: [Int]?
        var dilation: [Int]?
        var groups: Int?
        var padding: [[Int]]?
        var window: [Int]?
        var countsPadding: Bool?
        var normalization: String?
        var examples: Int?
        var epsilon: Double?
        var labelSmoothing: Double?

        func function(x: TensorShape) throws -> @Sendable ([Tensor]) throws -> Tensor {
            let padding = (padding ?? []).flatMap { $0 }
            let pooling = PoolingOptions(
                window: window ?? [], strides: stride ?? [], padding: padding,
                countsPadding: countsPadding ?? true)
            switch operation {
            case "convolution":
                let options = ConvolutionOptions(
                    strides: stride ?? [], padding: padding, dilations: dilation ?? [], groups: groups ?? 1)
                return { try $0[0].convolution($0[1], bias: $0.count > 2 ? $0[2] : nil, options: options) }
            case "maxPool":
                return { try $0[0].maxPool(pooling) }
            case "averagePool":
                return { try $0[0].averagePool(pooling) }
            case "globalAveragePool":
                return { try $0[0].globalAveragePool() }
            case "normalization":
                let norm =
                    normalization == "batch"
                    ? Standardization(
                        groups: x[0] / (examples ?? x[0]), channelGroups: x[3], epsilon: epsilon ?? 0)
                    : Standardization(groups: x[0], channelGroups: groups ?? 1, epsilon: epsilon ?? 0)
                return { try norm.projected($0[0], gamma: $0[1], beta: $0[2]) }
            case "softmaxCrossEntropy":
                let smoothing = labelSmoothing ?? 0
                return { try $0[0].softmaxCrossEntropy(labels: $0[1], smoothing: smoothing).mean() }
            case "relu": return { $0[0].relu() }
            case "relu6": return { $0[0].relu6() }
            case "silu": return { try $0[0].silu() }
            case "gelu": return { try $0[0].gelu() }
            case "sigmoid": return { $0[0].sigmoid() }
            case "dense":
                return { try $0[0].matmul($0[1], transposeRight: true) + $0[2] }
            default:
                throw Unknown(operation: operation)
            }
        }
    }
}
