import RenormGraphs

/// Nothing is done, and there is no γ or β.
public struct NoNormalization: NormalizationKind, SimplyMade {
    /// Its word.
    public static let name = "none"

    /// Makes the kind.
    public init() {}

    /// What it is in a few words.
    public var summary: String { "no normalization" }

    /// Gives the images as they are.
    public func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor { x }
}

extension NormalizationKind where Self == NoNormalization {
    /// Nothing is done.
    public static var none: Self { Self() }
}
