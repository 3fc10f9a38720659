import RenormArrays
import RenormEngines
import RenormGraphs

/// A graph as the planner reads it: without what nothing requested depends on, with nodes that only give another view
/// of a value resolved to that value, and with constants known.
struct PreparedGraph {
    let graph: Graph
    /// For each node, the node whose memory holds the same values in the same order: itself, unless it is a view.
    private(set) var base: [Int] = []
    /// For each node, the value that it has everywhere, if that is known.
    private(set) var uniform: [Float?] = []
    /// For a part of a value that is contiguous in memory: that value's node and where the part begins.
    private(set) var windows: [Int: (base: Int, offset: Int)] = [:]
    /// For each node that is no view, the nodes that read it, in order.
    private(set) var uses: [[Int]] = []
    /// Whether something that is requested has this node's memory.
    private(set) var isRequested: [Bool] = []

    init(_ original: Graph) throws {
        graph = original.pruned()
        let nodes = graph.nodes
        for index in nodes.indices {
            let node = nodes[index]
            try PreparedGraph.checkType(node)
            let first = node.inputs.first?.index
            uniform.append(value(of: node))
            base.append(isView(node) ? base[first!] : index)
            if base[index] == index, uniform[index] == nil, case .slice(let starts) = node.op,
                let offset = PreparedGraph.windowOffset(
                    starts: starts, part: node.shape, whole: nodes[first!].shape)
            {
                let source = base[first!]
                let outer = windows[source]
                windows[index] = (outer?.base ?? source, (outer?.offset ?? 0) + offset)
            }
        }
        uses = [[Int]](repeating: [], count: nodes.count)
        isRequested = [Bool](repeating: false, count: nodes.count)
        for index in nodes.indices where base[index] == index && uniform[index] == nil {
            for input in Set(nodes[index].inputs.map { base[$0.index] }) { uses[input].append(index) }
        }
        for id in graph.requested { isRequested[base[id.index]] = true }
    }

    /// The node at an index.
    func node(_ index: Int) -> Node { graph.nodes[index] }

    /// The operands of a node, views resolved.
    func inputs(_ index: Int) -> [Int] { graph.nodes[index].inputs.map { base[$0.index] } }

    /// The operand of a node, view resolved.
    func input(_ index: Int, _ position: Int) -> Int { base[graph.nodes[index].inputs[position].index] }

    /// The only reader of a node that is not requested.
    func onlyUse(_ index: Int) -> Int? {
        uses[index].count == 1 && !isRequested[index] ? uses[index][0] : nil
    }

    /// Whether a node has memory of its own that holds all its values: no constant and no lazy broadcast.
    func isDense(_ index: Int) -> Bool {
        if uniform[index] != nil { return false }
        if case .broadcast = node(index).op { return false }
        return true
    }

    private func value(of node: Node) -> Float? {
        switch node.op {
        case .constant(let value): return Float(value)
        case .broadcast, .reshape, .slice, .stopGradient, .barrier, .transpose:
            return uniform[node.inputs[0].index]
        case .convert where node.type == .bf16:
            return uniform[node.inputs[0].index].map { Float(BFloat16(nearestTo: Double($0)).asDouble) }
        default: return nil
        }
    }

    /// Whether a node holds its first operand's values in the same order.
    private func isView(_ node: Node) -> Bool {
        switch node.op {
        case .stopGradient, .barrier, .reshape:
            return true
        case .convert:
            return node.type == graph[node.inputs[0]].type
        case .broadcast, .slice, .pad, .concatenate:
            return node.shape.elementCount == graph[node.inputs[0]].shape.elementCount
        case .reduce(let reduction, _):
            // What is reduced of bf16 is f32, also where there is nothing to add.
            return reduction.keepsOneValue && node.type == graph[node.inputs[0]].type
                && node.shape.elementCount == graph[node.inputs[0]].shape.elementCount
        case .transpose(let permutation):
            let shape = graph[node.inputs[0]].shape
            let moved = permutation.filter { shape[$0] != 1 }
            return moved == moved.sorted()
        default:
            return false
        }
    }

    /// Where a part begins in memory, if it is contiguous there.
    private static func windowOffset(starts: [Int], part: TensorShape, whole: TensorShape) -> Int? {
        guard let first = (0..<part.rank).first(where: { part[$0] != 1 }) else {
            return zip(starts, whole.strides).reduce(0) { $0 + $1.0 * $1.1 }
        }
        for axis in (first + 1)..<max(part.rank, first + 1) where part[axis] != whole[axis] { return nil }
        return zip(starts, whole.strides).reduce(0) { $0 + $1.0 * $1.1 }
    }

    private static func checkType(_ node: Node) throws {
        let isSupported =
            switch node.op {
            case .input, .reshape, .slice, .stopGradient, .barrier, .convert:
                [.f32, .bf16, .i32, .u8].contains(node.type)
            case .random, .matmul, .softmaxCrossEntropy, .softmaxCrossEntropyGradient, .rightAnswers:
                node.type == .f32
            default: node.type == .f32 || node.type == .bf16
            }
        if !isSupported {
            throw EngineError.unsupported(
                operation: node.op.name, path: node.path,
                reason: "the engine 'onednn' has no \(node.type) here")
        }
    }
}
