import RenormGraphs

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

/// Layers one after another. A layer without a name is named by its place, from 0, as in PyTorch; `Residual`, `Chain` and
/// `Branches` have no name, and their parts take the places that follow.
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
        try scope.apply(layers, from: 0, to: x)
    }
}

/// A layer that adds no level to paths: its parts belong to the layer around it, unnamed ones under the places from
/// `place` on.
protocol Transparent: Layer {
    /// The number of places that its parts take.
    var places: Int { get }

    func callAsFunction(_ x: Tensor, _ scope: Scope, from place: Int) throws -> Tensor
}

/// Layers one after another that add no level to paths: a way of several layers in `Branches`. Layers without names take the
/// places that follow.
public struct Chain: Layer, Transparent {
    /// The layers in order.
    public var layers: [any Layer]

    /// Makes a chain.
    public init(@LayerBuilder _ layers: () -> [any Layer]) { self.layers = layers() }

    /// Calls each layer on the result of the one before.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try self(x, scope, from: 0)
    }

    var places: Int { Scope.places(of: layers) }

    func callAsFunction(_ x: Tensor, _ scope: Scope, from place: Int) throws -> Tensor {
        try scope.apply(layers, from: place, to: x)
    }
}

/// x plus the body's result: body(x) + shortcut(x). Adds no level to paths (He et al. 2016).
///
/// Without a shortcut x is added as it is; its shape must then be the body's. Parts without names are numbered through:
/// first the body's, then the shortcut's.
public struct Residual: Layer, Transparent {
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
    ///
    /// - Throws: `GraphError.shapes` if their shapes differ.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try self(x, scope, from: 0)
    }

    var places: Int { Scope.places(of: body.layers) + Scope.places(of: shortcut) }

    func callAsFunction(_ x: Tensor, _ scope: Scope, from place: Int) throws -> Tensor {
        let y = try scope.apply(body.layers, from: place, to: x)
        let around = try scope.apply(shortcut, from: place + Scope.places(of: body.layers), to: x)
        guard y.shape == around.shape else {
            throw GraphError.shapes(
                operation: "residual", path: scope.path, found: [y.shape, around.shape],
                expected: "equal shapes of body and shortcut; give it a shortcut that strides and widens")
        }
        return try y + around
    }
}

/// Layers side by side on the same input, their results concatenated along the channels. Adds no level to paths;
/// branches without names are numbered by their places.
public struct Branches: Layer, Transparent {
    /// The layers.
    public var branches: [any Layer]

    /// Makes branches.
    public init(@LayerBuilder _ branches: () -> [any Layer]) { self.branches = branches() }

    /// Concatenates the branches' results.
    ///
    /// - Throws: `GraphError.shapes` if they differ in more than their channels.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try self(x, scope, from: 0)
    }

    var places: Int { Scope.places(of: branches) }

    func callAsFunction(_ x: Tensor, _ scope: Scope, from place: Int) throws -> Tensor {
        guard !branches.isEmpty else {
            throw GraphError.option(
                operation: "branches", path: scope.path, found: "no branches", expected: "at least one")
        }
        var place = place
        let results = try branches.map { branch in
            defer { place += Scope.places(of: [branch]) }
            return try scope.apply([branch], from: place, to: x)
        }
        return try Tensor.concatenate(results, axis: results[0].shape.rank - 1)
    }
}

extension Scope {
    /// The number of places that layers in a row take.
    fileprivate static func places(of layers: [any Layer]) -> Int {
        layers.reduce(0) { $0 + (($1 as? any Transparent)?.places ?? 1) }
    }

    /// Calls layers one after another, each under its name or, without one, under its place.
    fileprivate func apply(_ layers: [any Layer], from first: Int, to x: Tensor) throws -> Tensor {
        var (y, place) = (x, first)
        for layer in layers {
            switch layer {
            case let named as Named: y = try named(y, self)
            case let transparent as any Transparent: y = try transparent(y, self, from: place)
            default: y = try apply(String(place), layer, to: y)
            }
            place += Scope.places(of: [layer])
        }
        return y
    }
}
