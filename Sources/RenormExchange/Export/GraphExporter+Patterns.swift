import RenormArrays
import RenormFormats
import RenormGraphs

extension GraphExporter {
    /// A node that one operator does together with the nodes before it.
    mutating func fused(_ function: Binary, _ id: NodeID) throws -> Value? {
        let node = graph[id]
        switch function {
        case .add: return try gemm(id) ?? positionalNormalization(id)
        case .multiply:
            for (x, y) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
                guard !constants.isConstant[x.index], let factor = constants.number(y) else { continue }
                if let mean = try mean(x, factor, id) { return mean }
                if let hard = try hardFunction(x, factor, id) { return hard }
            }
            return nil
        default: return nil
        }
    }

    /// x·Wᵀ + b.
    private mutating func gemm(_ id: NodeID) throws -> Value? {
        let node = graph[id]
        let (product, bias) = (node.inputs[0], node.inputs[1])
        guard case .matmul(false, true) = graph[product].op, readers[product.index].count == 1,
            constants.isConstant[bias.index], constants.isConstant[graph[product].inputs[1].index]
        else { return nil }
        let vector = try constants.unstretched(bias)
        guard vector.elementCount == extents[id.index][1].factor else { return nil }
        let inputs =
            try graph[product].inputs.map { try operand($0, order: [0, 1]) } + [
                addNamed(
                    constants.name(bias) ?? "\(node.path).bias", vector.reshaped(to: [vector.elementCount]))
            ]
        return value(add("Gemm", inputs, at: node.path, ["transB": .integer(1)]), of: id, order: [0, 1])
    }

    /// Σ x / count.
    private mutating func mean(_ sum: NodeID, _ factor: Double, _ id: NodeID) throws -> Value? {
        guard case .reduce(.sum, let axes) = graph[sum].op, !axes.isEmpty else { return nil }
        let source = graph[sum].inputs[0]
        let counts = axes.map { extents[source.index][$0] }
        guard !counts.contains(where: \.growsWithBatch),
            abs(factor * Double(counts.reduce(1) { $0 * $1.factor }) - 1) < 1e-9
        else { return nil }
        return try reduced("ReduceMean", axes, id, of: source)
    }

    /// relu6(x + 3) / 6, and x times it.
    private mutating func hardFunction(_ inner: NodeID, _ factor: Double, _ id: NodeID) throws -> Value? {
        guard abs(factor * 6 - 1) < 1e-9 else { return nil }
        func shifted(_ node: NodeID) -> NodeID? {
            guard case .activation(let function) = graph[node].op, function != .relu else { return nil }
            let sum = graph[node].inputs[0]
            guard case .binary(.add) = graph[sum].op, constants.number(graph[sum].inputs[1]) == 3 else {
                return nil
            }
            return graph[sum].inputs[0]
        }
        let path = graph[id].path
        if let x = shifted(inner) {
            var result = value(x)
            result.name = add(
                "HardSigmoid", [result.name], at: path, ["alpha": .float(1.0 / 6), "beta": .float(0.5)])
            return result
        }
        guard case .binary(.multiply) = graph[inner].op, let x = shifted(graph[inner].inputs[1]),
            x == graph[inner].inputs[0]
        else { return nil }
        var result = value(x)
        result.name = add("HardSwish", [result.name], at: path)
        return result
    }
}
