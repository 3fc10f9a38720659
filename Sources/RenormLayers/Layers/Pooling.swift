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
