import RenormArrays
import RenormGraphs

/// A fully connected layer: x·Wᵀ + b for x `[N, C]`, in f32. Variables: `weight` `[units, C]`, and `bias` `[units]`.
///
/// Weights start uniform in ±1 / √C, as PyTorch's, unless told otherwise; biases at 0.
public struct Dense: Layer, Hashable {
    /// The number of outputs.
    public var units: Int
    /// Whether a bias is added.
    public var bias: Bool
    /// How weights start; `nil` for uniform in ±1 / √C.
    public var initializer: Initializer?

    /// Makes a dense layer.
    public init(_ units: Int, bias: Bool = true, initializer: Initializer? = nil) {
        self.units = units
        self.bias = bias
        self.initializer = initializer
    }

    /// The layer in a few words.
    public var summary: String { "dense" }

    /// Multiplies and adds.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        guard x.shape.rank == 2 else {
            throw GraphError.shapes(
                operation: "dense", path: scope.path, found: [x.shape],
                expected: "vectors [N, C]; put Flatten or GlobalAveragePool before it")
        }
        let weight = try scope.parameter(
            "weight", shape: [units, x.shape[1]],
            initializer: initializer ?? .uniform(bound: 1 / Double(x.shape[1]).squareRoot()),
            decays: true)
        let y = try x.converted(to: .f32).matmul(weight, transposeRight: true)
        guard bias else { return y }
        return try y + scope.parameter("bias", shape: [units], initializer: .constant(0))
    }
}

/// Images `[N, H, W, C]` as vectors `[N, C·H·W]`.
public struct Flatten: Layer, Hashable {
    /// Whether all pixels of a channel come together (as in PyTorch, so that imported heads fit), or all channels of a
    /// pixel.
    public var channelsFirst: Bool

    /// Makes a flattening layer.
    public init(channelsFirst: Bool = true) { self.channelsFirst = channelsFirst }

    /// The layer in a few words.
    public var summary: String { "flatten" }

    /// Reorders and reshapes.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let ordered = channelsFirst && x.shape.rank == 4 ? try x.transposed([0, 3, 1, 2]) : x
        return try ordered.reshaped(to: [x.shape[0], x.shape.removing(axes: [0]).elementCount])
    }
}

/// Sets each value to 0 with probability `rate` in training, and scales the others by 1 / (1 − rate)
/// (Srivastava et al. 2014). The draws are a function of (seed, path, number of the batch).
public struct Dropout: Layer, Hashable {
    /// The probability that a value is dropped, 0 ≤ rate < 1.
    public var rate: Double

    /// Makes a dropout layer.
    public init(_ rate: Double) { self.rate = rate }

    /// The layer in a few words.
    public var summary: String { "dropout \(rate)" }

    /// Drops values if the phase says so.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.dropped(rate, scope, operation: "dropout", draws: x.shape)
    }
}

extension Tensor {
    /// Sets what draws of a shape, stretched to this tensor's, drop to 0, and scales the rest by 1 / (1 − rate).
    func dropped(_ rate: Double, _ scope: Scope, operation: String, draws shape: TensorShape) throws -> Tensor
    {
        guard (0..<1).contains(rate) else {
            throw GraphError.option(
                operation: operation, path: scope.path, found: "rate \(rate)",
                expected: "at least 0 and less than 1")
        }
        guard scope.phase.dropout, rate > 0 else { return self }
        let draws = scope.builder.uniform(
            shape: shape, seed: scope.seed, stream: scope.path + ".dropout", counter: scope.drawNumber)
        let keep = try draws.compare(.greaterOrEqual, scope.builder.constant(rate))
        return try self * (keep * (1 / (1 - rate))).converted(to: type)
    }
}
