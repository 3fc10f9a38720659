/// Guards that inference needs so that nothing that is not finite passes for a result.
extension Graph {
    /// The graph with guards on what a result does not show though it is not finite, such as an infinite deviation: x / ∞
    /// is 0. Everything else that is not finite makes a result that depends on it so too, so these few, mostly vectors,
    /// and a look at the results are enough.
    ///
    /// A ReLU6 hides everything, but knows what it is given: sums of at most so many products of weights with numbers up
    /// to 6. Their bound, which depends on variables alone, is guarded, and the ReLU6 becomes one of numbers. So a guard
    /// can fail though everything is finite, if barely; a run with `guardingEveryNode` settles it. One that only x multiplies, as in a
    /// hard swish x · relu6(x + 3), hides nothing.
    public func guardingWhatHides() -> Graph {
        let consumers = consumers
        var hidden: Set<NodeID> = []
        var bounds = MagnitudeBounds(self)
        var result: [Guard] = []
        for (index, node) in nodes.enumerated() {
            hidden.formUnion(
                node.inputs.filter { hides($0, in: NodeID(index), consumers[index]) }.map(viewed))
            if case .moments = node.op { hidden.insert(NodeID(index)) }
            if case .activation(.relu6) = node.op {
                bounds.graph.nodes[index].op = .activation(.relu6OfNumbers)
                if isShownByProducts(NodeID(index), consumers[index]) { continue }
                result.append(Guard(path: node.path, node: bounds.bound(of: node.inputs[0])))
            }
        }
        for id in hidden.sorted() where !self[id].isGiven {
            let node = self[id]
            let wide = node.type == .bf16 ? bounds.add(.convert, [id], node.shape) : id
            result.append(Guard(path: node.place, node: wide))
        }
        bounds.graph.guards += result
        return bounds.graph.checked(after: "guarding what hides")
    }

    /// The graph with a guard on everything that is computed and on every variable, in order, so that running it names
    /// the first layer whose values are not finite. Slower, because nothing can be fused, but in little more memory: what
    /// is kept of each value is whether all of it is finite.
    public func guardingEveryNode() -> Graph {
        var result = self
        result.nodes = []
        var each: [Guard] = []
        var renumbered: [NodeID] = []
        for node in nodes {
            var node = node
            node.inputs = node.inputs.map { renumbered[$0.index] }
            let id = result.append(node)
            renumbered.append(id)
            if !node.isGiven { each.append(Guard(path: node.place, node: result.finite(id))) }
        }
        result = replacing(nodes: result.nodes, places: renumbered, by: "guarding every node")
        result.guards = each + result.guards
        return result
    }

    private mutating func append(_ node: Node) -> NodeID {
        nodes.append(node)
        return NodeID(nodes.count - 1)
    }

    /// Adds a number that is finite if all elements of a node are.
    private mutating func finite(_ id: NodeID) -> NodeID {
        let (shape, type, path) = (self[id].shape, self[id].type, self[id].path)
        let each = append(Node(op: .unary(.isFinite), inputs: [id], shape: shape, type: type, path: path))
        let all = append(
            Node(
                op: .reduce(.minimum, axes: Array(0..<shape.rank)), inputs: [each], shape: .scalar,
                type: type.ofSums, path: path))
        let one = append(Node(op: .constant(1), inputs: [], shape: .scalar, type: type.ofSums, path: path))
        return append(
            Node(
                op: .binary(.divide), inputs: [one, all], shape: .scalar, type: type.ofSums, path: path))
    }

    /// The node whose values this one shows under another shape: itself, if it is no such view.
    private func viewed(_ id: NodeID) -> NodeID {
        switch self[id].op {
        case .broadcast, .reshape, .stopGradient, .barrier: viewed(self[id].inputs[0])
        default: id
        }
    }

    /// Whether a function of x, or of x and a constant, is read by products with x alone, which are not finite where x is not: 0 · ∞ is
    /// NaN.
    private func isShownByProducts(_ id: NodeID, _ readers: [NodeID]) -> Bool {
        var arguments = [self[id].inputs[0]]
        if case .binary(.add) = self[arguments[0]].op {
            let terms = self[arguments[0]].inputs
            arguments += terms.indices.filter { isConstant(terms[1 - $0]) }.map { terms[$0] }
        }
        let isResult = readers.isEmpty || fetches.contains { $0.node == id }
        return !isResult
            && readers.allSatisfy { reader in
                if case .binary(.multiply) = self[reader].op {
                    self[reader].inputs.contains(where: arguments.contains)
                } else {
                    false
                }
            }
    }

    /// Whether it is a number so small that adding it makes nothing infinite.
    private func isConstant(_ id: NodeID) -> Bool {
        switch self[id].op {
        case .constant(let value): abs(value) < 1e6
        case .broadcast, .convert: isConstant(self[id].inputs[0])
        default: false
        }
    }

    /// Whether a node's result can be finite though this operand is not.
    private func hides(_ operand: NodeID, in id: NodeID, _ readers: [NodeID]) -> Bool {
        let node = self[id]
        switch node.op {
        case .binary(.divide):
            return operand == node.inputs[1]
        case .binary(.maximum), .binary(.minimum), .reduce(.zeros, _), .rightAnswers:
            return true
        case .maxPool(let options):
            // What an activation gives is not finite only if it is NaN or ∞, and these win. (In huge windows, which engines
            // leave to others' passes, NaN may not.)
            guard case .activation = self[operand].op else { return true }
            return options.window.reduce(1, *) > 200
        case .unary(.exp), .unary(.sign), .unary(.logistic), .unary(.tanh), .unary(.erf), .unary(.rsqrt):
            // x · sigmoid(x) and x · erf(x) show it.
            let shows = readers.allSatisfy { reader in
                if case .binary(.multiply) = self[reader].op {
                    self[reader].inputs.contains(operand)
                } else {
                    false
                }
            }
            return !shows || readers.isEmpty
        default:
            return false
        }
    }
}

extension Node {
    /// Whether its values are no result of a computation, or another node's under another shape.
    fileprivate var isGiven: Bool {
        switch op {
        case .constant, .schedule, .step, .broadcast, .reshape, .stopGradient, .barrier: true
        default: !type.isFloatingPoint
        }
    }

    /// What an error names: a variable by its own path.
    fileprivate var place: String {
        switch op {
        case .variable(let path): path
        case .input(let name): name
        default: path
        }
    }
}
