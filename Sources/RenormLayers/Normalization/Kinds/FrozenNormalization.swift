import RenormGraphs

/// Moving averages, never updated; γ and β are trained unless an override freezes them.
///
/// Statistics: those of batch normalization.
public struct FrozenNormalization: RunningVarianceNormalization, SimplyMade {
    /// Its word.
    public static let name = "frozen"

    /// Makes the kind.
    public init() {}

    /// Normalizes with the moving averages.
    public func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor {
        try RunningVariance(layer).normalized(x)
    }
}

extension NormalizationKind where Self == FrozenNormalization {
    /// Moving averages, never updated.
    public static var frozen: Self { Self() }
}
