import RenormFormats

/// The nodes of a file's graph that its output depends on, in an order in which each comes after what it reads.
struct ImportedGraph {
    /// The most nodes of a network.
    static let largestNodeCount = 100_000

    let nodes: [ONNXNode]
    /// What has to be fed.
    let input: ONNXValue
    /// What comes out.
    let output: ONNXValue
    /// How many nodes and outputs read each value.
    let readers: [String: Int]

    init(_ graph: ONNXGraph) throws {
        guard graph.nodes.count <= Self.largestNodeCount else {
            throw ExchangeError.malformed(
                place: "the graph",
                reason: "it has \(graph.nodes.count) nodes, more than \(Self.largestNodeCount)")
        }
        let inputs = graph.inputs.filter { graph.initializers[$0.name] == nil }
        guard inputs.count == 1 else {
            throw ExchangeError.noClassifier(
                found: "\(inputs.count) inputs: \(Self.list(inputs.map(\.name)))",
                remedy: "Export it with the images as its only input.")
        }
        guard graph.outputs.count == 1 else {
            throw ExchangeError.noClassifier(
                found: "\(graph.outputs.count) outputs: \(Self.list(graph.outputs.map(\.name)))",
                remedy: "Export it with the logits as its only output.")
        }
        (input, output) = (inputs[0], graph.outputs[0])
        var makers: [String: Int] = [:]
        for (index, node) in graph.nodes.enumerated() {
            for name in node.outputs where !name.isEmpty {
                guard makers.updateValue(index, forKey: name) == nil, graph.initializers[name] == nil,
                    name != input.name
                else {
                    throw ExchangeError.malformed(place: node.place, reason: "'\(name.short)' is made twice")
                }
            }
        }
        let known = Set(graph.initializers.keys).union([input.name])
        nodes = try Self.ordered(graph.nodes, from: output.name, makers, known: known)
        var readers: [String: Int] = [output.name: 1]
        for node in nodes { for name in node.inputs { readers[name, default: 0] += 1 } }
        self.readers = readers
    }

    /// Depth first without recursion, so that no file is too deep.
    private static func ordered(
        _ nodes: [ONNXNode], from output: String, _ makers: [String: Int], known: Set<String>
    ) throws -> [ONNXNode] {
        enum State { case untouched, open, done }
        var (states, result) = ([State](repeating: .untouched, count: nodes.count), [ONNXNode]())
        guard let last = makers[output] else {
            throw ExchangeError.malformed(place: "the output", reason: "nothing makes '\(output.short)'")
        }
        var stack = [(node: last, next: 0)]
        states[last] = .open
        while let top = stack.last {
            let node = nodes[top.node]
            guard top.next < node.inputs.count else {
                states[top.node] = .done
                result.append(node)
                stack.removeLast()
                continue
            }
            stack[stack.count - 1].next += 1
            let name = node.inputs[top.next]
            if name.isEmpty || known.contains(name) { continue }
            guard let maker = makers[name] else {
                throw ExchangeError.malformed(
                    place: node.place, reason: "nothing makes its input '\(name.short)'")
            }
            switch states[maker] {
            case .done: continue
            case .open:
                throw ExchangeError.malformed(
                    place: nodes[maker].place, reason: "it depends on its own result (a cycle)")
            case .untouched:
                states[maker] = .open
                stack.append((maker, 0))
            }
        }
        return result
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(10).map { "'\($0.short)'" }.joined(separator: ", ") + (names.count > 10 ? ", …" : "")
    }
}

extension String {
    /// The beginning, as a terminal can show it.
    var short: String { prefix(80).description.visible }
}

extension ONNXNode {
    /// The node as errors name it.
    var place: String {
        let operation = domain.isEmpty ? operation.short : "\(domain.short).\(operation.short)"
        return name.isEmpty
            ? "\(operation) → '\(outputs.first?.short ?? "")'" : "\(operation) '\(name.short)'"
    }
}
