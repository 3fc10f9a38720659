import RenormGraphs

/// A part of a network: a value that holds configuration and nothing else. What it learns lives in `Variables`, under
/// paths that its scope knows.
///
///     struct Block: Layer {
///         var channels: Int
///
///         func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
///             let y = try scope.apply("conv", Convolution(channels, kernel: 3, bias: false), to: x)
///             return try scope.apply("bn", Normalization(.batchRenorm), to: y).relu()
///         }
///     }
///
/// Activations are `[N, H, W, C]`; input channels are inferred.
public protocol Layer: Sendable {
    /// Adds the layer's computation to the graph under construction and returns its result.
    ///
    /// - Throws: `GraphError` when the input does not fit, or what the layer's own options forbid.
    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor

    /// The layer in a few words, for `renorm describe`; empty for layers that only contain others.
    var summary: String { get }
}

extension Layer {
    /// Nothing, as for layers that only contain others.
    public var summary: String { "" }

    /// The layer under a name of its own: its variables live at `name.…`.
    public func named(_ name: String) -> Named { Named(name: name, layer: self) }
}

/// A layer with a name, which becomes a component of its variables' paths.
public struct Named: Layer {
    /// The component of the path.
    public var name: String
    /// The layer.
    public var layer: any Layer

    /// Gives a layer a name.
    public init(name: String, layer: any Layer) {
        self.name = name
        self.layer = layer
    }

    /// Calls the layer one level down.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try scope.apply(name, layer, to: x)
    }
}
