import RenormGraphs

/// A layer with weights that a normalization beside it can have go through a transform, such as weight standardization, before
/// they are used.
public protocol WeightedLayer: Layer {
    /// What the weights go through before they are used; `nil`: they are used as they are.
    var weights: (any WeightTransform)? { get set }
}

/// A convolution, the normalization of its result and an activation: the brick that networks are built of, so that a
/// normalization can say what the convolution's weights go through, and bring an activation of its own.
///
///     ConvolutionUnit(Convolution(64, kernel: 3, bias: false), normalization)
///
/// Adds no level to paths: convolution and normalization have names, or take the next places of the `Sequential` around
/// them, as the activation does.
public struct ConvolutionUnit: Layer, Transparent {
    /// The convolution.
    public var convolution: any WeightedLayer
    /// The normalization.
    public var normalization: Normalization
    /// What follows, unless the normalization has an activation of its own; `nil` for nothing.
    public var activation: (any Layer)?
    /// The names of convolution and normalization.
    public var names: (convolution: String, normalization: String)?

    /// Makes a unit.
    public init(
        _ convolution: any WeightedLayer, _ normalization: Normalization, activation: (any Layer)? = ReLU(),
        names: (convolution: String, normalization: String)? = nil
    ) {
        self.convolution = convolution
        self.normalization = normalization
        self.activation = activation
        self.names = names
    }

    /// Convolves, normalizes and activates.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let names = names ?? ("0", "1")
        let y = try scope.apply(names.convolution, prepared(scope, names.normalization), to: x)
        return try ActivatedNormalization(normalization, activation: activation, name: names.normalization)(
            y, scope)
    }

    var places: Int { activation == nil ? 2 : 3 }

    func callAsFunction(_ x: Tensor, _ scope: Scope, from place: Int) throws -> Tensor {
        let names = names ?? ("\(place)", "\(place + 1)")
        let y = try scope.apply(names.convolution, prepared(scope, names.normalization), to: x)
        return try ActivatedNormalization(normalization, activation: activation, name: names.normalization)(
            y, scope, from: place + 1)
    }

    private func prepared(_ scope: Scope, _ name: String) -> any WeightedLayer {
        convolution.prepared(for: normalization, at: scope.child(name))
    }
}

/// A normalization, an activation and then a convolution: the order of "pre-activated" networks (He et al. 2016, Identity
/// mappings). The normalization says what the weights of this convolution go through.
///
/// Adds no level to paths, as `ConvolutionUnit`.
public struct PreactivationUnit: Layer, Transparent {
    /// The normalization.
    public var normalization: Normalization
    /// What follows it, unless the normalization has an activation of its own; `nil` for nothing.
    public var activation: (any Layer)?
    /// The convolution.
    public var convolution: any WeightedLayer
    /// The names of normalization and convolution.
    public var names: (normalization: String, convolution: String)?

    /// Makes a unit.
    public init(
        _ normalization: Normalization, activation: (any Layer)? = ReLU(), _ convolution: any WeightedLayer,
        names: (normalization: String, convolution: String)? = nil
    ) {
        self.normalization = normalization
        self.activation = activation
        self.convolution = convolution
        self.names = names
    }

    /// Normalizes, activates and convolves.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try self(x, scope, from: 0)
    }

    var places: Int { activation == nil ? 2 : 3 }

    func callAsFunction(_ x: Tensor, _ scope: Scope, from place: Int) throws -> Tensor {
        let names = names ?? ("\(place)", "\(place + places - 1)")
        let before = ActivatedNormalization(normalization, activation: activation, name: names.normalization)
        let y = try self.names == nil ? before(x, scope, from: place) : before(x, scope)
        let last = convolution.prepared(for: normalization, at: scope.child(names.normalization))
        return try scope.apply(names.convolution, last, to: y)
    }
}

/// A normalization and the activation after it, unless the normalization brings its own.
///
/// Adds no level to paths, as `ConvolutionUnit`.
public struct ActivatedNormalization: Layer, Transparent {
    /// The normalization.
    public var normalization: Normalization
    /// What follows; `nil` for nothing.
    public var activation: (any Layer)?
    /// The name of the normalization; `nil` for its place.
    public var name: String?

    /// Makes the pair.
    public init(_ normalization: Normalization, activation: (any Layer)? = ReLU(), name: String? = nil) {
        self.normalization = normalization
        self.activation = activation
        self.name = name
    }

    /// Normalizes and activates.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let y = try normalized(x, scope, name ?? "0")
        return try ownActivation(scope, name ?? "0")?(y, scope) ?? y
    }

    var places: Int { activation == nil ? 1 : 2 }

    func callAsFunction(_ x: Tensor, _ scope: Scope, from place: Int) throws -> Tensor {
        let y = try normalized(x, scope, name ?? "\(place)")
        guard let activation = ownActivation(scope, name ?? "\(place)") else { return y }
        return try scope.apply("\(place + 1)", activation, to: y)
    }

    private func normalized(_ x: Tensor, _ scope: Scope, _ name: String) throws -> Tensor {
        let followed = FollowedNormalization(normalization: normalization, isActivated: activation != nil)
        return try scope.apply(name, followed, to: x)
    }

    /// The activation that is left to do.
    private func ownActivation(_ scope: Scope, _ name: String) -> (any Layer)? {
        scope.child(name).normalization(normalization).kind.isActivated ? nil : activation
    }
}

extension WeightedLayer {
    /// The layer with the transform of weights that the normalization in a scope, overrides included, asks for.
    fileprivate func prepared(for normalization: Normalization, at scope: Scope) -> Self {
        var result = self
        result.weights = scope.normalization(normalization).weights
        return result
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
