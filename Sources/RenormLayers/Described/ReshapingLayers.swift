import RenormArrays
import RenormGraphs

/// The values of each example under another shape, in our order: height, width, channels.
struct ReshapeLayer: Layer, Hashable {
    var shape: [Int]

    var summary: String { "reshape to \(TensorShape(shape))" }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.reshaped(to: TensorShape([x.shape[0]] + shape))
    }
}

/// The axes of each example in another order; they count from 1.
struct TransposeLayer: Layer, Hashable {
    var permutation: [Int]

    var summary: String { "transpose \(permutation)" }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        guard permutation.sorted() == Array(1..<max(x.shape.rank, 1)) else {
            throw GraphError.option(
                operation: "transpose", path: scope.path, found: "the order \(permutation)",
                expected: "each number from 1 to \(x.shape.rank - 1) once")
        }
        return try x.transposed([0] + permutation)
    }
}

/// Some of the channels, one after another.
struct ChannelSlice: Layer, Hashable {
    var first: Int
    var count: Int

    var summary: String { "channels \(first) to \(first + count - 1)" }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        guard x.shape.rank > 1 else {
            throw GraphError.shapes(
                operation: "channels", path: scope.path, found: [x.shape], expected: "[N, …, C]")
        }
        var (starts, part) = ([Int](repeating: 0, count: x.shape.rank), x.shape)
        starts[x.shape.rank - 1] = first
        part[-1] = count
        return try x.slice(starts: starts, shape: part)
    }
}

/// The mean over the channels, as one channel.
struct ChannelMean: Layer, Hashable {
    var summary: String { "mean over channels" }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        guard x.shape.rank > 1 else {
            throw GraphError.shapes(
                operation: "channelMean", path: scope.path, found: [x.shape], expected: "[N, …, C]")
        }
        var shape = x.shape
        shape[-1] = 1
        return try x.mean(axes: [x.shape.rank - 1]).reshaped(to: shape)
    }
}

/// Zeros around images.
struct ZeroPad: Layer, Hashable {
    /// Top, bottom, left and right.
    var sides: [Int]

    var summary: String { "zeros around" }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.requireImages("zeroPad")
        return try x.padded(low: [0, sides[0], sides[2], 0], high: [0, sides[1], sides[3], 0])
    }
}
