import RenormGraphs

/// Moments of each position over all channels (Li et al. 2019), with γ and β per channel: what ConvNeXt calls the layer
/// normalization of an image, and transformers that of a token.
public struct PositionalNormalization: NormalizationKind, SimplyMade {
    /// Its word.
    public static let name = "position"

    /// Makes the kind.
    public init() {}

    /// Normalizes each position of each example by itself.
    public func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor {
        // A position is an example whose channels are the pixels of its only channel: the same passes over memory, with as
        // many vectors as positions, each of one element.
        let channels = x.shape[3]
        let positions = try x.reshaped(to: [x.shape.elementCount / channels, channels, 1, 1])
        let moments = try layer.ownMoments(positions, channelGroups: 1)
        let standardized = try positions.affine(
            mean: moments.mean, scale: 1 / moments.deviation,
            shift: layer.scope.builder.constant(0, shape: moments.mean.shape),
            projecting: (moments.variance, moments.channelGroups))
        return try layer.scaledAndShifted(standardized.reshaped(to: x.shape))
    }
}

extension NormalizationKind where Self == PositionalNormalization {
    /// Moments of each position over all channels.
    public static var position: Self { Self() }
}
