import RenormArrays

/// What holds for every graph, whoever made it. Rewrites check their results in debug builds.
extension Graph {
    /// The graph, which a rewrite has made: in debug builds a graph that breaks a rule stops the program.
    func checked(after rewrite: String) -> Graph {
        assert(violation == nil, "\(rewrite) has made a wrong graph: \(violation ?? "")")
        return self
    }

    /// What is wrong with the graph, in one sentence; `nil` for a graph that can be compiled.
    ///
    /// Operands come before their readers, shapes are those that the operations give, every variable and schedule that is
    /// read or updated is declared, results exist, and a variable has one update of its own shape.
    package var violation: String? {
        var names: Set<String> = []
        for (index, node) in nodes.enumerated() {
            if let operand = node.inputs.first(where: { !(0..<index).contains($0.index) }) {
                return "%\(index) (\(node.op.name)) reads \(operand), which does not come before it"
            }
            if let problem = problem(of: node) { return "%\(index) (\(node.op.name)): \(problem)" }
            if case .input(let name) = node.op, !names.insert(name).inserted {
                return "two inputs are named '\(name)'"
            }
        }
        let results =
            fetches.map { ($0.name, $0.node) } + guards.map { ($0.path, $0.node) }
            + updates.map { ($0.path, $0.node) }
        if let (name, id) = results.first(where: { !nodes.indices.contains($0.1.index) }) {
            return "the result '\(name)' is \(id), which does not exist"
        }
        return updateProblem
    }

    private var updateProblem: String? {
        var updated: Set<String> = []
        for update in updates {
            guard let variable = variables[update.path] else {
                return "the update of '\(update.path)' has no variable"
            }
            if !updated.insert(update.path).inserted { return "'\(update.path)' is updated twice" }
            let shape = self[update.node].shape
            if shape != variable.shape {
                return "'\(update.path)' of \(variable.shape) is updated with \(shape)"
            }
        }
        return nil
    }

    /// What is wrong with a node whose operands exist.
    private func problem(of node: Node) -> String? {
        let shapes = node.inputs.map { self[$0].shape }
        func expected(_ shape: TensorShape?) -> String? {
            guard let shape, shape != node.shape else { return nil }
            return "has the shape \(node.shape) in place of \(shape)"
        }
        func holds(_ condition: Bool, _ rule: String) -> String? { condition ? nil : rule }
        switch node.op {
        case .input: return nil
        case .variable(let path):
            return variables[path].map { expected($0.shape) } ?? "'\(path)' is not declared"
        case .schedule(let name):
            return holds(schedules[name] != nil, "'\(name)' is not declared") ?? expected(.scalar)
        case .step, .constant: return expected(.scalar)
        case .random: return holds(shapes == [.scalar], "its counter is no scalar")
        case .convert: return expected(shapes[0])
        case .broadcast:
            return holds(
                shapes[0].broadcast(with: node.shape) == node.shape, "\(shapes[0]) is no \(node.shape)")
        case .reshape:
            return holds(
                shapes[0].elementCount == node.shape.elementCount, "\(shapes[0]) is no \(node.shape)")
        case .slice(let starts):
            let isInside =
                starts.count == shapes[0].rank && node.shape.rank == shapes[0].rank
                && starts.indices.allSatisfy { starts[$0] + node.shape[$0] <= shapes[0][$0] }
            return holds(isInside, "\(node.shape) from \(starts) is not inside \(shapes[0])")
        // A gradient has the shape of what it is the gradient of, and the operation itself gives that of dy.
        case .convolutionInputGradient(let options):
            return mismatch(.convolution(options), of: [node.shape, shapes[1]], with: shapes[0], node)
        case .convolutionWeightGradient(let options):
            return mismatch(.convolution(options), of: [shapes[0], node.shape], with: shapes[1], node)
        case .maxPoolGradient(let options):
            return expected(shapes[0])
                ?? mismatch(.maxPool(options), of: [node.shape], with: shapes[1], node)
        case .averagePoolGradient(let options):
            return mismatch(.averagePool(options), of: [node.shape], with: shapes[0], node)
        default:
            return inferred(node.op, shapes, node) { expected($0) }
        }
    }

    /// What is wrong if an operation on these shapes does not give `result`.
    private func mismatch(
        _ op: Op, of shapes: [TensorShape], with result: TensorShape, _ node: Node
    ) -> String? {
        inferred(op, shapes, node) { $0 == result ? nil : "belongs to \($0) in place of \(result)" }
    }

    private func inferred(
        _ op: Op, _ shapes: [TensorShape], _ node: Node, _ check: (TensorShape) -> String?
    ) -> String? {
        let operands = Operands(
            op: op, shapes: shapes, types: node.inputs.map { self[$0].type }, path: node.path)
        do { return check(try operands.inferredShape()) } catch { return "\(error)" }
    }
}
