import RenormGraphs

/// The moving averages, whatever comes.
public struct SourceAverages: StreamMethod {
    /// Its word.
    public static let name = "source"
    /// Nothing is adapted.
    public static let source = "no adaptation: the network as it was trained"

    /// Makes the method.
    public init() {}

    /// Normalizes with the moving averages.
    public func normalize(_ layer: StreamLayer) throws -> Tensor {
        try layer.normalized(means: layer.sourceMean, variances: layer.sourceVariance)
    }
}
