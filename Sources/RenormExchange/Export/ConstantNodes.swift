import RenormArrays
import RenormEngines
import RenormGraphs

/// What of a graph depends on variables alone, and its values.
struct ConstantNodes {
    /// For each node whether it is fed by variables and constants alone.
    let isConstant: [Bool]
    private let graph: Graph
    private let variables: Variables
    private var values: [NodeID: NDArray] = [:]
    /// Names of what is no variable.
    var names: [NodeID: String] = [:]

    init(_ graph: Graph, _ variables: Variables) {
        (self.graph, self.variables) = (graph, variables)
        var isConstant: [Bool] = []
        for node in graph.nodes {
            switch node.op {
            case .variable, .constant: isConstant.append(true)
            case .input, .schedule, .step, .random: isConstant.append(false)
            default: isConstant.append(node.inputs.allSatisfy { isConstant[$0.index] })
            }
        }
        self.isConstant = isConstant
    }

    /// The value of a node, before it is stretched: computed in f64, as f32.
    mutating func unstretched(_ id: NodeID) throws -> NDArray {
        let node = graph[id]
        switch node.op {
        case .broadcast, .stopGradient, .barrier, .convert: return try unstretched(node.inputs[0])
        case .constant(let number): return NDArray(scalar: Float(number))
        case .variable(let path): return variables[path]!.value.converted(to: .f32)
        case .reshape where !isStretched(node.inputs[0]):
            return try unstretched(node.inputs[0]).reshaped(to: node.shape)
        default: break
        }
        if let known = values[id] { return known }
        let part = Graph(
            nodes: Array(graph.nodes[...id.index]), fetches: [Graph.Fetch(name: "value", node: id)],
            updates: [],
            guards: [], schedules: [:], variables: graph.variables
        ).withoutInputs()
        let read = Set(part.nodes.compactMap { if case .variable(let path) = $0.op { path } else { nil } })
        let engine = ReferenceEngine(precision: .f64)
        let store = try engine.makeStore(variables.filter { path, _ in read.contains(path) })
        let value = try engine.compile(part).run([:], step: 0, on: store)["value"]!.converted(to: .f32)
        values[id] = value
        return value
    }

    /// The one number that a node is everywhere; `nil` where it is computed, or read from a variable.
    func number(_ id: NodeID) -> Double? {
        switch graph[id].op {
        case .constant(let number): number
        case .broadcast, .stopGradient, .barrier, .convert, .reshape: number(graph[id].inputs[0])
        default: nil
        }
    }

    /// The name of the variable that a node is, or is made of.
    func name(_ id: NodeID) -> String? {
        var next = id
        while true {
            if let name = names[next] { return name }
            if case .variable(let path) = graph[next].op { return path }
            // The first operand is what the others change: a weight that is scaled, a vector that is reshaped.
            guard let first = graph[next].inputs.first else { return nil }
            next = first
        }
    }

    private func isStretched(_ id: NodeID) -> Bool {
        let node = graph[id]
        switch node.op {
        case .broadcast: return graph[node.inputs[0]].shape != node.shape || isStretched(node.inputs[0])
        case .stopGradient, .barrier, .convert: return isStretched(node.inputs[0])
        default: return false
        }
    }
}

extension Graph {
    /// The graph without what nothing requested depends on, inputs too.
    fileprivate func withoutInputs() -> Graph {
        var isLive = [Bool](repeating: false, count: nodes.count)
        for id in requested { isLive[id.index] = true }
        for index in nodes.indices.reversed() where isLive[index] {
            for input in nodes[index].inputs { isLive[input.index] = true }
        }
        var (places, live) = ([NodeID](repeating: NodeID(-1), count: nodes.count), [Node]())
        for (index, node) in nodes.enumerated() where isLive[index] {
            var node = node
            node.inputs = node.inputs.map { places[$0.index] }
            places[index] = NodeID(live.count)
            live.append(node)
        }
        let read = Set(live.compactMap { if case .variable(let path) = $0.op { path } else { nil } })
        return Graph(
            nodes: live, fetches: fetches.map { Fetch(name: $0.name, node: places[$0.node.index]) },
            updates: [],
            guards: [], schedules: [:], variables: variables.filter { read.contains($0.key) })
    }
}
