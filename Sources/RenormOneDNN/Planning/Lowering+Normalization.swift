import RenormArrays
import RenormGraphs
import RenormKernels

extension Lowering {
    /// Rows, channels and groups of an activation `[N, H, W, C]` with vectors of so many groups.
    private func extent(_ activation: Int, groups: Int) -> renorm_extent {
        renorm_extent(prepared.node(activation), groups: groups)
    }

    private func groups(_ index: Int, _ position: Int) -> Int {
        prepared.graph[prepared.node(index).inputs[position]].shape[0]
    }

    func lowerNormalization(_ index: Int, _ node: Node) throws {
        let inputs = prepared.inputs(index)
        switch node.op {
        case .moments(let groups):
            let extent = renorm_extent(prepared.graph[node.inputs[0]], groups: groups)
            add(
                PlannedUnit(
                    key: index, reads: [try operand(inputs[0])], writes: [try operand(index)],
                    scratchByteCount: renorm_normalization_scratch(extent, Int32(threads))
                ) { _ in MomentsUnit(extent) })
        case .filteredMoments(let filter, let epsilon):
            let moments = prepared.graph[node.inputs[0]].shape
            let kernel = renorm_moment_filter(filter, epsilon, groups: moments[1], channels: moments[2])
            add(
                PlannedUnit(key: index, reads: try inputs.map(operand), writes: [try operand(index)]) { _ in
                    FilteredMomentsUnit(kernel)
                })
        case .affineSums:
            let extent = renorm_extent(prepared.graph[node.inputs[0]], groups: groups(index, 2))
            // The kernels take x, m, dy.
            let reads = [inputs[1], inputs[2], inputs[0]]
            add(
                PlannedUnit(
                    key: index, reads: try reads.map(operand), writes: [try operand(index)],
                    scratchByteCount: renorm_normalization_scratch(extent, Int32(threads))
                ) { _ in AffineSumsUnit(extent, IncomingOperands()) })
        case .affineGradient:
            let extent = renorm_extent(node, groups: groups(index, 2))
            let reads = [inputs[1], inputs[2], inputs[0]] + inputs[3...]
            add(
                PlannedUnit(
                    key: index, reads: try reads.map(operand), writes: [try operand(index)],
                    shareable: [(0, 2), (0, 0)]
                ) { _ in AffineGradientUnit(extent, IncomingOperands(), emitsIncoming: false) })
        default:
            preconditionFailure("\(node.op.name) is no part of a normalization")
        }
    }

    func lowerAffine(_ index: Int, _ fused: FusedAffine) throws {
        let extent = renorm_extent(
            prepared.graph[prepared.node(fused.nodes[0]).inputs[0]], groups: groups(fused.nodes[0], 1))
        let nodes = [fused.x, fused.mean, fused.scale, fused.shift] + (fused.residual.map { [$0] } ?? [])
        let activation = fused.activation.kernel
        let hasResidual = fused.residual != nil
        add(
            PlannedUnit(
                key: index, reads: try nodes.map(operand), writes: [try operand(index)],
                shareable: hasResidual ? [(0, 4), (0, 0)] : [(0, 0)]
            ) { _ in AffineUnit(extent, activation: activation, hasResidual: hasResidual) })
    }

    func lowerBackward(_ fused: FusedBackward) throws {
        let extent = renorm_extent(
            prepared.graph[prepared.node(fused.sums).inputs[1]], groups: groups(fused.sums, 2))
        try lowerSums(fused, extent)
        if let gradient = fused.gradient { try lowerGradient(gradient, fused, extent) }
    }

    private func lowerSums(_ fused: FusedBackward, _ extent: renorm_extent) throws {
        var reads = try [fused.x, fused.mean, fused.incoming.dy].map(operand)
        let incoming = try self.incoming(fused.incoming, &reads)
        add(
            PlannedUnit(
                key: fused.sums, reads: reads, writes: [try operand(fused.sums)],
                scratchByteCount: renorm_normalization_scratch(extent, Int32(threads))
            ) { _ in AffineSumsUnit(extent, incoming) })
    }

    private func lowerGradient(_ gradient: Int, _ fused: FusedBackward, _ extent: renorm_extent) throws {
        let vectors = prepared.inputs(gradient)[3...]
        var reads = try ([fused.x, fused.mean, fused.incoming.dy] + vectors).map(operand)
        let incoming = try self.incoming(fused.incoming, &reads)
        let whole = [incoming.dy2, 2, incoming.output, 0].compactMap { $0 }
        var writes = [try operand(gradient)]
        var shareable = whole.map { (write: 0, read: $0) }
        if let emitted = fused.emitted {
            writes.append(try operand(emitted))
            shareable += whole.map { (write: 1, read: $0) }
        }
        let emitsIncoming = fused.emitted != nil
        add(
            PlannedUnit(key: gradient, reads: reads, writes: writes, shareable: shareable) { _ in
                AffineGradientUnit(extent, incoming, emitsIncoming: emitsIncoming)
            })
    }

    /// Adds what an incoming gradient needs to what a unit reads.
    private func incoming(_ gradient: IncomingGradient, _ reads: inout [Operand]) throws -> IncomingOperands {
        func append(_ node: Int) throws -> Int {
            reads.append(try operand(node))
            return reads.count - 1
        }
        var result = IncomingOperands(activation: gradient.activation.kernel)
        result.dy2 = try gradient.dy2.map(append)
        if let recomputed = gradient.recomputed {
            result.scale = try append(recomputed.scale)
            result.shift = try append(recomputed.shift)
        } else {
            result.output = try gradient.output.map(append)
        }
        return result
    }
}

extension renorm_extent {
    /// Of an activation `[N, H, W, C]`.
    init(_ activation: Node, groups: Int) {
        let shape = activation.shape
        self.init(
            rows: shape.elementCount / shape[-1], channels: shape[-1], groups: groups,
            type: activation.type.kernel)
    }
}

extension renorm_moment_filter {
    fileprivate init(_ filter: MomentFilter, _ epsilon: Double, groups: Int, channels: Int) {
        self.init(
            groups: groups, channels: channels, epsilon: Float(epsilon), adaptation: Float(filter.adaptation),
            margin: Float(filter.margin),
            memory: Float(filter.memory), floor: Float(filter.floor), ceiling: Float(filter.ceiling),
            inherited: Float(filter.inherited), significance: Float(filter.significance),
            largest_ratio: Float(filter.rMax),
            largest_shift: Float(filter.dMax), widening: filter.widening,
            arithmetic: filter.isArithmetic ? 1 : 0,
            total: filter.isTotal ? 1 : 0)
    }
}

extension ElementType {
    /// The type of an activation, as the passes name it.
    var kernel: renorm_type { self == .bf16 ? .bf16 : .f32 }
}

extension Activation? {
    /// The activation, as the passes name it.
    var kernel: renorm_activation {
        switch self {
        case .relu: .relu
        case .relu6, .relu6OfNumbers: .relu6
        case nil: .identity
        }
    }
}
