import RenormGraphs

/// The batch's own moments.
public struct BatchStatistics: StreamMethod {
    /// Its word.
    public static let name = "batch"
    /// Where it is from.
    public static let source =
        "Nado et al. 2020, Evaluating prediction-time batch normalization for robustness under covariate shift"

    /// Makes the method.
    public init() {}

    /// Normalizes with the batch's moments.
    public func normalize(_ layer: StreamLayer) throws -> Tensor { try layer.standardized() }
}
