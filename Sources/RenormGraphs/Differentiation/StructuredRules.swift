extension GraphBuilder {
    func structuredRule(_ node: Differentiated, _ dy: Tensor) throws -> [Tensor?] {
        switch node.node.op {
        case .convolution(let options):
            let (x, weight) = (node[0], node[1])
            // The weight's gradient first: then x can go before the gradient with respect to it comes.
            let weightGradient =
                node.needs(1)
                ? append(.convolutionWeightGradient(options), [x.id, dy.id], weight.shape, weight.type) : nil
            var result = [
                node.needs(0)
                    ? append(.convolutionInputGradient(options), [dy.id, weight.id], x.shape, x.type) : nil,
                weightGradient,
            ]
            if node.node.inputs.count > 2 {
                result.append(try node.ifNeeded(2) { try dy.sum(axes: [0, 1, 2]) })
            }
            return result
        case .maxPool(let options):
            return [append(.maxPoolGradient(options), [node[0].id, dy.id], node[0].shape, dy.type)]
        case .averagePool(let options):
            return [append(.averagePoolGradient(options), [dy.id], node[0].shape, dy.type)]
        case .matmul(let transposeLeft, let transposeRight):
            let (a, b) = (node[0], node[1])
            return [
                try node.ifNeeded(0) {
                    transposeLeft
                        ? try b.matmul(dy, transposeLeft: transposeRight, transposeRight: true)
                        : try dy.matmul(b, transposeRight: !transposeRight)
                },
                try node.ifNeeded(1) {
                    transposeRight
                        ? try dy.matmul(a, transposeLeft: true, transposeRight: transposeLeft)
                        : try a.matmul(dy, transposeLeft: !transposeLeft)
                },
            ]
        case .softmaxCrossEntropy(let smoothing):
            return [
                append(
                    .softmaxCrossEntropyGradient(smoothing: smoothing), [node[0].id, node[1].id, dy.id],
                    node[0].shape, node[0].type), nil,
            ]
        default:
            return node.node.inputs.map { _ in nil }
        }
    }

    /// d mean / dx = 1 / n and d variance / dx = 2·(x − mean) / n, over the n values of a group and channel.
    func momentsRule(_ node: Differentiated, _ dy: Tensor) throws -> Tensor {
        let x = node[0]
        let count = Double(x.shape.elementCount / (dy.shape[1] * dy.shape[2]))
        return try x.affine(
            mean: node.output.element(0), scale: dy.element(1) * (2 / count),
            shift: dy.element(0) * (1 / count))
    }

    /// The gradient of y = a·(x − m) + b and the projection of it: everything on vectors `[G, C]` but two passes over
    /// the activations, one for both sums and one for dx.
    func affineRule(_ node: Differentiated, _ dy: Tensor, _ projection: Projection) throws -> [Tensor?] {
        let (x, m, a) = (node[0], node[1], node[2])
        let vector = m.shape
        switch projection {
        case .none:
            let zero = constant(0, shape: vector)
            let dx = try node.ifNeeded(0) { try dy.affine(mean: zero, scale: a, shift: zero) }
            guard node.needs(1) || node.needs(2) || node.needs(3) else { return [dx, nil, nil, nil] }
            let sums = try infer(.affineSums, [dy, x, m], type: m.type)
            let (t, s) = (try sums.element(0), try sums.element(1))
            return [dx, try node.ifNeeded(1) { try -(a * t) }, s, t]
        case .group(let channelGroups):
            let sums = try infer(.affineSums, [dy, x, m], type: m.type)
            let (t, s) = (try sums.element(0), try sums.element(1))
            let dx = try node.ifNeeded(0) {
                // p = a·dy; dx = p − mean(p) − (x − m)·mean(p·(x − m)) / v
                let count = Double(x.shape.elementCount / vector.elementCount)
                let meanOfP = try mean(a * t, count, channelGroups)
                let slope = try mean(a * s, count, channelGroups) / node[4]
                return try infer(.affineGradient, [dy, x, m, a, -slope, -meanOfP])
            }
            return [dx, nil, s, t, nil]
        case .mixed:
            let sums = try infer(.affineSums, [dy, x, m], type: m.type)
            let (t, s) = (try sums.element(0), try sums.element(1))
            let dx = try node.ifNeeded(0) { try mixedGradient(node, dy, sum: t, product: s) }
            return [dx, nil, s, t, nil, nil, nil]
        }
    }

    /// dx of a projection that is partly the group's and partly the step's, from Σ dy and Σ dy·(x − m) of each group.
    private func mixedGradient(
        _ node: Differentiated, _ dy: Tensor, sum: Tensor, product: Tensor
    ) throws -> Tensor {
        let (x, m, a, v) = (node[0], node[1], node[2], node[4])
        let vector = m.shape
        func overStep(_ ofGroups: Tensor) throws -> Tensor {
            try ofGroups.mean(axes: [0]).reshaped(to: [1, vector[1]])
        }
        // The same for all groups, or Σ dx would not be 0.
        let (k, l) = (try overStep(node[5]), try overStep(node[6]))
        let share = Double(vector.elementCount) / Double(x.shape.elementCount)
        // Of p = a·dy, and of p·(x − m).
        let mean = try a * sum * share
        let along = try a * product * share
        let stepMean = try overStep(mean)
        // The step's moments of x, and the slope of p on x.
        let center = try m - overStep(m)
        let stepVariance = try overStep(v + center.squared())
        let others = try overStep((1 - l) * along + (1 - k) * (center * mean)) / stepVariance
        let constant = try k * mean + (1 - k) * stepMean + others * center
        let slope = try l * along / v + others
        return try infer(.affineGradient, [dy, x, m, a, -slope, -constant])
    }

    /// The mean, over a group of values that share moments, of what `sums` `[G, C]` sums up per channel.
    private func mean(_ sums: Tensor, _ count: Double, _ channelGroups: Int) throws -> Tensor {
        let (groups, channels) = (sums.shape[0], sums.shape[1])
        if channelGroups == channels { return try sums * (1 / count) }
        let each = channels / channelGroups
        return try
            (sums.reshaped(to: [groups, channelGroups, each]).sum(axes: [2]) * (1 / (count * Double(each))))
            .reshaped(to: [groups, channelGroups, 1]).broadcast(to: [groups, channelGroups, each])
            .reshaped(to: sums.shape)
    }
}
