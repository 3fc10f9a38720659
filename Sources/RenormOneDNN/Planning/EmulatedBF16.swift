import RenormArrays
import RenormGraphs

extension Graph {
    /// The graph with convolutions of bf16 computed in f32, between conversions: for processors without instructions that
    /// multiply bf16, where a convolution that oneDNN emulates takes five times as long.
    ///
    /// The numbers are the same but for the order of sums: operands are rounded to bf16, products of them are exact in f32 and
    /// summed there, and the result is rounded. What is kept of an activation stays bf16; its f32 copy lives as long as
    /// the convolutions next to it, and the backward part makes its own.
    ///
    /// - Parameter isLeft: Says which convolutions stay as they are.
    func convolvingInF32(except isLeft: (ConvolutionGeometry) -> Bool) -> Graph {
        guard nodes.contains(where: { $0.type == .bf16 }) else { return self }
        var widening = Widening()
        for node in nodes {
            let isWidened =
                ConvolutionGeometry(node, in: self).map { $0.type == .bf16 && !isLeft($0) } ?? false
            widening.append(node, isWidened: isWidened)
        }
        return replacing(nodes: widening.nodes, places: widening.places, by: "convolving in f32")
    }
}

/// A graph on its way to convolutions in f32.
private struct Widening {
    /// An operand of a convolution, as the forward or the backward part reads it.
    private struct Operand: Hashable {
        var source: NodeID
        var part: Part
    }

    private(set) var nodes: [Node] = []
    /// For each node of the old graph, its place in the new one.
    private(set) var places: [NodeID] = []
    private var wide: [Operand: NodeID] = [:]

    /// Adds a node of the old graph.
    mutating func append(_ old: Node, isWidened: Bool) {
        var node = old
        node.inputs = old.inputs.map { places[$0.index] }
        guard isWidened else { return places.append(add(node)) }
        node.type = .f32
        switch node.op {
        case .convolutionWeightGradient:
            node.inputs = node.inputs.map { widened($0, for: node) }
            places.append(add(node))
        default:
            node.inputs[0] = widened(node.inputs[0], for: node)
            node.inputs[1] = rounded(node.inputs[1], for: node)
            places.append(converted(add(node), to: .bf16, for: old))
        }
    }

    private mutating func add(_ node: Node) -> NodeID {
        nodes.append(node)
        return NodeID(nodes.count - 1)
    }

    private mutating func converted(_ id: NodeID, to type: ElementType, for reader: Node) -> NodeID {
        add(
            Node(
                op: .convert, inputs: [id], shape: nodes[id.index].shape, type: type, path: reader.path,
                part: reader.part))
    }

    /// An activation in f32.
    private mutating func widened(_ id: NodeID, for reader: Node) -> NodeID {
        guard nodes[id.index].type == .bf16 else { return id }
        let operand = Operand(source: id, part: reader.part)
        if let known = wide[operand] { return known }
        let result = converted(id, to: .f32, for: reader)
        wide[operand] = result
        return result
    }

    /// A weight of f32 with the values that it has in bf16.
    private mutating func rounded(_ id: NodeID, for reader: Node) -> NodeID {
        let operand = Operand(source: id, part: .forward)
        if let known = wide[operand] { return known }
        let narrow = nodes[id.index].type == .bf16 ? id : converted(id, to: .bf16, for: reader)
        let result = converted(narrow, to: .f32, for: reader)
        wide[operand] = result
        return result
    }
}
