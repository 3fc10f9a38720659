import RenormGraphs

/// A convolution, the normalization of its result and an activation: the brick that networks are built of, so that a
/// normalization can say what the convolution's weights go through, and bring an activation of its own.
///
///     ConvolutionUnit(Convolution(64, kernel: 3, bias: false), normalization)
///
/// Adds no level to paths: convolution and normalization have names, or take the next places of the `Sequential` around
/// them, as the activation does.
public struct ConvolutionUnit: Layer, Transparent {
    /// The convolution.
    public var convolution: Convolution
    /// The normalization.
    public var normalization: Normalization
    /// What follows, unless the normalization has an activation of its own; `nil` for nothing.
    public var activation: (any Layer)?
    /// The names of convolution and normalization.
    public var names: (convolution: String, normalization: String)?

    /// Makes a unit.
    public init(
        _ convolution: Convolution, _ normalization: Normalization, activation: (any Layer)? = ReLU(),
        names: (convolution: String, normalization: String)? = nil
    ) {
        self.convolution = convolution
        self.normalization = normalization
        self.activation = activation
        self.names = names
    }

    /// Convolves, normalizes and activates.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let y = try normalized(x, scope, names ?? ("0", "1"))
        return try ownActivation(scope, names?.normalization ?? "1")?(y, scope) ?? y
    }

    var places: Int { activation == nil ? 2 : 3 }

    func callAsFunction(_ x: Tensor, _ scope: Scope, from place: Int) throws -> Tensor {
        let names = names ?? ("\(place)", "\(place + 1)")
        let y = try normalized(x, scope, names)
        guard let activation = ownActivation(scope, names.normalization) else { return y }
        return try scope.apply("\(place + 2)", activation, to: y)
    }

    private func normalized(
        _ x: Tensor, _ scope: Scope, _ names: (convolution: String, normalization: String)
    ) throws -> Tensor {
        var convolution = convolution
        convolution.weights = scope.child(names.normalization).normalization(normalization).weights
        let y = try scope.apply(names.convolution, convolution, to: x)
        let followed = FollowedNormalization(normalization: normalization, isActivated: activation != nil)
        return try scope.apply(names.normalization, followed, to: y)
    }

    /// The activation that is left to do.
    private func ownActivation(_ scope: Scope, _ name: String) -> (any Layer)? {
        scope.child(name).normalization(normalization).kind.isActivated ? nil : activation
    }
}

/// A normalization that knows whether an activation follows.
private struct FollowedNormalization: Layer {
    var normalization: Normalization
    var isActivated: Bool

    var summary: String { normalization.summary }

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try normalization(x, scope, isActivated: isActivated)
    }
}
