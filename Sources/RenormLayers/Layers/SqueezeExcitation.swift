import RenormGraphs

/// Scales each channel of each image by a number between 0 and 1 that the means of all its channels decide
/// (Hu et al. 2018): the means go through a 1×1 convolution to few channels, an activation, a 1×1 convolution back, and a gate.
///
/// Variables: weight and bias of two convolutions, `fc1` and `fc2` as torchvision's, or under other names.
public struct SqueezeExcitation: Layer {
    /// The number of channels between the two convolutions.
    public var squeezed: Int
    /// What follows the first convolution.
    public var activation: any Layer
    /// What makes the second convolution's result a factor.
    public var gate: any Layer
    /// The names of the two convolutions; timm's are `conv_reduce` and `conv_expand`.
    public var names: (reduce: String, expand: String)
    /// How the convolutions' weights start; `nil` for their own rule.
    public var initializer: Initializer?

    /// Makes the layer.
    public init(
        _ squeezed: Int, activation: any Layer = ReLU(), gate: any Layer = Sigmoid(),
        names: (reduce: String, expand: String) = ("fc1", "fc2"), initializer: Initializer? = nil
    ) {
        self.squeezed = squeezed
        self.activation = activation
        self.gate = gate
        self.names = names
        self.initializer = initializer
    }

    /// Scales the channels of `[N, H, W, C]`.
    ///
    /// - Throws: `GraphError` when x is no batch of images, or there are no channels in between.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.requireImages("squeezeExcitation")
        let (images, channels) = (x.shape[0], x.shape[3])
        func convolution(_ outputs: Int) -> Convolution {
            Convolution(outputs, kernel: 1, padding: .valid, initializer: initializer)
        }
        var y = try scope.apply("avgpool", GlobalAveragePool(), to: x)
        y = try y.reshaped(to: [images, 1, 1, channels])
        y = try scope.apply(names.reduce, convolution(squeezed), to: y)
        y = try scope.apply("activation", activation, to: y)
        y = try scope.apply(names.expand, convolution(channels), to: y)
        y = try scope.apply("scale_activation", gate, to: y)
        return try x.scaled(byImage: y.converted(to: .f32).reshaped(to: [images, channels]))
    }
}

extension Tensor {
    /// `[N, H, W, C]` times factors `[N, C]`, as an affine operation with each image a group: one pass, and one back.
    fileprivate func scaled(byImage factors: Tensor) throws -> Tensor {
        let zeros = builder.constant(0, shape: factors.shape)
        return try affine(mean: zeros, scale: factors, shift: zeros)
    }
}
