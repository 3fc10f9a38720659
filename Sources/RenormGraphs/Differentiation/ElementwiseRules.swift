extension GraphBuilder {
    func elementwiseRule(_ node: Differentiated, _ dy: Tensor) throws -> [Tensor?] {
        switch node.node.op {
        case .unary(let function):
            return [try unaryRule(function, node, dy)]
        case .binary(let function):
            return try binaryRule(function, node, dy)
        case .select:
            let zero = constant(0, shape: dy.shape, type: dy.type)
            return [
                nil, try node.ifNeeded(1) { try node[0].select(dy, zero) },
                try node.ifNeeded(2) { try node[0].select(zero, dy) },
            ]
        case .convert:
            // Rounding to whole numbers has no slope.
            let types = [node[0].type, node.node.type]
            return [types.allSatisfy(\.isFloatingPoint) ? dy.converted(to: types[0]) : nil]
        case .barrier:
            return [dy]
        case .activation(let activation):
            return [try infer(.activationGradient(activation), [dy, node.output])]
        default:
            return node.node.inputs.map { _ in nil }
        }
    }

    private func unaryRule(_ function: Unary, _ node: Differentiated, _ dy: Tensor) throws -> Tensor? {
        let (x, y) = (node[0], node.output)
        switch function {
        case .negate: return -dy
        case .exp: return try dy * y
        case .log: return try dy / x
        case .sqrt: return try dy * 0.5 / y
        case .rsqrt: return try dy * (-0.5) * y / x
        case .abs: return try dy * x.unary(.sign)
        case .logistic: return try dy * y * (1 - y)
        case .tanh: return try dy * (1 - y * y)
        case .erf: return try dy * (2 / Double.pi.squareRoot()) * (-(x * x)).exponential()
        case .sign, .isFinite: return nil
        }
    }

    private func binaryRule(_ function: Binary, _ node: Differentiated, _ dy: Tensor) throws -> [Tensor?] {
        let (a, b) = (node[0], node[1])
        switch function {
        case .add:
            return [dy, dy]
        case .subtract:
            return [dy, node.needs(1) ? -dy : nil]
        case .multiply:
            return [try node.ifNeeded(0) { try dy * b }, try node.ifNeeded(1) { try dy * a }]
        case .divide:
            return [
                try node.ifNeeded(0) { try dy / b }, try node.ifNeeded(1) { try -(dy * node.output / b) },
            ]
        case .maximum, .minimum:
            let first = try a.compare(function == .maximum ? .greaterOrEqual : .lessOrEqual, b)
            let zero = constant(0, shape: dy.shape, type: dy.type)
            return [
                try node.ifNeeded(0) { try first.select(dy, zero) },
                try node.ifNeeded(1) { try first.select(zero, dy) },
            ]
        case .power:
            return [
                try node.ifNeeded(0) { try dy * b * a.power(b - 1) },
                try node.ifNeeded(1) { try dy * node.output * a.logarithm() },
            ]
        }
    }

    func shapeRule(_ node: Differentiated, _ dy: Tensor) throws -> [Tensor?] {
        let x = node[0]
        switch node.node.op {
        case .broadcast:
            let missing = dy.shape.rank - x.shape.rank
            let axes = (0..<dy.shape.rank).filter {
                $0 < missing || (x.shape[$0 - missing] == 1 && dy.shape[$0] != 1)
            }
            return [try dy.sum(axes: axes).converted(to: x.type).reshaped(to: x.shape)]
        case .reduce(let reduction, let axes):
            var kept = x.shape
            for axis in axes { kept[axis] = 1 }
            let spread = try dy.converted(to: x.type).reshaped(to: kept).broadcast(to: x.shape)
            switch reduction {
            case .sum: return [spread]
            case .sumOfSquares: return [try spread * x * 2]
            case .zeros: return [nil]
            case .squaredDifferences:
                let dx = try spread * (x - node[1]) * 2
                return [dx, -dx]
            case .maximum, .minimum:
                // Equal largest values share the gradient, so that it does not depend on an order.
                let best = try node.output.converted(to: x.type).reshaped(to: kept).broadcast(to: x.shape)
                let mask = try x.compare(.equal, best)
                let count = try mask.sum(axes: axes).converted(to: x.type).reshaped(to: kept)
                    .broadcast(to: x.shape)
                return [try mask * spread / count]
            }
        case .reshape:
            return [try dy.reshaped(to: x.shape)]
        case .transpose(let permutation):
            let inverse = permutation.indices.map { permutation.firstIndex(of: $0)! }
            return [try dy.transposed(inverse)]
        case .slice(let starts):
            let high = starts.indices.map { x.shape[$0] - starts[$0] - dy.shape[$0] }
            return [try dy.padded(low: starts, high: high)]
        case .pad(let low, _):
            return [try dy.slice(starts: low, shape: x.shape)]
        case .concatenate(let axis):
            var starts = [Int](repeating: 0, count: dy.shape.rank)
            return try node.node.inputs.indices.map { index in
                defer { starts[axis] += node[index].shape[axis] }
                return try node.ifNeeded(index) { try dy.slice(starts: starts, shape: node[index].shape) }
            }
        default:
            return node.node.inputs.map { _ in nil }
        }
    }
}
