import RenormGraphs

/// A convolution with what its own pass does to each result before it is stored: a residual added, an activation.
struct FusedConvolution {
    var convolution: Int
    var residual: Int?
    var activation: Activation?
    /// The nodes that it computes, the last of which is its result.
    var nodes: [Int]
}

/// Finds convolutions whose only reader can go in the same pass.
struct ConvolutionFusion {
    /// By the node that the pass computes.
    private(set) var forward: [Int: FusedConvolution] = [:]
    /// Nodes that are computed as part of another.
    private(set) var claimed: Set<Int> = []

    /// - Parameter claimed: What other passes compute.
    init(_ prepared: PreparedGraph, claimed others: Set<Int>, isEnabled: Bool) {
        guard isEnabled else { return }
        for index in prepared.graph.nodes.indices {
            guard case .convolution = prepared.node(index).op else { continue }
            var fused = FusedConvolution(convolution: index, nodes: [index])
            func next() -> Int? {
                prepared.onlyUse(fused.nodes.last!).flatMap {
                    claimed.contains($0) || others.contains($0) ? nil : $0
                }
            }
            if let sum = next(), case .binary(.add) = prepared.node(sum).op {
                let operands = prepared.inputs(sum)
                let other = operands[0] == index ? operands[1] : operands[0]
                if other != index, prepared.isDense(other),
                    prepared.node(other).shape == prepared.node(index).shape
                {
                    fused.residual = other
                    fused.nodes.append(sum)
                }
            }
            if let last = next(), case .activation(let activation) = prepared.node(last).op {
                fused.activation = activation
                fused.nodes.append(last)
            }
            guard fused.nodes.count > 1 else { continue }
            claimed.formUnion(fused.nodes)
            forward[fused.nodes.last!] = fused
        }
    }
}
