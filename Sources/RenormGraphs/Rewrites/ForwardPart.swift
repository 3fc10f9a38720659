/// The forward part of a training step as recomputation sees it: which nodes are activations, and which of them the
/// backward part reads.
struct ForwardPart {
    let graph: Graph
    /// The activations in order: what depends on a feed other than through moments.
    private(set) var activations: [Int] = []

    private var isActivation: [Bool] = []
    private var isBackward: [Bool] = []
    private var isReadBackward: [Bool]
    private var isKept: [Bool]
    private let requested: Set<NodeID>

    init(_ graph: Graph) {
        self.graph = graph
        requested = graph.requested
        isReadBackward = [Bool](repeating: false, count: graph.nodes.count)
        isKept = isReadBackward
        for (index, node) in graph.nodes.enumerated() {
            let isSource =
                switch node.op {
                case .input, .variable, .schedule, .step, .constant: true
                default: false
                }
            isBackward.append(node.part == .backward || node.inputs.contains { isBackward[$0.index] })
            let carries =
                switch node.op {
                case .input: true
                case .moments, .random: false
                default: !isBackward[index] && node.inputs.contains { isActivation[$0.index] }
                }
            isActivation.append(carries)
            if carries, !isSource { activations.append(index) }
            for (position, input) in node.inputs.enumerated() where isBackwardRead(by: index, at: position) {
                isReadBackward[input.index] = true
                if !isMaskOfAffine(node, position) { isKept[input.index] = true }
            }
        }
    }

    /// Whether an operand of a node has to be there in the backward part. The gradient of max pooling asks which values
    /// won, and engines may have noted that in the forward part.
    func isBackwardRead(by index: Int, at position: Int) -> Bool {
        if case .maxPoolGradient = graph.nodes[index].op, position == 0 { return false }
        return isBackward[index]
    }

    /// Whether a node may have a copy: a requested one is kept whatever happens.
    func canBeCopied(_ index: Int) -> Bool { !requested.contains(NodeID(index)) }

    /// Whether a copy that reads this node reads something kept for it.
    func isKeptActivation(_ index: Int) -> Bool { isActivation[index] }

    /// The bytes that are kept of a node if nothing is computed again.
    func keptByteCount(_ index: Int) -> Int { isKept[index] ? byteCount(index) : 0 }

    /// The bytes of the variables that a node reads, and so of the gradients that it has.
    func variableByteCount(_ index: Int) -> Int {
        graph.nodes[index].inputs.reduce(0) { sum, input in
            if case .variable = graph[input].op { sum + byteCount(input.index) } else { sum }
        }
    }

    /// The bytes of a node's value.
    func byteCount(_ index: Int) -> Int {
        graph.nodes[index].shape.elementCount * graph.nodes[index].type.byteCount
    }

    /// The activations that one pass over memory gives again from what the backward part reads anyway, or from others
    /// of them.
    func nodesOfOnePass() -> Set<Int> {
        var result: Set<Int> = []
        for index in activations where graph.nodes[index].op.isOnePass && canBeCopied(index) {
            let isPossible = graph.nodes[index].inputs.allSatisfy { input in
                result.contains(input.index) || isThereAnyway(input.index, for: index)
            }
            if isPossible { result.insert(index) }
        }
        return result
    }

    /// The places where the network is one tensor wide: activations that the backward part reads and past which no
    /// other activation is used.
    var cuts: [Int] {
        var lastUse = [Int](repeating: 0, count: graph.nodes.count)
        for index in activations {
            for input in graph.nodes[index].inputs { lastUse[input.index] = index }
        }
        var reach = 0
        var result: [Int] = []
        for index in activations {
            if reach <= index, isKept[index], canBeCopied(index) { result.append(index) }
            reach = max(reach, lastUse[index])
        }
        return result
    }

    /// Whether an operand only says where an activation of an affine operation let through, which its input says too.
    private func isMaskOfAffine(_ node: Node, _ position: Int) -> Bool {
        guard case .activationGradient = node.op, position == 1,
            let source = graph[node.inputs[1]].inputs.first, case .affine = graph[source].op
        else { return false }
        return true
    }

    private func isThereAnyway(_ input: Int, for reader: Int) -> Bool {
        if isReadBackward[input] || requested.contains(NodeID(input)) { return true }
        let node = graph.nodes[input]
        switch node.op {
        case .input, .variable, .schedule, .step, .constant: return true
        case .broadcast: return isThereAnyway(node.inputs[0].index, for: reader)
        default:
            // Vectors cost next to nothing.
            return !isActivation[input]
                && node.shape.elementCount * 8 <= graph.nodes[reader].shape.elementCount
        }
    }
}

extension Op {
    /// Whether the value at each place depends on the operands' values there and on vectors alone.
    fileprivate var isOnePass: Bool {
        switch self {
        case .unary, .binary, .compare, .select, .convert, .stopGradient, .barrier, .reshape, .broadcast,
            .affine,
            .activation:
            true
        default: false
        }
    }
}
