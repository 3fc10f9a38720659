import RenormArrays
import RenormGraphs

/// When each value of a graph was used for the last time, and how much memory the values alive together take.
struct ReferenceLifetimes: Sendable {
    /// For each node, the nodes whose values are not needed after it. Requested values never end.
    private(set) var endingAt: [[Int]]
    /// The node that made the memory in which a node's value lies: another one where the value is the operand's.
    private let owner: [Int]

    init(_ graph: Graph) {
        let requested = graph.requested
        var lastUse = Array(graph.nodes.indices)
        var owner = Array(graph.nodes.indices)
        for (index, node) in graph.nodes.enumerated() {
            for input in node.inputs { lastUse[input.index] = index }
            if node.sharesOperand(in: graph) { owner[index] = owner[node.inputs[0].index] }
        }
        endingAt = [[Int]](repeating: [], count: graph.nodes.count)
        for index in graph.nodes.indices where !requested.contains(NodeID(index)) {
            endingAt[lastUse[index]].append(index)
        }
        self.owner = owner
    }

    /// The largest number of bytes held at a time: values, and what a node needs while it is computed. Feeds and
    /// variables are the caller's and the store's, unless they have to be converted.
    func peakByteCount(of graph: Graph, precision: ReferenceEngine.Precision) -> Int {
        var users = [Int](repeating: 0, count: graph.nodes.count)
        var (held, peak) = (0, 0)
        for (index, node) in graph.nodes.enumerated() {
            users[owner[index]] += 1
            if owner[index] == index { held += graph.ownByteCount(node, precision) }
            peak = max(peak, held + node.scratchByteCount(in: graph))
            for dead in endingAt[index] {
                users[owner[dead]] -= 1
                if users[owner[dead]] == 0 { held -= graph.ownByteCount(graph.nodes[owner[dead]], precision) }
            }
        }
        return peak
    }
}

extension Graph {
    fileprivate func ownByteCount(_ node: Node, _ precision: ReferenceEngine.Precision) -> Int {
        let type = precision.keptType(of: node.type)
        switch node.op {
        case .input where type == node.type:
            return 0
        case .variable(let path) where variables[path]?.kind != .counter:
            return 0
        default:
            return node.shape.elementCount * type.byteCount
        }
    }
}

extension Node {
    fileprivate func sharesOperand(in graph: Graph) -> Bool {
        switch op {
        case .reshape, .stopGradient, .barrier: true
        case .convert: type == graph[inputs[0]].type
        default: false
        }
    }

    /// The f64 sums and the reordered weights that structured operations and reductions keep while they run.
    fileprivate func scratchByteCount(in graph: Graph) -> Int {
        let shapes = inputs.map { graph[$0].shape }
        let elements =
            switch op {
            case .convolution, .convolutionInputGradient:
                shapes[1].elementCount + shape.elementCount / max(shape[0], 1)
            case .convolutionWeightGradient, .reduce, .moments, .affineSums: shape.elementCount
            case .matmul: shape.elementCount + shapes[1].elementCount
            case .maxPool, .maxPoolGradient, .averagePool: shape[3]
            default: 0
            }
        return elements * ElementType.f64.byteCount
    }
}
