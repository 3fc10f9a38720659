import RenormGraphs

/// Filter response normalization with its thresholded linear unit (Singh & Krishnan 2020): y = γ·x/√(ν² + ε) + β, where ν² is
/// the mean of x² over height and width of each example and channel, and then max(y, τ) with a trained threshold τ `[C]`, which
/// takes the place of the ReLU after it. In a `ConvolutionUnit` without activation there is no threshold.
///
/// Variables: `weight`, `bias` and `threshold` `[C]`, which starts at 0.
public struct FilterResponseNormalization: NormalizationKind, SimplyMade {
    /// Its word.
    public static let name = "filter-response"

    /// Makes the kind.
    public init() {}

    /// Yes.
    public var isActivated: Bool { true }

    /// Divides by the root of the mean square, scales, shifts, and takes what is above the threshold.
    public func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor {
        let channels = x.shape[3]
        let power = try x.squared().mean(axes: [1, 2]).reshaped(to: [x.shape[0], 1, 1, channels])
        let response = try x / (power + layer.epsilon).squareRoot()
        let y = try layer.scaledAndShifted(response)
        guard layer.isActivated else { return y }
        return try y.maximum(
            layer.scope.parameter("threshold", shape: [channels], initializer: .constant(0)))
    }
}

extension NormalizationKind where Self == FilterResponseNormalization {
    /// Filter response normalization with its thresholded linear unit.
    public static var filterResponse: Self { Self() }
}
