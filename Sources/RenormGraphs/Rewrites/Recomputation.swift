/// What the backward part of a training step computes a second time, so that it need not be kept from the forward part.
/// The same values either way, to the bit.
public struct Recomputation: OptionSet, Sendable, Hashable {
    /// The choices as bits.
    public let rawValue: Int

    /// Makes choices from their bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// What one pass over memory gives again from what is kept anyway: a normalized, activated and added output from
    /// the convolution's result and the vectors m, a, b. Costs that pass before the next convolution's weight gradient.
    public static let passes = Recomputation(rawValue: 1)

    /// Everything between some places of the network where it is a single tensor wide, such as the outputs of residual
    /// blocks; only the tensors at these places are kept (gradient checkpointing, Chen et al. 2016). Costs at most
    /// another forward part; the last section is not computed again.
    ///
    /// Which places is chosen so that the memory of a step is the least: between them, what a section keeps while its
    /// backward part runs is balanced against what is kept for all of them.
    public static let blocks = Recomputation(rawValue: 2)
}

extension Graph {
    /// The graph with parts of its forward part computed again for its backward part.
    ///
    /// The backward part is what differentiation made (`Node.part`) and what depends on it. A copy of a node stands
    /// just before the first node of the backward part that reads it, behind a `barrier`, and belongs to the backward part.
    /// Moments, vectors made from them, random numbers and what depends on variables alone are never computed again,
    /// so statistics are updated once and dropout drops the same. Requested nodes, updates and guards stay as they are.
    public func recomputing(_ choices: Recomputation) -> Graph {
        guard !choices.isEmpty else { return self }
        let forward = ForwardPart(self)
        let passes = choices.contains(.passes) ? forward.nodesOfOnePass() : []
        var chosen = passes
        if choices.contains(.blocks) {
            let sections = Sections(forward, lastSectionKeepsAllBut: passes)
            chosen = forward.activations.filter {
                $0 < sections.lastStart ? !sections.kept.contains($0) : passes.contains($0)
            }.reduce(into: []) { $0.insert($1) }
        }
        chosen = chosen.filter { forward.canBeCopied($0) }
        guard !chosen.isEmpty else { return self }
        var copying = Copying(forward, chosen)
        return copying.rewritten().pruned()
    }
}

/// Puts copies of chosen nodes where the backward part first reads them.
private struct Copying {
    private let forward: ForwardPart
    private let graph: Graph
    private let chosen: Set<Int>
    private var nodes: [Node] = []
    private var places: [NodeID] = []
    private var copies: [Int: NodeID] = [:]
    private var barriers: [Int: NodeID] = [:]

    init(_ forward: ForwardPart, _ chosen: Set<Int>) {
        self.forward = forward
        graph = forward.graph
        self.chosen = chosen
    }

    mutating func rewritten() -> Graph {
        for index in graph.nodes.indices {
            var node = graph.nodes[index]
            let inputs = node.inputs.enumerated().map { position, input in
                chosen.contains(input.index) && forward.isBackwardRead(by: index, at: position)
                    ? copy(of: input.index) : places[input.index]
            }
            node.inputs = inputs
            places.append(append(node))
        }
        return graph.replacing(nodes: nodes, places: places, by: "recomputing")
    }

    private mutating func append(_ node: Node) -> NodeID {
        nodes.append(node)
        return NodeID(nodes.count - 1)
    }

    /// The copy of a node, made now with all that it needs, in the forward part's order, if it is not there yet.
    private mutating func copy(of index: Int) -> NodeID {
        var needed: Set<Int> = []
        var stack = [index]
        while let next = stack.popLast() {
            guard chosen.contains(next), copies[next] == nil, needed.insert(next).inserted else { continue }
            stack += graph.nodes[next].inputs.map(\.index)
        }
        for original in needed.sorted() {
            var node = graph.nodes[original]
            node.inputs = node.inputs.map { operand($0.index) }
            node.part = .backward
            copies[original] = append(node)
        }
        return copies[index]!
    }

    private mutating func operand(_ index: Int) -> NodeID {
        if let copy = copies[index] { return copy }
        guard forward.isKeptActivation(index) else { return places[index] }
        if let barrier = barriers[index] { return barrier }
        var node = graph.nodes[index]
        (node.op, node.inputs, node.role, node.part) = (.barrier, [places[index]], .inner, .backward)
        let barrier = append(node)
        barriers[index] = barrier
        return barrier
    }
}
