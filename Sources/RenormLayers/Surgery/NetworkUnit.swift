import RenormGraphs

/// A stretch of a network that a tensor enters and a tensor leaves: a convolution with what follows it, or a whole block
/// with its branches.
public struct NetworkUnit: Sendable, Hashable, Codable {
    /// The layers in it in the order of their results, those without variables included.
    public var layers: [String]
}

extension Model {
    /// The units of the network in order, which is what depth is counted in.
    ///
    /// The network is cut where it is one tensor wide: between the layers of a chain, and around, never inside, residual
    /// blocks and branches. What has no weights of its own, a normalization, an activation or a pooling, belongs to the unit
    /// before it. So ResNet-18 has ten: the first convolution, eight blocks, and the last dense layer.
    ///
    /// - Throws: `GraphError` if the images do not fit the layers.
    public func units() throws -> [NetworkUnit] {
        let builder = GraphBuilder()
        let images = try builder.images(input, batch: 1)
        let trace = Trace(builder: builder, phase: .inference, overrides: overrides, seed: 0)
        _ = try layer(images, Scope(trace: trace))
        let graph = builder.graph
        let leaves = trace.records.filter { !$0.callsOthers }.sorted { $0.node < $1.node }
        // Weights have at least two axes; vectors alone are a normalization's.
        let weighty = Set(
            graph.variables.values.filter { $0.kind == .parameter && $0.shape.rank > 1 }.map(\.layer))
        func weighs(_ layers: [String]) -> Bool { layers.contains(where: weighty.contains) }
        var units: [NetworkUnit] = []
        var rest = leaves[...]
        for cut in graph.cuts(of: images.id) {
            let inside = rest.prefix { $0.node <= cut }.map(\.path)
            rest = rest.dropFirst(inside.count)
            if let last = units.last, !weighs(inside) || !weighs(last.layers) {
                units[units.count - 1].layers += inside
            } else if !inside.isEmpty {
                units.append(NetworkUnit(layers: inside))
            }
        }
        if !rest.isEmpty { units.append(NetworkUnit(layers: rest.map(\.path))) }
        return units
    }
}

extension VariableSpecification {
    /// The path of the layer that has it.
    var layer: String { path.lastIndex(of: ".").map { String(path[..<$0]) } ?? "" }
}

extension Graph {
    /// The places where the network is one tensor wide, in order: what is computed of the images and past which nothing
    /// earlier that is computed of them is read.
    fileprivate func cuts(of images: NodeID) -> [NodeID] {
        var depends = [Bool](repeating: false, count: nodes.count)
        var lastUse = [Int](repeating: 0, count: nodes.count)
        depends[images.index] = true
        for (index, node) in nodes.enumerated() {
            for input in node.inputs where depends[input.index] {
                depends[index] = true
                lastUse[input.index] = index
            }
        }
        var (reach, result) = (lastUse[images.index], [NodeID]())
        for index in nodes.indices where depends[index] && index != images.index {
            if reach <= index { result.append(NodeID(index)) }
            reach = max(reach, lastUse[index])
        }
        return result
    }
}
