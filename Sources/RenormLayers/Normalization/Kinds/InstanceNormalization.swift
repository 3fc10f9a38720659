import RenormGraphs

/// Moments of each example and channel (Ulyanov et al. 2016).
public struct InstanceNormalization: NormalizationKind, SimplyMade {
    /// Its word.
    public static let name = "instance"

    /// Makes the kind.
    public init() {}

    /// Normalizes each channel of each example by itself.
    public func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor {
        try layer.standardized(x, by: layer.ownMoments(x, channelGroups: x.shape[3]))
    }
}

extension NormalizationKind where Self == InstanceNormalization {
    /// Moments of each example and channel.
    public static var instance: Self { Self() }
}
