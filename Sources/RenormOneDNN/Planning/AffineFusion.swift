import RenormGraphs

/// a·(x − m) + b [+ residual], then an activation: one pass.
struct FusedAffine {
    var x: Int
    var mean: Int
    var scale: Int
    var shift: Int
    var residual: Int?
    var activation: Activation?
    /// The nodes that it computes, the last of which is its result.
    var nodes: [Int]
}

/// The gradient d that arrives at an affine operation, after its activation: dy [+ dy2], masked.
struct IncomingGradient {
    var dy: Int
    var dy2: Int?
    var activation: Activation?
    /// The activation's result, unless `recomputed` says how to get it from x.
    var output: Int?
    var recomputed: FusedAffine?
}

/// Σ d and Σ d·(x − m), and dx = p·d + q·(x − m) + c: two passes that both read the incoming gradient as it came.
struct FusedBackward {
    var incoming: IncomingGradient
    var x: Int
    var mean: Int
    /// The node of the sums.
    var sums: Int
    /// The node of dx, if it is wanted.
    var gradient: Int?
    /// The node of d, where others read it too: then the second pass writes it.
    var emitted: Int?
    /// The nodes that need no memory of their own.
    var absorbed: [Int]
}

/// Finds affine operations with what can go in the same pass over memory.
struct AffineFusion {
    /// By the node that the pass computes.
    private(set) var forward: [Int: FusedAffine] = [:]
    /// By the node of the sums.
    private(set) var backward: [Int: FusedBackward] = [:]
    /// Nodes that are computed as part of another.
    private(set) var claimed: Set<Int> = []

    private let prepared: PreparedGraph

    init(_ prepared: PreparedGraph, isEnabled: Bool) {
        self.prepared = prepared
        for index in prepared.graph.nodes.indices where prepared.base[index] == index {
            if case .affine = prepared.node(index).op { fuseForward(index, isEnabled) }
        }
        guard isEnabled else { return }
        for index in prepared.graph.nodes.indices where prepared.base[index] == index {
            if case .affineSums = prepared.node(index).op { fuseBackward(index) }
        }
    }

    private mutating func fuseForward(_ index: Int, _ isEnabled: Bool) {
        let inputs = prepared.inputs(index)
        var fused = FusedAffine(
            x: inputs[0], mean: inputs[1], scale: inputs[2], shift: inputs[3], nodes: [index])
        if isEnabled, let next = prepared.onlyUse(index), case .binary(.add) = prepared.node(next).op {
            let operands = prepared.inputs(next)
            let other = operands[0] == index ? operands[1] : operands[0]
            // Another affine operation is left to be the residual of this one only if it is not fused itself.
            if other != index, prepared.isDense(other), !claimed.contains(next),
                prepared.node(other).shape.elementCount == prepared.node(next).shape.elementCount
            {
                fused.residual = other
                fused.nodes.append(next)
            }
        }
        let last = fused.nodes.last!
        if isEnabled, let next = prepared.onlyUse(last),
            case .activation(let activation) = prepared.node(next).op
        {
            fused.activation = activation
            fused.nodes.append(next)
        }
        claimed.formUnion(fused.nodes)
        forward[fused.nodes.last!] = fused
    }

    private mutating func fuseBackward(_ sums: Int) {
        let inputs = prepared.inputs(sums)
        let (d, x, mean) = (inputs[0], inputs[1], inputs[2])
        guard !claimed.contains(sums), prepared.isDense(d) else { return }
        let gradient = prepared.uses[d].first { use in
            guard case .affineGradient = prepared.node(use).op, !claimed.contains(use) else { return false }
            return prepared.inputs(use).prefix(3).elementsEqual([d, x, mean])
        }
        var incoming = IncomingGradient(dy: d)
        var absorbed: [Int] = []
        var emitted: Int?
        if case .activationGradient(let activation) = prepared.node(d).op, !claimed.contains(d),
            prepared.isDense(prepared.input(d, 1))
        {
            let others = prepared.uses[d].filter { $0 != sums && $0 != gradient }
            let isAlsoRead = !others.isEmpty || prepared.isRequested[d]
            if isAlsoRead {
                guard let gradient, !reaches(gradient, from: others) else { return }
                emitted = d
            }
            let output = prepared.input(d, 1)
            incoming = IncomingGradient(
                dy: prepared.input(d, 0), activation: activation, output: output,
                recomputed: recomputation(of: output, x, mean, activation))
            absorbed.append(d)
        } else if prepared.uses[d].contains(where: { $0 != sums && $0 != gradient })
            || prepared.isRequested[d]
        {
            return
        }
        let dy = incoming.dy
        if case .binary(.add) = prepared.node(dy).op, !claimed.contains(dy), !prepared.isRequested[dy],
            prepared.uses[dy].allSatisfy({ $0 == d || $0 == sums || $0 == gradient })
        {
            let operands = prepared.inputs(dy)
            if operands[0] != operands[1], operands.allSatisfy(prepared.isDense) {
                incoming.dy = operands[0]
                incoming.dy2 = operands[1]
                absorbed.append(dy)
            }
        }
        guard !absorbed.isEmpty else { return }
        claimed.formUnion(absorbed + [sums] + (gradient.map { [$0] } ?? []))
        backward[sums] = FusedBackward(
            incoming: incoming, x: x, mean: mean, sums: sums, gradient: gradient, emitted: emitted,
            absorbed: absorbed)
    }

    /// The forward pass that made an activation's output, if the output can be had from x again with the same bits.
    private func recomputation(of output: Int, _ x: Int, _ mean: Int, _ activation: Activation)
        -> FusedAffine?
    {
        guard let fused = forward[output], fused.residual == nil, fused.activation == activation,
            fused.x == x, fused.mean == mean
        else { return nil }
        return fused
    }

    /// Whether a node depends on any of the others.
    private func reaches(_ target: Int, from sources: [Int]) -> Bool {
        var stack = sources
        var seen: Set<Int> = []
        while let index = stack.popLast() {
            if index == target { return true }
            guard index < target, seen.insert(index).inserted else { continue }
            stack += prepared.uses[index]
        }
        return false
    }
}
