import RenormGraphs

/// A fully connected layer on the channels of each position of `[N, H, W, C]`: a 1×1 convolution whose weight has the shape of
/// `Dense`'s. Variables: `weight` `[units, C]`, and `bias` `[units]`.
///
/// Weights start as `Dense`'s.
public struct PositionwiseDense: Layer, Hashable {
    /// The number of output channels.
    public var units: Int
    /// How weights start; `nil` for uniform in ±1 / √C.
    public var initializer: Initializer?

    /// Makes a layer.
    public init(_ units: Int, initializer: Initializer? = nil) {
        self.units = units
        self.initializer = initializer
    }

    /// The layer in a few words.
    public var summary: String { "dense by position" }

    /// Multiplies and adds.
    ///
    /// - Throws: `GraphError` when x is no batch of images.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.requireImages("positionwiseDense")
        let channels = x.shape[3]
        let weight = try scope.parameter(
            "weight", shape: [units, channels],
            initializer: initializer ?? .uniform(bound: 1 / Double(channels).squareRoot()), decays: true)
        let bias = try scope.parameter("bias", shape: [units], initializer: .constant(0))
        return try x.converted(to: scope.precision.elementType).convolution(
            weight.reshaped(to: [units, channels, 1, 1]), bias: bias)
    }
}
