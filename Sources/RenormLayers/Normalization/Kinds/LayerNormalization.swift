import RenormGraphs

/// Moments of each example over all channels (Ba et al. 2016), with γ and β per channel.
public struct LayerNormalization: NormalizationKind, SimplyMade {
    /// Its word.
    public static let name = "layer"

    /// Makes the kind.
    public init() {}

    /// Normalizes each example by itself.
    public func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor {
        try layer.standardized(x, by: layer.ownMoments(x, channelGroups: 1))
    }
}

extension NormalizationKind where Self == LayerNormalization {
    /// Moments of each example over all channels.
    public static var layer: Self { Self() }
}
