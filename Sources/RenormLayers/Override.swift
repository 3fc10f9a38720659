/// A change to part of a model without a change to its layers, saved with the model. Of several that match, each
/// decision is taken by the last that makes it.
public struct Override: Sendable, Hashable, Codable {
    /// The layers and variables it applies to.
    public var pattern: PathPattern
    /// The phase there, whatever the model is traced for.
    public var phase: Phase?
    /// Whether parameters there are trained.
    public var isTrainable: Bool?
    /// The normalization there.
    public var normalization: Normalization?

    /// Makes an override.
    public init(
        _ pattern: PathPattern, phase: Phase? = nil, isTrainable: Bool? = nil,
        normalization: Normalization? = nil
    ) {
        self.pattern = pattern
        self.phase = phase
        self.isTrainable = isTrainable
        self.normalization = normalization
    }

    /// Freezes a part, statistics included: its parameters are not trained, and its normalizations use their moving
    /// averages and leave them alone, also in training.
    public static func freeze(_ pattern: PathPattern) -> Override {
        Override(pattern, phase: .inference, isTrainable: false)
    }
}
