import RenormArrays
import RenormGraphs

/// Weight standardization (Qiao et al. 2019): the weights of each output channel less their mean and over their deviation,
/// ŵ = (w − μ)/√(σ² + 10⁻⁶), with the biased variance over input channels and window. Its ε is timm's.
public struct WeightStandardization: WeightTransform {
    /// Its word.
    public static let name = "standardized"

    /// Makes the transform.
    public init() {}

    /// Standardizes the weights of each output channel.
    public func callAsFunction(_ weight: Tensor) throws -> Tensor {
        let column: TensorShape = [weight.shape[0], 1, 1, 1]
        let centered = try weight - weight.mean(axes: [1, 2, 3]).reshaped(to: column)
        let variance = try centered.squared().mean(axes: [1, 2, 3]).reshaped(to: column)
        return try centered / (variance + 1e-6).squareRoot()
    }
}
