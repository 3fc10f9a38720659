extension Graph {
    /// The graph with its nodes in the order in which its results need them, the results nearest to the inputs first.
    ///
    /// Engines run nodes in the graph's order and free what is not needed any more. So what is asked about activations is
    /// computed as soon as they are there, whenever it was asked for, and two tracings of a network that are compared layer
    /// by layer run side by side: memory holds a few activations rather than all. Values do not change, nor do inputs.
    public func orderedByResults() -> Graph {
        // How many convolutions and products of matrices come one after another on the way to a node.
        var depths: [Int] = []
        for node in nodes {
            let before = node.inputs.map { depths[$0.index] }.max() ?? 0
            switch node.op {
            case .convolution, .matmul: depths.append(before + 1)
            default: depths.append(before)
            }
        }
        let inputs = nodes.indices.filter { if case .input = nodes[$0].op { true } else { false } }
        let results = Array(requested).sorted { (depths[$0.index], $0) < (depths[$1.index], $1) }
        var places = [NodeID](repeating: NodeID(-1), count: nodes.count)
        var ordered: [Node] = []
        // Operands first; a node is met again when they have their places.
        var stack = Array((inputs.map { NodeID($0) } + results).reversed())
        while let id = stack.last {
            let waiting = self[id].inputs.filter { places[$0.index].index < 0 }
            guard waiting.isEmpty, places[id.index].index < 0 else {
                if waiting.isEmpty { stack.removeLast() } else { stack += waiting.reversed() }
                continue
            }
            var node = self[id]
            node.inputs = node.inputs.map { places[$0.index] }
            places[id.index] = NodeID(ordered.count)
            ordered.append(node)
            stack.removeLast()
        }
        return replacing(nodes: ordered, places: places, by: "ordering by results")
    }
}
