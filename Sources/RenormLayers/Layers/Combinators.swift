/// Collects the layers of a block.
@resultBuilder
public enum LayerBuilder {
    /// One layer.
    public static func buildExpression(_ layer: any Layer) -> [any Layer] { [layer] }
    /// Several layers, such as a stage made by a function.
    public static func buildExpression(_ layers: [any Layer]) -> [any Layer] { layers }
    /// One layer after another.
    public static func buildBlock(_ parts: [any Layer]...) -> [any Layer] { parts.flatMap { $0 } }
    /// Layers of a loop.
    public static func buildArray(_ parts: [[any Layer]]) -> [any Layer] { parts.flatMap { $0 } }
    /// Layers of an `if`.
    public static func buildOptional(_ part: [any Layer]?) -> [any Layer] { part ?? [] }
    /// Layers of an `if` with `else`.
    public static func buildEither(first part: [any Layer]) -> [any Layer] { part }
    /// Layers of an `else`.
    public static func buildEither(second part: [any Layer]) -> [any Layer] { part }
}

/// Layers one after another. A layer without a name is named by its place, from 0, as in PyTorch.
///
///     Sequential {
///         Convolution(32, kernel: 3, bias: false).named("conv1")
///         Normalization(.batchRenorm).named("bn1")
///         ReLU()
///     }
public struct Sequential: Layer {
    /// The layers in order.
    public var layers: [any Layer]

    /// Makes a sequence.
    public init(@LayerBuilder _ layers: () -> [any Layer]) { self.layers = layers() }

    /// Calls each layer on the result of the one before.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var y = x
        for (index, layer) in layers.enumerated() { y = try scope.applyAt(index, layer, to: y) }
        return y
    }
}

/// x plus the body's result: body(x) + shortcut(x). Adds no level to paths (He et al. 2016).
///
/// Without a shortcut x is added as it is; its shape must then be the body's.
public struct Residual: Layer {
    /// What is added to the shortcut.
    public var body: Sequential
    /// The way around the body; empty for x itself.
    public var shortcut: [any Layer]

    /// Makes a residual block whose shortcut is x itself or the layers given.
    public init(
        @LayerBuilder _ body: () -> [any Layer], @LayerBuilder shortcut: () -> [any Layer] = { [] }
    ) {
        self.body = Sequential(body)
        self.shortcut = shortcut()
    }

    /// Adds both ways.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let y = try body(x, scope)
        var around = x
        for (index, layer) in shortcut.enumerated() { around = try scope.applyAt(index, layer, to: around) }
        guard y.shape == around.shape else {
            throw GraphError.shapes(
                operation: "residual", path: scope.path, found: [y.shape, around.shape],
                expected: "equal shapes of body and shortcut; give it a shortcut that strides and widens")
        }
        return try y + around
    }
}

/// Layers side by side on the same input, their results concatenated along the channels. Adds no level to paths.
public struct Branches: Layer {
    /// The layers.
    public var branches: [any Layer]

    /// Makes branches.
    public init(@LayerBuilder _ branches: () -> [any Layer]) { self.branches = branches() }

    /// Concatenates the branches' results.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let results = try branches.enumerated().map { try scope.applyAt($0, $1, to: x) }
        return try Tensor.concatenate(results, axis: x.shape.rank - 1)
    }
}

extension Scope {
    /// Calls a layer under its name or, without one, under its place.
    fileprivate func applyAt(_ index: Int, _ layer: any Layer, to x: Tensor) throws -> Tensor {
        if layer is Named || layer is Residual { return try layer(x, self) }
        return try apply(String(index), layer, to: x)
    }
}
