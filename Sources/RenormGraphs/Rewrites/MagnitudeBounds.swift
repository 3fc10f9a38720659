import RenormArrays

/// Adds to a graph numbers that magnitudes cannot exceed if they are finite: bound(x) ≥ max |x|, and ≥ every partial sum on the
/// way to x. By the inequality of Cauchy and Schwarz, |Σ w·x| ≤ ‖w‖·√n·max |x|. What of it depends on variables alone, an engine
/// computes once for all batches.
struct MagnitudeBounds {
    /// The graph with what was added.
    var graph: Graph
    private var known: [NodeID: (bound: NodeID, sums: Int)] = [:]

    /// So many sums after one another are bounded by their weights; then values are looked at, as the bound grows with each.
    private static let longestChain = 8

    init(_ graph: Graph) { self.graph = graph }

    /// A scalar that is not finite if a value or a sum on the way to it may not be, rounding to bf16 included.
    mutating func bound(of id: NodeID) -> NodeID { product(chain(to: id).bound, constant(4)) }

    /// Adds a node of f32.
    mutating func add(_ op: Op, _ inputs: [NodeID], _ shape: TensorShape = .scalar) -> NodeID {
        let path = inputs.last.map { graph[$0].path } ?? ""
        graph.nodes.append(Node(op: op, inputs: inputs, shape: shape, type: .f32, path: path))
        return NodeID(graph.nodes.count - 1)
    }

    /// The bound and the number of sums that it was multiplied through.
    private mutating func chain(to id: NodeID) -> (bound: NodeID, sums: Int) {
        if let known = known[id] { return known }
        var result = derived(id)
        if let found = result, found.sums > Self.longestChain { result = nil }
        let settled = result ?? (norm(id), 0)
        known[id] = settled
        return settled
    }

    /// From the operands' bounds; `nil` where values have to be looked at.
    private mutating func derived(_ id: NodeID) -> (bound: NodeID, sums: Int)? {
        let node = graph[id]
        switch node.op {
        case .activation(.relu6), .activation(.relu6OfNumbers): return (constant(6), 0)
        case .unary(.logistic), .unary(.tanh), .unary(.erf), .unary(.sign): return (constant(1), 0)
        case .constant(let value): return (constant(abs(value)), 0)
        case .convert where !graph[node.inputs[0]].type.isFloatingPoint: return nil
        case .activation, .unary(.negate), .unary(.abs), .broadcast, .reshape, .slice, .transpose, .pad,
            .convert,
            .stopGradient, .barrier, .maxPool:
            return chain(to: node.inputs[0])
        case .averagePool(let options):
            // A sum first.
            let x = chain(to: node.inputs[0])
            return (product(x.bound, constant(Double(options.window.reduce(1, *)))), x.sums + 1)
        case .binary(.add), .binary(.subtract):
            let (a, b) = (chain(to: node.inputs[0]), chain(to: node.inputs[1]))
            return (add(.binary(.add), [a.bound, b.bound]), max(a.sums, b.sums))
        case .binary(.multiply):
            let (a, b) = (chain(to: node.inputs[0]), chain(to: node.inputs[1]))
            return (product(a.bound, b.bound), a.sums + b.sums)
        case .convolution:
            let x = chain(to: node.inputs[0])
            let weight = graph[node.inputs[1]].shape
            let terms = weight.elementCount / max(weight[0], 1)
            let bias = node.inputs.count > 2 ? norm(node.inputs[2]) : nil
            return (scaled(x.bound, norm(node.inputs[1]), terms: terms, plus: bias), x.sums + 1)
        case .matmul(let transposeLeft, _):
            let (x, left) = (chain(to: node.inputs[0]), graph[node.inputs[0]].shape)
            let terms = left[transposeLeft ? 0 : 1]
            return (scaled(x.bound, norm(node.inputs[1]), terms: terms, plus: nil), x.sums + 1)
        case .affine:
            let x = chain(to: node.inputs[0])
            let difference = add(.binary(.add), [x.bound, norm(node.inputs[1])])
            return (
                scaled(difference, norm(node.inputs[2]), terms: 1, plus: norm(node.inputs[3])), x.sums + 1
            )
        default: return nil
        }
    }

    /// (x + 1)·√terms·weight + bias. The 1 is for engines that multiply weights by scales before they see x.
    private mutating func scaled(_ x: NodeID, _ weight: NodeID, terms: Int, plus bias: NodeID?) -> NodeID {
        let factor = product(weight, constant(Double(terms).squareRoot()))
        let result = product(add(.binary(.add), [x, constant(1)]), factor)
        return bias.map { add(.binary(.add), [result, $0]) } ?? result
    }

    /// √Σx², which no |x| exceeds.
    private mutating func norm(_ id: NodeID) -> NodeID {
        let axes = Array(0..<graph[id].shape.rank)
        return add(.unary(.sqrt), [add(.reduce(.sumOfSquares, axes: axes), [id])])
    }

    private mutating func product(_ a: NodeID, _ b: NodeID) -> NodeID { add(.binary(.multiply), [a, b]) }

    private mutating func constant(_ value: Double) -> NodeID { add(.constant(value), []) }
}
