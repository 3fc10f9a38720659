import RenormArrays
import RenormGraphs

/// A function of each value.
struct FunctionLayer: Layer, Hashable {
    var function: Unary

    var summary: String { function.rawValue }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor { x.unary(function) }
}

/// Values kept within limits.
struct Clip: Layer, Hashable {
    var low: Double?
    var high: Double?

    var summary: String { "clip \(low.map(\.short) ?? "−∞") to \(high.map(\.short) ?? "∞")" }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let above = try low.map { try x.maximum(scope.builder.constant($0)) } ?? x
        return try high.map { try above.minimum(scope.builder.constant($0)) } ?? above
    }
}

/// x where it is above 0, else slope · x.
struct LeakyReLU: Layer, Hashable {
    var slope: Double

    var summary: String { "leaky ReLU \(slope.short)" }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.compare(.greater, scope.builder.constant(0)).select(x, x * slope)
    }
}

/// x · scale + shift with fixed numbers, one or one for each channel.
struct LinearLayer: Layer, Hashable {
    var scale: [Double]
    var shift: [Double]

    var summary: String { "scale and shift" }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x * row(scale, x, scope) + row(shift, x, scope)
    }

    private func row(_ numbers: [Double], _ x: Tensor, _ scope: Scope) throws -> Tensor {
        if Set(numbers).count == 1 { return scope.builder.constant(numbers[0]) }
        guard numbers.count == x.shape[-1] else {
            throw GraphError.option(
                operation: "linear", path: scope.path, found: "\(numbers.count) numbers",
                expected: "one, or one for each of \(x.shape[-1]) channels")
        }
        return try Tensor.concatenate(
            numbers.map { scope.builder.constant($0, shape: [1]) }, axis: 0)
    }
}

/// x times a trained factor for each channel. Variables: `weight` `[C]`, which starts at 1.
struct ChannelScale: Layer, Hashable {
    var summary: String { "scale by channel" }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x * scope.parameter("weight", shape: [x.shape[-1]], initializer: .constant(1))
    }
}

/// x plus a trained number for each channel. Variables: `bias` `[C]`, which starts at 0.
struct ChannelShift: Layer, Hashable {
    var summary: String { "shift by channel" }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x + scope.parameter("bias", shape: [x.shape[-1]], initializer: .constant(0))
    }
}

/// What of x is above a trained threshold for each channel, else the threshold. Variables: `threshold` `[C]`, which starts at 0.
struct ChannelThreshold: Layer, Hashable {
    var summary: String { "threshold by channel" }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.maximum(scope.parameter("threshold", shape: [x.shape[-1]], initializer: .constant(0)))
    }
}
