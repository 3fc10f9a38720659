import Foundation
import Renorm
import Serving

/// What is timed.
///
/// Every option of the program stands here, so that one more is a line here and a line where it is used.
extension Options {
    static let names: Set<String> = [
        "model", "input", "classes", "batch", "norm", "norm-examples", "limits", "mode", "threads", "warmup",
        "precision", "memory", "recompute", "taps", "convolution",
    ]

    /// The network.
    func architecture() throws -> Architecture {
        let text = self["input"] ?? "28x28x1"
        let sizes = text.split(separator: "x").compactMap { Int($0) }
        guard sizes.count == 3, sizes.allSatisfy({ $0 > 0 }) else {
            throw OptionError("--input \(text)", expected: "HEIGHTxWIDTHxCHANNELS")
        }
        let norm = self["norm"] ?? "batch-renorm"
        let limits = self["limits"].map { " limits=\($0)" } ?? ""
        let examples = try self["norm-examples"].map { _ in try number("norm-examples", default: 1) }
        return Architecture(
            name: self["model"] ?? "small", stem: sizes[0] > 64 ? .imagenet : .cifar,
            classes: try number("classes", default: 10), input: TensorShape(sizes),
            normalization: try Normalization(
                parsing: norm + limits, in: NormalizationText.Run(steps: 1, examples: examples)))
    }

    /// Whether inference makes statistics of an activation: of none, of what ReLUs give, or of all but what convolutions
    /// give, which are folded with the normalizations after them.
    func taps() throws -> (Op) -> Bool {
        switch self["taps"] ?? "none" {
        case "none": { _ in false }
        case "relu": { if case .activation = $0 { true } else { false } }
        case "all": { if case .convolution = $0 { false } else { true } }
        case let other: throw OptionError("--taps \(other)", expected: "none, relu or all")
        }
    }

    /// Whether whole training steps are timed, or inference.
    func isTraining() throws -> Bool {
        switch self["mode"] ?? "training" {
        case "training": true
        case "inference": false
        case let other: throw OptionError("--mode \(other)", expected: "training or inference")
        }
    }
}
