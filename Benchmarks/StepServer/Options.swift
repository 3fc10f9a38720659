import Foundation
import Renorm

/// What is timed, read from options as `--name value`; a name without a value is a switch.
///
/// Every option of the program stands here, so that one more is a line here and a line where it is used.
struct Options {
    private var values: [String: String] = [:]

    init(_ arguments: ArraySlice<String>) throws {
        var rest = arguments
        while let name = rest.popFirst() {
            guard name.hasPrefix("--") else { throw OptionError(name, expected: "--name value") }
            let hasValue = rest.first.map { !$0.hasPrefix("--") } ?? false
            values[String(name.dropFirst(2))] = hasValue ? rest.removeFirst() : "true"
        }
        let unknown = values.keys.filter { !Options.names.contains($0) }.sorted()
        if let first = unknown.first {
            throw OptionError("--\(first)", expected: Options.names.sorted().joined(separator: ", "))
        }
    }

    private static let names: Set<String> = [
        "model", "input", "classes", "batch", "norm", "norm-examples", "limits", "mode", "threads", "warmup",
        "precision", "memory",
        "recompute", "taps",
    ]

    /// An option as it was written.
    subscript(name: String) -> String? { values[name] }

    /// Whether a switch is given.
    func has(_ name: String) -> Bool { values[name] != nil }

    /// A whole number above zero.
    func number(_ name: String, default standard: Int) throws -> Int {
        guard let text = values[name] else { return standard }
        guard let number = Int(text), number > 0 else {
            throw OptionError("--\(name) \(text)", expected: "a whole number above 0")
        }
        return number
    }

    /// The network.
    func architecture() throws -> Architecture {
        let text = values["input"] ?? "28x28x1"
        let sizes = text.split(separator: "x").compactMap { Int($0) }
        guard sizes.count == 3, sizes.allSatisfy({ $0 > 0 }) else {
            throw OptionError("--input \(text)", expected: "HEIGHTxWIDTHxCHANNELS")
        }
        let norm = values["norm"] ?? "batch-renorm"
        let limits = values["limits"].map { " limits=\($0)" } ?? ""
        let examples = try values["norm-examples"].map { _ in try number("norm-examples", default: 1) }
        return Architecture(
            name: values["model"] ?? "small", stem: sizes[0] > 64 ? .imagenet : .cifar,
            classes: try number("classes", default: 10), input: TensorShape(sizes),
            normalization: try Normalization(
                parsing: norm + limits, in: NormalizationText.Run(steps: 1, examples: examples)))
    }

    /// The precision of activations.
    func precision() throws -> Precision {
        guard let text = values["precision"] else { return .f32 }
        guard let precision = Precision(rawValue: text) else {
            throw OptionError(
                "--precision \(text)", expected: Precision.allCases.map(\.rawValue).joined(separator: " or "))
        }
        return precision
    }

    /// What a training step keeps of its forward part.
    func memory() throws -> MemoryUse {
        guard let text = values["memory"] else { return .fast }
        guard let memory = MemoryUse(rawValue: text) else {
            throw OptionError(
                "--memory \(text)", expected: MemoryUse.allCases.map(\.rawValue).joined(separator: " or "))
        }
        return memory
    }

    /// Whether inference makes statistics of an activation: of none, of what ReLUs give, or of all but what convolutions
    /// give, which are folded with the normalizations after them.
    func taps() throws -> (Op) -> Bool {
        switch values["taps"] ?? "none" {
        case "none": { _ in false }
        case "relu": { if case .activation = $0 { true } else { false } }
        case "all": { if case .convolution = $0 { false } else { true } }
        case let other: throw OptionError("--taps \(other)", expected: "none, relu or all")
        }
    }

    /// Whether whole training steps are timed, or inference.
    func isTraining() throws -> Bool {
        switch values["mode"] ?? "training" {
        case "training": true
        case "inference": false
        case let other: throw OptionError("--mode \(other)", expected: "training or inference")
        }
    }
}

/// An option that cannot be used.
struct OptionError: Error, CustomStringConvertible {
    let description: String

    init(_ found: String, expected: String) { description = "found \(found); expected \(expected)" }
}
