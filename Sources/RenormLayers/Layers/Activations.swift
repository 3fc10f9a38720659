import RenormGraphs

/// max(x, 0).
public struct ReLU: Layer, Hashable {
    /// Makes the layer.
    public init() {}

    /// The layer in a few words.
    public var summary: String { "ReLU" }

    /// Applies the function.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor { x.relu() }
}

/// min(max(x, 0), 6).
public struct ReLU6: Layer, Hashable {
    /// Makes the layer.
    public init() {}

    /// The layer in a few words.
    public var summary: String { "ReLU6" }

    /// Applies the function.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor { x.relu6() }
}

/// x · sigmoid(x).
public struct SiLU: Layer, Hashable {
    /// Makes the layer.
    public init() {}

    /// The layer in a few words.
    public var summary: String { "SiLU" }

    /// Applies the function.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor { try x.silu() }
}

/// x · Φ(x), Φ the distribution function of the standard normal distribution (Hendrycks & Gimpel 2016).
public struct GELU: Layer, Hashable {
    /// Whether Φ is approximated: x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³))).
    public var isApproximate: Bool

    /// Makes the layer; exact, as PyTorch's, unless told otherwise.
    public init(isApproximate: Bool = false) { self.isApproximate = isApproximate }

    /// The layer in a few words.
    public var summary: String { isApproximate ? "GELU by tanh" : "GELU" }

    /// Applies the function.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        guard isApproximate else { return try x.gelu() }
        let argument = try x * (x * x * 0.044715 + 1) * (2 / Double.pi).squareRoot()
        return try x * (argument.tanh() + 1) * 0.5
    }
}

/// 1 / (1 + e⁻ˣ).
public struct Sigmoid: Layer, Hashable {
    /// Makes the layer.
    public init() {}

    /// The layer in a few words.
    public var summary: String { "sigmoid" }

    /// Applies the function.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor { x.sigmoid() }
}

/// relu6(x + 3) / 6, a sigmoid of straight lines (Howard et al. 2019).
public struct HardSigmoid: Layer, Hashable {
    /// Makes the layer.
    public init() {}

    /// The layer in a few words.
    public var summary: String { "hard sigmoid" }

    /// Applies the function.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor { try x.hardSigmoid() }
}

/// x · relu6(x + 3) / 6 (Howard et al. 2019).
public struct HardSwish: Layer, Hashable {
    /// Makes the layer.
    public init() {}

    /// The layer in a few words.
    public var summary: String { "hard swish" }

    /// Applies the function.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor { try x.hardSwish() }
}
