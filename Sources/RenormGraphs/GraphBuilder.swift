import RenormArrays

/// A graph under construction. Tensors are handles on its nodes; tracing a layer adds nodes to it.
///
///     let builder = GraphBuilder()
///     let x = builder.input("x", shape: [8, 28, 28, 1])
///     builder.fetch(try (x * 2).sum(), as: "twice")
///     let graph = builder.graph
public final class GraphBuilder {
    /// The graph so far.
    public private(set) var graph = Graph()
    /// The layer that new nodes belong to.
    public var path = ""
    /// What new nodes are in it.
    public var role = Role.inner
    /// The part of a step that new nodes are made for.
    public var part = Part.forward
    private var sources: [Op: NodeID] = [:]

    /// Starts an empty graph.
    public init() {}

    /// Runs `body` with new nodes belonging to another layer, role or part.
    public func within<Result>(
        path newPath: String? = nil, role newRole: Role? = nil, part newPart: Part? = nil,
        _ body: () throws -> Result
    ) rethrows -> Result {
        let saved = (path, role, part)
        path = newPath ?? path
        role = newRole ?? role
        part = newPart ?? part
        defer { (path, role, part) = saved }
        return try body()
    }

    /// Says where a tensor's node belongs and what it is there, once that is known.
    public func mark(_ tensor: Tensor, as role: Role, path: String) {
        graph.nodes[tensor.id.index].role = role
        graph.nodes[tensor.id.index].path = path
    }

    // MARK: Sources

    /// An array to be fed at each run.
    public func input(_ name: String, shape: TensorShape, type: ElementType = .f32) -> Tensor {
        append(.input(name), [], shape, type)
    }

    /// The variable with this specification, declared if it was not yet.
    ///
    /// - Throws: `GraphError` if the path has another variable, or for a shape that no array can have.
    public func variable(_ specification: VariableSpecification) throws -> Tensor {
        if let fault = specification.shape.fault {
            throw GraphError(fault, operation: "variable", path: specification.path)
        }
        if let known = graph.variables[specification.path] {
            guard known.shape == specification.shape, known.kind == specification.kind else {
                throw GraphError.duplicateVariable(path: specification.path)
            }
        } else {
            graph.variables[specification.path] = specification
        }
        return source(.variable(specification.path), specification.shape)
    }

    /// The variable declared at a path.
    public func variable(at path: String) throws -> Tensor {
        guard let specification = graph.variables[path] else {
            throw GraphError.unknown(what: "variable", name: path, known: Array(graph.variables.keys))
        }
        return source(.variable(path), specification.shape)
    }

    /// A scalar that follows a schedule. One name has one schedule.
    ///
    /// - Throws: `GraphError.option` for another schedule of the same name, or one with steps or values out of range.
    public func schedule(_ name: String, _ schedule: Schedule) throws -> Tensor {
        if let fault = schedule.fault { throw GraphError(fault, operation: "schedule", path: name) }
        if let known = graph.schedules[name], known != schedule {
            throw GraphError.option(
                operation: "schedule", path: name, found: "two schedules of this name", expected: "one")
        }
        graph.schedules[name] = schedule
        return source(.schedule(name), .scalar)
    }

    /// A scalar: the number of the step that is run.
    public var step: Tensor { source(.step, .scalar) }

    /// A scalar.
    public func constant(_ value: Double) -> Tensor { source(.constant(value), .scalar) }

    /// A value everywhere.
    public func constant(_ value: Double, shape: TensorShape, type: ElementType = .f32) -> Tensor {
        let scalar = constant(value).converted(to: type)
        return shape == .scalar ? scalar : append(.broadcast, [scalar.id], shape, type)
    }

    /// Uniform numbers in [0, 1): a function of (seed, stream, counter).
    public func uniform(shape: TensorShape, seed: UInt64, stream: String, counter: Tensor) -> Tensor {
        append(.random(seed: seed, stream: Random.streamNumber(stream)), [counter.id], shape, .f32)
    }

    /// A handle on a node of this graph.
    public func tensor(_ id: NodeID) -> Tensor { Tensor(id: id, builder: self) }

    // MARK: Results

    /// Lets a run return a tensor's value.
    public func fetch(_ tensor: Tensor, as name: String) {
        graph.fetches.append(Graph.Fetch(name: name, node: tensor.id))
    }

    /// Gives the variable at `path` a new value at the end of the step. A variable has one update.
    public func update(_ path: String, to tensor: Tensor) throws {
        guard let specification = graph.variables[path] else {
            throw GraphError.unknown(what: "variable", name: path, known: Array(graph.variables.keys))
        }
        guard specification.shape == tensor.shape else {
            throw GraphError.shapes(
                operation: "update", path: path, found: [tensor.shape], expected: "\(specification.shape)")
        }
        guard !graph.updates.contains(where: { $0.path == path }) else {
            throw GraphError.option(
                operation: "update", path: path, found: "a second update", expected: "one")
        }
        graph.updates.append(Graph.Update(path: path, node: tensor.converted(to: tensor.type.ofSums).id))
    }

    /// Makes the updates depend on a tensor's being finite everywhere.
    public func guardFinite(_ tensor: Tensor, path: String) {
        graph.guards.append(Graph.Guard(path: path, node: tensor.converted(to: tensor.type.ofSums).id))
    }

    // MARK: Nodes

    func append(_ op: Op, _ inputs: [NodeID], _ shape: TensorShape, _ type: ElementType) -> Tensor {
        let id = NodeID(graph.nodes.count)
        graph.nodes.append(
            Node(op: op, inputs: inputs, shape: shape, type: type, path: path, role: role, part: part))
        return Tensor(id: id, builder: self)
    }

    /// A node whose shape follows from its operands'.
    func infer(_ op: Op, _ inputs: [Tensor], type: ElementType? = nil) throws -> Tensor {
        let operands = Operands(
            op: op, shapes: inputs.map(\.shape), types: inputs.map(\.type), path: path)
        let shape = try operands.inferredShape()
        try require(shape, of: op.name)
        return append(op, inputs.map(\.id), shape, type ?? inputs[0].type)
    }

    /// Throws for the shape of a result that no array can have.
    func require(_ shape: TensorShape, of operation: String) throws {
        if let fault = shape.fault { throw GraphError(fault, operation: operation, path: path) }
    }

    private func source(_ op: Op, _ shape: TensorShape) -> Tensor {
        if let id = sources[op] { return Tensor(id: id, builder: self) }
        // Whoever asks first, all parts read it.
        let tensor = within(part: .forward) { append(op, [], shape, .f32) }
        sources[op] = tensor.id
        return tensor
    }
}

/// A handle on a node of a graph under construction.
///
/// Operations add nodes, and throw a `GraphError` that names the operation, the layer and the shapes when operands do
/// not fit. Elementwise operations stretch their operands by NumPy's rule; the graph shows it as `broadcast`.
public struct Tensor {
    /// The node.
    public let id: NodeID
    /// The graph under construction.
    public let builder: GraphBuilder

    init(id: NodeID, builder: GraphBuilder) {
        self.id = id
        self.builder = builder
    }

    /// The node's shape.
    public var shape: TensorShape { builder.graph[id].shape }
    /// The type of the node's elements.
    public var type: ElementType { builder.graph[id].type }
}
