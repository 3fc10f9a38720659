import RenormArrays

extension Graph {
    /// The graph with normalizations by fixed vectors folded into the convolutions before them:
    /// a·(W ∗ x + c − m) + b is (a·W) ∗ x + (b + a·(c − m)), a pass less over the activation.
    ///
    /// Folded is what depends on variables alone and what nothing else reads, so that in inference every batch
    /// normalization after a convolution goes, and in training none. No requested value changes but by rounding.
    public func foldingNormalizations() -> Graph {
        let folding = Folding(self)
        guard !folding.folded.isEmpty else { return self }
        var result = self
        result.nodes = []
        var renumbered: [NodeID] = []
        for (index, node) in nodes.enumerated() {
            var node = node
            node.inputs = node.inputs.map { renumbered[$0.index] }
            if let convolution = folding.folded[index] {
                let operands = nodes[convolution].inputs.map { renumbered[$0.index] }
                renumbered.append(result.append(node, foldedInto: nodes[convolution], operands))
            } else {
                renumbered.append(result.append(node))
            }
        }
        return replacing(nodes: result.nodes, places: renumbered, by: "folding normalizations").pruned()
    }

    private mutating func append(_ node: Node) -> NodeID {
        nodes.append(node)
        return NodeID(nodes.count - 1)
    }

    /// Adds the convolution that computes an affine operation of a convolution, whose operands are given.
    private mutating func append(_ affine: Node, foldedInto convolution: Node, _ operands: [NodeID]) -> NodeID
    {
        func add(_ op: Op, _ inputs: [NodeID], _ shape: TensorShape) -> NodeID {
            append(
                Node(op: op, inputs: inputs, shape: shape, type: .f32, path: affine.path, part: affine.part))
        }
        let weight = self[operands[1]].shape
        let vector: TensorShape = [weight[0]]
        let (m, a, b) = (
            add(.reshape, [affine.inputs[1]], vector), add(.reshape, [affine.inputs[2]], vector),
            add(.reshape, [affine.inputs[3]], vector)
        )
        let column = add(.reshape, [a], [weight[0], 1, 1, 1])
        let factor = add(.broadcast, [column], weight)
        let scaled = add(.binary(.multiply), [operands[1], factor], weight)
        let gap =
            operands.count > 2
            ? add(.binary(.subtract), [operands[2], m], vector) : add(.unary(.negate), [m], vector)
        let product = add(.binary(.multiply), [a, gap], vector)
        let bias = add(.binary(.add), [b, product], vector)
        var folded = affine
        folded.op = convolution.op
        folded.inputs = [operands[0], scaled, bias]
        return append(folded)
    }
}

/// Which affine operations are folded into which convolutions.
private struct Folding {
    /// By the affine operation, its convolution.
    private(set) var folded: [Int: Int] = [:]

    init(_ graph: Graph) {
        let (consumers, requested) = (graph.consumers, graph.requested)
        // A convolution that the backward part computes again must have the same bits there.
        let copied = Set(
            graph.nodes.compactMap { node in
                if case .convolution = node.op, node.part == .backward { node.inputs[1] } else { nil }
            })
        var isFixed: [Bool] = []
        for (index, node) in graph.nodes.enumerated() {
            switch node.op {
            case .variable, .constant: isFixed.append(true)
            case .input, .schedule, .step, .random: isFixed.append(false)
            default: isFixed.append(node.inputs.allSatisfy { isFixed[$0.index] })
            }
            guard case .affine = node.op, graph[node.inputs[1]].shape[0] == 1,
                node.inputs[1...3].allSatisfy({ isFixed[$0.index] })
            else { continue }
            let convolution = node.inputs[0]
            guard case .convolution = graph[convolution].op, consumers[convolution.index].count == 1,
                !requested.contains(convolution), !copied.contains(graph[convolution].inputs[1]),
                graph[convolution].inputs[1...].allSatisfy({ isFixed[$0.index] })
            else { continue }
            folded[index] = convolution.index
        }
    }
}
