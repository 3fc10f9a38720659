import OrderedCollections
import RenormArrays

/// A computation: nodes in an order in which each comes after its operands, the results that can be fetched, the
/// updates of variables, and the guards that must be finite for the updates to happen. A value; the same tracing gives
/// the same graph, node for node.
public struct Graph: Sendable {
    /// A result that a run returns.
    public struct Fetch: Sendable, Hashable {
        /// The name it is returned under.
        public var name: String
        /// The node.
        public var node: NodeID

        package init(name: String, node: NodeID) {
            self.name = name
            self.node = node
        }
    }

    /// A variable's new value.
    public struct Update: Sendable, Hashable {
        /// The variable.
        public var path: String
        /// The node that computes its value after the step.
        public var node: NodeID
    }

    /// A value that must be finite everywhere.
    public struct Guard: Sendable, Hashable {
        /// What an error names: "loss", a layer's path, "gradients".
        public var path: String
        /// The node.
        public var node: NodeID
    }

    /// The computations, operands first.
    public internal(set) var nodes: [Node] = []
    /// The results, in the order in which they were asked for.
    public internal(set) var fetches: [Fetch] = []
    /// The updates. They read values from before the step, and are committed together, if every guard is finite.
    public internal(set) var updates: [Update] = []
    /// The guards, in the order in which they are checked.
    public internal(set) var guards: [Guard] = []
    /// The schedules that `Op.schedule` nodes name.
    public internal(set) var schedules: OrderedDictionary<String, Schedule> = [:]
    /// The variables that the graph reads or updates.
    public internal(set) var variables: OrderedDictionary<String, VariableSpecification> = [:]

    /// Makes an empty graph.
    public init() {}

    /// Makes a graph from its parts, for rewrites.
    public init(
        nodes: [Node], fetches: [Fetch], updates: [Update], guards: [Guard],
        schedules: OrderedDictionary<String, Schedule>,
        variables: OrderedDictionary<String, VariableSpecification>
    ) {
        self.nodes = nodes
        self.fetches = fetches
        self.updates = updates
        self.guards = guards
        self.schedules = schedules
        self.variables = variables
    }

    /// The node with this identifier.
    public subscript(id: NodeID) -> Node { nodes[id.index] }

    /// The arrays to feed: name, shape and type, in the order in which they were declared.
    public var inputs: [InputSpecification] {
        var classes: [NodeID: Int] = [:]
        for node in nodes {
            switch node.op {
            case .softmaxCrossEntropy, .softmaxCrossEntropyGradient, .rightAnswers:
                classes[node.inputs[1]] = min(classes[node.inputs[1]] ?? .max, self[node.inputs[0]].shape[1])
            default: break
            }
        }
        return nodes.enumerated().compactMap { index, node in
            if case .input(let name) = node.op {
                InputSpecification(
                    name: name, shape: node.shape, type: node.type, classes: classes[NodeID(index)])
            } else {
                nil
            }
        }
    }

    /// The nodes whose values must be those of this graph whatever an engine rewrites: fetched, updating, guarding.
    public var requested: Set<NodeID> {
        Set(fetches.map(\.node) + updates.map(\.node) + guards.map(\.node))
    }

    /// For each node, the nodes that read it, in order.
    public var consumers: [[NodeID]] {
        var result = [[NodeID]](repeating: [], count: nodes.count)
        for (index, node) in nodes.enumerated() {
            for input in Set(node.inputs) { result[input.index].append(NodeID(index)) }
        }
        return result
    }

    /// The variables' values at the start, each a function of (seed, path).
    public func initialVariables(seed: UInt64) -> Variables {
        var result = Variables()
        for (path, specification) in variables {
            result[path] = Variable(kind: specification.kind, value: specification.initialValue(seed: seed))
        }
        return result
    }

    /// The graph without the nodes that nothing requested depends on. Inputs stay, so that feeds do not change.
    public func pruned() -> Graph {
        var isLive = [Bool](repeating: false, count: nodes.count)
        for id in requested { isLive[id.index] = true }
        for index in nodes.indices.reversed() {
            if case .input = nodes[index].op { isLive[index] = true }
            if isLive[index] { for input in nodes[index].inputs { isLive[input.index] = true } }
        }
        var renumbered = [NodeID](repeating: NodeID(-1), count: nodes.count)
        var live: [Node] = []
        for (index, node) in nodes.enumerated() where isLive[index] {
            var node = node
            node.inputs = node.inputs.map { renumbered[$0.index] }
            renumbered[index] = NodeID(live.count)
            live.append(node)
        }
        return replacing(nodes: live, places: renumbered, by: "pruning")
    }

    /// The graph with other nodes.
    ///
    /// - Parameters:
    ///   - places: For each node of this graph that is requested, its place among the new ones.
    ///   - rewrite: What has made them, for the message of a check in debug builds.
    package func replacing(nodes: [Node], places: [NodeID], by rewrite: String) -> Graph {
        var result = self
        result.nodes = nodes
        result.fetches = fetches.map { Fetch(name: $0.name, node: places[$0.node.index]) }
        result.updates = updates.map { Update(path: $0.path, node: places[$0.node.index]) }
        result.guards = guards.map { Guard(path: $0.path, node: places[$0.node.index]) }
        return result.checked(after: rewrite)
    }
}

/// An array that a run is fed.
public struct InputSpecification: Sendable, Hashable {
    /// The name to feed it under.
    public var name: String
    /// Its shape.
    public var shape: TensorShape
    /// Its type.
    public var type: ElementType
    /// Of labels: the number of classes, which each must be below. `nil` of what is no labels.
    public var classes: Int?
}
