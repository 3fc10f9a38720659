import RenormArrays
import RenormGraphs

extension Architecture {
    /// The variables whose shape depends on the number of classes: the last layer's, in their order. Found by tracing the network for
    /// two numbers of classes.
    ///
    /// - Throws: As `makeLayer`.
    public func headPaths() throws -> [String] {
        try pathsThatDiffer { $0.classes += $0.classes < Int(Int32.max) ? 1 : -1 }
    }

    /// The variables whose shape depends on the number of channels of an image: the first convolution's weight.
    ///
    /// - Throws: As `makeLayer`.
    public func inputPaths() throws -> [String] {
        try pathsThatDiffer { $0.input = [$0.input[0], $0.input[1], $0.input[2] + 1] }
    }

    /// The variables whose shape is another in another architecture.
    private func pathsThatDiffer(_ change: (inout Architecture) -> Void) throws -> [String] {
        var other = self
        change(&other)
        let (own, others) = (try specifications(), try other.specifications())
        let shapes = Dictionary(others.map { ($0.path, $0.shape) }, uniquingKeysWith: { first, _ in first })
        return own.filter { shapes[$0.path] != $0.shape }.map(\.path)
    }
}

extension Model {
    /// The network without the layer that gives its result, such as the dense layer `fc`: it gives features.
    ///
    ///     let features = try model.removingLayer("fc")
    ///
    /// - Parameter path: The path of a layer, without its variables' names.
    /// - Throws: `GraphError.unknown` if there is no such layer; `GraphError` if the layers after it do not take what is before it.
    public func removingLayer(_ path: String) throws -> Model {
        let builder = GraphBuilder()
        let known = try trace(builder.images(input, batch: 1), on: builder, phase: .inference).layers.map(
            \.path)
        guard known.contains(path) else {
            throw GraphError.unknown(what: "layer", name: path, known: known)
        }
        var result = self
        result.overrides.append(Override(PathPattern(path), isRemoved: true))
        let left = Set(try result.specifications().map(\.path))
        result.variables = variables.filter { name, _ in left.contains(name) }
        return result
    }
}
