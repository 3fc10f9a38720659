import RenormGraphs

/// NOTE's instance-aware normalization: an image's own moments, as far as they lie outside what chance gives around the source's.
public struct InstanceAwareStatistics: StreamMethod {
    /// Its word.
    public static let name = "note"
    /// Where it is from, and what is left out.
    public static let source =
        "Gong et al. 2022, NOTE: robust continual test-time adaptation against temporal correlation: its instance-aware normalization "
        + "put into a network that was trained without it; without the memory and the gradients"
    /// k.
    public static let constants = [StreamConstant<Self>("deviations", \.deviations, 0...1e6)]

    /// How many standard errors an image's moments may be off before they count.
    public var deviations = 4.0

    /// Makes the method.
    public init() {}

    /// Normalizes each image with μ + shrink(μᵢ − μ; k·√(σ²/L)) and σ² + shrink(σᵢ² − σ²; k·σ²·√(2/(L − 1))), L places.
    public func normalize(_ layer: StreamLayer) throws -> Tensor {
        let (mean, variance) = try (layer.sourceMean, layer.sourceVariance)
        // An image of one place says nothing of its spread.
        guard layer.places > 1 else { return try layer.normalized(means: mean, variances: variance) }
        let (own, biased) = try layer.imageMoments()
        let places = Double(layer.places)
        func shrink(_ x: Tensor, _ limit: Tensor) throws -> Tensor {
            try (x - limit).relu() - (-(x + limit)).relu()
        }
        let power = try variance + layer.epsilon
        let means = try mean + shrink(own - mean, (power * (1 / places)).squareRoot() * deviations)
        let unbiased = try biased * (places / (places - 1))
        let spread = try shrink(unbiased - variance, power * (deviations * (2 / (places - 1)).squareRoot()))
        return try layer.normalized(means: means, variances: (variance + spread).relu())
    }
}
