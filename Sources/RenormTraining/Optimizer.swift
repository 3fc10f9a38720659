import RenormArrays
import RenormGraphs

/// How a gradient changes a parameter, by PyTorch's formulas. Its memory of earlier steps lives in variables of kind
/// `slot` at `optimizer.<name>.<path of the parameter>`.
public enum Optimizer: Sendable, Hashable {
    /// Stochastic gradient descent: b ← momentum·b + g, p ← p − η·b (or η·(g + momentum·b) with Nesterov).
    case sgd(momentum: Double = 0.9, nesterov: Bool = false)
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    case adamW(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)
    /// RMSProp: s ← decay·s + (1 − decay)·g², b ← momentum·b + g / (√s + ε), p ← p − η·b.
    case rmsProp(decay: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0)

    /// The name on the command line.
    public var name: String {
        switch self {
        case .sgd: "sgd"
        case .adamW: "adamw"
        case .rmsProp: "rmsprop"
        }
    }
}

extension Optimizer: Codable {
    private enum Key: String, CodingKey {
        case name, momentum, nesterov, beta1, beta2, epsilon, decay
    }

    /// Reads `{"name": "sgd", "momentum": 0.9, "nesterov": false}` and its like.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let name: String = try container.value(.name)
        switch name {
        case "sgd":
            self = .sgd(momentum: try container.value(.momentum), nesterov: try container.value(.nesterov))
        case "adamw":
            self = .adamW(
                beta1: try container.value(.beta1), beta2: try container.value(.beta2),
                epsilon: try container.value(.epsilon))
        case "rmsprop":
            self = .rmsProp(
                decay: try container.value(.decay), epsilon: try container.value(.epsilon),
                momentum: try container.value(.momentum))
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .name, in: container,
                debugDescription: "found the optimizer '\(name)'; expected sgd, adamw or rmsprop")
        }
        try requireNoFault(decoder)
    }

    /// Writes what `init(from:)` reads.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: .name)
        switch self {
        case .sgd(let momentum, let nesterov):
            try container.encode(momentum, forKey: .momentum)
            try container.encode(nesterov, forKey: .nesterov)
        case .adamW(let beta1, let beta2, let epsilon):
            try container.encode(beta1, forKey: .beta1)
            try container.encode(beta2, forKey: .beta2)
            try container.encode(epsilon, forKey: .epsilon)
        case .rmsProp(let decay, let epsilon, let momentum):
            try container.encode(decay, forKey: .decay)
            try container.encode(epsilon, forKey: .epsilon)
            try container.encode(momentum, forKey: .momentum)
        }
    }
}

extension Optimizer: Checkable {
    /// What is wrong with the constants.
    package var fault: Fault? {
        func part(_ name: String, _ value: Double) -> Fault? {
            Fault(of: name, "\(value)", "at least 0 and less than 1", unless: (0..<1).contains(value))
        }
        func positive(_ name: String, _ value: Double) -> Fault? {
            Fault(of: name, "\(value)", "a finite number, at least 0", unless: value >= 0 && value.isFinite)
        }
        switch self {
        case .sgd(let momentum, _):
            return part("momentum", momentum)
        case .adamW(let beta1, let beta2, let epsilon):
            return .first(part("beta1", beta1), part("beta2", beta2), positive("epsilon", epsilon))
        case .rmsProp(let decay, let epsilon, let momentum):
            return .first(
                Fault(of: "decay", "\(decay)", "0 to 1", unless: (0...1).contains(decay)),
                positive("epsilon", epsilon), part("momentum", momentum))
        }
    }
}

extension Optimizer {
    /// The parameter after the step.
    ///
    /// - Parameters:
    ///   - parameter: p.
    ///   - gradient: g, clipped if it is.
    ///   - rate: The learning rate η, a scalar.
    ///   - weightDecay: λ; added to the gradient as λ·p (SGD, RMSProp) or taken from p as η·λ·p (AdamW).
    ///   - since: The first step, from 0, in which the parameter is trained: averages of its gradients begin there.
    func updated(
        _ parameter: Tensor, at path: String, gradient: Tensor, rate: Tensor, weightDecay: Double,
        since: Int = 0
    ) throws -> Tensor {
        let builder = parameter.builder
        func slot(_ name: String) throws -> Slot {
            let specification = VariableSpecification(
                path: "optimizer.\(name).\(path)", kind: .slot, shape: parameter.shape,
                initializer: .constant(0))
            return Slot(path: specification.path, value: try builder.variable(specification))
        }
        switch self {
        case .sgd(let momentum, let nesterov):
            let g = try weightDecay == 0 ? gradient : gradient + parameter * weightDecay
            if momentum == 0 { return try parameter - g * rate }
            let buffer = try slot("momentum").update { try $0 * momentum + g }
            return try parameter - (nesterov ? g + buffer * momentum : buffer) * rate
        case .adamW(let beta1, let beta2, let epsilon):
            let first = try slot("first_moment").update { try $0 * beta1 + gradient * (1 - beta1) }
            let second = try slot("second_moment").update {
                try $0 * beta2 + gradient * gradient * (1 - beta2)
            }
            let suffix = since == 0 ? "" : "_since_\(since)"
            let correction1 = try builder.schedule(
                "adam_correction_1\(suffix)", Schedule(.biasCorrection(decay: beta1, since: since)))
            let correction2 = try builder.schedule(
                "adam_correction_2\(suffix)", Schedule(.biasCorrection(decay: beta2, since: since)))
            let decayed = try weightDecay == 0 ? parameter : parameter * (1 - rate * weightDecay)
            let denominator = try second.squareRoot() / correction2.squareRoot() + epsilon
            return try decayed - first / denominator * (rate / correction1)
        case .rmsProp(let decay, let epsilon, let momentum):
            let g = try weightDecay == 0 ? gradient : gradient + parameter * weightDecay
            let square = try slot("square_average").update { try $0 * decay + g * g * (1 - decay) }
            let scaled = try g / (square.squareRoot() + epsilon)
            if momentum == 0 { return try parameter - scaled * rate }
            return try parameter - slot("momentum").update { try $0 * momentum + scaled } * rate
        }
    }
}

/// A part of an optimizer's memory during tracing.
private struct Slot {
    let path: String
    let value: Tensor

    /// Gives the slot its value after the step and returns that.
    func update(_ next: (Tensor) throws -> Tensor) throws -> Tensor {
        let new = try next(value)
        try value.builder.update(path, to: new)
        return new
    }
}
