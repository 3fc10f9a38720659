import RenormGraphs

/// SAR: as TENT, of images of which the network is sure enough alone, by a gradient that is taken where entropy is higher nearby.
public struct SharpnessAwareEntropy: StreamMethod {
    /// Its word.
    public static let name = "sar"
    /// Where it is from.
    public static let source =
        "Niu et al. 2023, Towards stable test-time adaptation in dynamic wild world, with the batch's moments: γ and β of all layers are "
        + "trained, by gradient descent with momentum 0.9, where the original leaves the last ones out"
    /// Rate, margin, radius and the entropy at which it starts anew.
    public static let constants = [
        StreamConstant<Self>("rate", \.rate, 0...10), StreamConstant<Self>("margin", \.margin, 0...1),
        StreamConstant<Self>("radius", \.radius, 0...10), StreamConstant<Self>("reset", \.reset, 0...100),
    ]

    /// The learning rate.
    public var rate = 1e-3
    /// The largest entropy of images that count, as a part of that of all classes alike.
    public var margin = 0.4
    /// How far away the gradient is taken.
    public var radius = 0.05
    /// Below which average entropy γ and β are what they were at the source again.
    public var reset = 0.2

    /// Makes the method.
    public init() {}

    /// Normalizes with the batch's moments.
    public func normalize(_ layer: StreamLayer) throws -> Tensor { try layer.standardized() }

    /// A step down the entropy of reliable images, sharpness-aware.
    public var learning: StreamLearning? {
        .sharpnessAware(rate: rate, margin: margin, radius: radius, reset: reset)
    }
}
