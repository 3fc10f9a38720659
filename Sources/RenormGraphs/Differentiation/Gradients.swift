extension GraphBuilder {
    /// The gradients of a scalar with respect to tensors, by reverse-mode differentiation: graph to graph. The new
    /// nodes carry the path of the node they differentiate and belong to the backward part.
    ///
    /// A target that the scalar does not depend on has the gradient zero.
    public func gradients(of loss: Tensor, for targets: [Tensor]) throws -> [Tensor] {
        guard loss.shape.elementCount == 1 else {
            throw GraphError.shapes(
                operation: "gradients", path: path, found: [loss.shape], expected: "a scalar to differentiate"
            )
        }
        let needed = nodesBetween(targets.map(\.id), and: loss.id)
        var adjoints: [NodeID: Tensor] = [loss.id: constant(1, shape: loss.shape, type: loss.type)]
        for index in (0...loss.id.index).reversed() where needed[index] {
            let id = NodeID(index)
            guard let adjoint = adjoints[id] else { continue }
            let node = graph[id]
            let contributions = try within(path: node.path, role: .inner, part: .backward) {
                try gradientRule(Differentiated(id: id, node: node, builder: self, needed: needed), adjoint)
            }
            for (operand, contribution) in zip(node.inputs, contributions) {
                guard let contribution, needed[operand.index] else { continue }
                adjoints[operand] =
                    try adjoints[operand].map { sum in
                        try within(path: graph[operand].path, role: .inner, part: .backward) {
                            try sum + contribution
                        }
                    } ?? contribution
            }
        }
        return targets.map { adjoints[$0.id] ?? constant(0, shape: $0.shape, type: $0.type) }
    }

    /// Which nodes lie on a way from one of the targets to the loss.
    private func nodesBetween(_ targets: [NodeID], and loss: NodeID) -> [Bool] {
        var depends = [Bool](repeating: false, count: graph.nodes.count)
        for target in targets { depends[target.index] = true }
        for index in 0..<graph.nodes.count where !depends[index] {
            if case .stopGradient = graph.nodes[index].op { continue }
            depends[index] = graph.nodes[index].inputs.contains { depends[$0.index] }
        }
        var reaches = [Bool](repeating: false, count: graph.nodes.count)
        reaches[loss.index] = true
        for index in (0...loss.index).reversed() where reaches[index] {
            for input in graph.nodes[index].inputs { reaches[input.index] = true }
        }
        return zip(depends, reaches).map { $0 && $1 }
    }
}

/// A node as its gradient rule sees it.
struct Differentiated {
    let id: NodeID
    let node: Node
    let builder: GraphBuilder
    let needed: [Bool]

    /// The node's result.
    var output: Tensor { Tensor(id: id, builder: builder) }

    /// An operand.
    subscript(index: Int) -> Tensor { Tensor(id: node.inputs[index], builder: builder) }

    /// Whether the gradient with respect to an operand is wanted.
    func needs(_ index: Int) -> Bool { needed[node.inputs[index].index] }

    /// The gradient of an operand if it is wanted.
    func ifNeeded(_ index: Int, _ gradient: () throws -> Tensor) rethrows -> Tensor? {
        needs(index) ? try gradient() : nil
    }
}

extension GraphBuilder {
    /// The contributions of a node to its operands' gradients, given the gradient `dy` of its result.
    func gradientRule(_ node: Differentiated, _ dy: Tensor) throws -> [Tensor?] {
        switch node.node.op {
        case .input, .variable, .schedule, .step, .constant, .random, .stopGradient, .rightAnswers:
            return node.node.inputs.map { _ in nil }
        case .unary, .binary, .compare, .select, .convert, .barrier, .activation:
            return try elementwiseRule(node, dy)
        case .broadcast, .reduce, .reshape, .transpose, .slice, .pad, .concatenate:
            return try shapeRule(node, dy)
        case .convolution, .maxPool, .averagePool, .matmul, .softmaxCrossEntropy:
            return try structuredRule(node, dy)
        case .moments:
            return [try momentsRule(node, dy)]
        case .affine(let projection):
            return try affineRule(node, dy, projection)
        case .convolutionInputGradient, .convolutionWeightGradient, .maxPoolGradient, .averagePoolGradient,
            .affineSums, .affineGradient, .activationGradient, .softmaxCrossEntropyGradient, .filteredMoments:
            throw GraphError.option(
                operation: node.node.op.name, path: node.node.path,
                found: "a gradient to be differentiated again",
                expected: "first derivatives only")
        }
    }
}
