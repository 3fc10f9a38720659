import RenormArrays
import RenormGraphs

/// The largest value of each window of `[N, H, W, C]`; padding never wins.
public struct MaxPool: Layer, Hashable {
    /// Height and width of the window.
    public var window: Int
    /// The step of the window.
    public var stride: Int
    /// Cells around the image.
    public var padding: Padding

    /// Makes a pooling layer; the stride is the window's extent unless given.
    public init(_ window: Int, stride: Int? = nil, padding: Padding = .valid) {
        self.window = window
        self.stride = stride ?? window
        self.padding = padding
    }

    /// The layer in a few words.
    public var summary: String { "max pool \(window)×\(window) stride \(stride)" }

    /// Pools.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.requireImages("maxPool")
        let (size, strides) = ([window, window], [stride, stride])
        return try x.maxPool(
            PoolingOptions(
                window: size, strides: strides,
                padding: padding.resolved(
                    height: x.shape[1], width: x.shape[2], window: size, strides: strides)))
    }
}

/// The mean of each window of `[N, H, W, C]`.
public struct AveragePool: Layer, Hashable {
    /// Height and width of the window.
    public var window: Int
    /// The step of the window.
    public var stride: Int
    /// Cells around the image.
    public var padding: Padding
    /// Whether padding counts as zeros, as in PyTorch, or not at all.
    public var countsPadding: Bool

    /// Makes a pooling layer; the stride is the window's extent unless given.
    public init(_ window: Int, stride: Int? = nil, padding: Padding = .valid, countsPadding: Bool = true) {
        self.window = window
        self.stride = stride ?? window
        self.padding = padding
        self.countsPadding = countsPadding
    }

    /// The layer in a few words.
    public var summary: String { "average pool \(window)×\(window) stride \(stride)" }

    /// Pools.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.requireImages("averagePool")
        let (size, strides) = ([window, window], [stride, stride])
        return try x.averagePool(
            PoolingOptions(
                window: size, strides: strides,
                padding: padding.resolved(
                    height: x.shape[1], width: x.shape[2], window: size, strides: strides),
                countsPadding: countsPadding))
    }
}

/// The mean over height and width: `[N, H, W, C]` to `[N, C]`.
public struct GlobalAveragePool: Layer, Hashable {
    /// Makes a pooling layer.
    public init() {}

    /// The layer in a few words.
    public var summary: String { "global average pool" }

    /// Pools.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor { try x.globalAveragePool() }
}

/// Means over windows that cut `[N, H, W, C]` into a given number of rows and columns, by PyTorch's rule: window i of n along
/// an extent e reaches from ⌊i·e / n⌋ to ⌈(i + 1)·e / n⌉, so windows may overlap, and a small map is enlarged.
public struct AdaptiveAveragePool: Layer, Hashable {
    /// The number of rows of the result.
    public var height: Int
    /// The number of columns of the result.
    public var width: Int

    /// Makes a pooling layer.
    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    /// The layer in a few words.
    public var summary: String { "average pool to \(height)×\(width)" }

    /// Pools; what has the right extent already is left as it is.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.requireImages("adaptiveAveragePool")
        guard height > 0, width > 0 else {
            throw GraphError.option(
                operation: "adaptiveAveragePool", path: scope.path, found: "a result of \(height)×\(width)",
                expected: "a height and a width of at least 1")
        }
        return try x.averaged(along: 1, to: height).averaged(along: 2, to: width).converted(to: x.type)
    }
}

extension Tensor {
    /// Means over as many windows along one axis as asked for.
    fileprivate func averaged(along axis: Int, to count: Int) throws -> Tensor {
        let extent = shape[axis]
        if extent == count { return self }
        var result = shape
        result[axis] = count
        // Windows of one extent, or copies of one cell, are a matter of shapes.
        let (before, after) = (Array(shape.dimensions[..<axis]), Array(shape.dimensions[(axis + 1)...]))
        if extent % count == 0 {
            return try reshaped(to: TensorShape(before + [count, extent / count] + after)).mean(axes: [
                axis + 1
            ])
        }
        if count % extent == 0 {
            return try reshaped(to: TensorShape(before + [extent, 1] + after))
                .broadcast(to: TensorShape(before + [extent, count / extent] + after)).reshaped(to: result)
        }
        let windows = try (0..<count).map { index in
            let (start, end) = (index * extent / count, ((index + 1) * extent + count - 1) / count)
            var (starts, window) = ([Int](repeating: 0, count: shape.rank), shape)
            starts[axis] = start
            window[axis] = end - start
            let mean = try slice(starts: starts, shape: window).mean(axes: [axis])
            return try mean.reshaped(to: TensorShape(before + [1] + after))
        }
        return try Tensor.concatenate(windows, axis: axis)
    }
}
