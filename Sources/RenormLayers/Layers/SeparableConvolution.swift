import RenormGraphs

/// A convolution of each channel by itself, then a 1×1 convolution that mixes channels (Chollet 2017), without biases or anything
/// in between. Variables: `conv1.weight` `[C, 1, kernel, kernel]` and `pointwise.weight` `[channels, C, 1, 1]`, timm's names.
public struct SeparableConvolution: WeightedLayer {
    /// The number of output channels.
    public var channels: Int
    /// Height and width of the window.
    public var kernel: Int
    /// The step of the window.
    public var stride: Int
    /// Zeros around the image.
    public var padding: Padding
    /// What both weights go through before they are used; `nil`: they are used as they are.
    public var weights: (any WeightTransform)?

    /// Makes a convolution with a square window.
    public init(_ channels: Int, kernel: Int, stride: Int = 1, padding: Padding = .same) {
        self.channels = channels
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
    }

    /// Convolves each channel, then mixes.
    ///
    /// - Throws: `GraphError` as `Convolution`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var depthwise = Convolution.depthwise(kernel: kernel, stride: stride, padding: padding, bias: false)
        var pointwise = Convolution(channels, kernel: 1, bias: false)
        (depthwise.weights, pointwise.weights) = (weights, weights)
        let y = try scope.apply("conv1", depthwise, to: x)
        return try scope.apply("pointwise", pointwise, to: y)
    }
}
