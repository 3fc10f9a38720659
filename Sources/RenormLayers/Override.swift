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
    /// Whether statistics there stay as they are, whatever phase the part is traced in: normalizations use their moving
    /// averages and leave them alone.
    public var freezesStatistics: Bool?
    /// Whether convolutions there have a bias, whatever they say themselves.
    public var hasBias: Bool?
    /// Whether layers there are left out, so that what they are given is passed on.
    public var isRemoved: Bool?

    /// Makes an override.
    public init(
        _ pattern: PathPattern, phase: Phase? = nil, isTrainable: Bool? = nil,
        normalization: Normalization? = nil, freezesStatistics: Bool? = nil, hasBias: Bool? = nil,
        isRemoved: Bool? = nil
    ) {
        self.pattern = pattern
        self.phase = phase
        self.isTrainable = isTrainable
        self.normalization = normalization
        self.freezesStatistics = freezesStatistics
        self.hasBias = hasBias
        self.isRemoved = isRemoved
    }
}

extension [Override] {
    /// What the last override that matches a path and makes a decision says.
    func last<Value>(at path: String, _ decision: KeyPath<Override, Value?>) -> Value? {
        last { $0[keyPath: decision] != nil && $0.pattern.matches(path) }?[keyPath: decision]
    }

    /// Whether statistics at a path stay as they are.
    func freezeStatistics(at path: String) -> Bool { last(at: path, \.freezesStatistics) ?? false }

    /// Whether parameters at a path are trained.
    func train(at path: String) -> Bool { last(at: path, \.isTrainable) ?? true }

    /// The phase of the layer at a path in a model that is traced for the given one.
    ///
    /// No phase makes frozen statistics move, or be replaced by a batch's. Where parameters and statistics are both frozen
    /// nothing is left to chance either: dropout there is off.
    func phase(at path: String, tracedFor given: Phase) -> Phase {
        var phase = last(at: path, \.phase) ?? given
        guard freezeStatistics(at: path) else { return phase }
        (phase.statistics, phase.corrects, phase.updatesStatistics) = (.moving, false, false)
        if !train(at: path) { phase.dropout = false }
        return phase
    }
}
