import OrderedCollections
import RenormArrays
import RenormFormats
import RenormGraphs
import RenormLayers

/// Translates the graph of a network at inference into ONNX, node by node.
///
/// A value of ours `[N, H, W, C]` lies there as `[N, C, H, W]`; an `AxisView` says where its axes are, so reshapes and
/// transposes cost nothing until an operation needs its operand otherwise. What depends on variables alone is computed here.
struct GraphExporter {
    let model: Model
    let options: ONNXExportOptions
    let graph: Graph
    /// For each node its extents, for any batch.
    let extents: [[Extent]]
    let normalizations: [String: Normalization]
    var constants: ConstantNodes
    let readers: [[NodeID]]

    var nodes: [ONNXNode] = []
    var initializers: OrderedDictionary<String, NDArray> = [:]
    /// What has been translated.
    private var values: [NodeID: Value] = [:]
    private var names: Set<String> = []
    private var arranged: [Arrangement: String] = [:]
    private var constantNames: [ConstantArrangement: String] = [:]
    /// What images are called once they are scaled.
    var inputName = "images"
    /// Means and variances of each `moments` node.
    var momentParts: [NodeID: [Value]] = [:]

    /// A translated node.
    struct Value {
        /// The array in the exported graph.
        var name: String
        /// Where the axes are in it.
        var view: AxisView
        /// The extents of axes that are to be stretched from 1.
        var stretched: [Int: Extent] = [:]
    }

    private struct ConstantArrangement: Hashable {
        var node: NodeID
        var order: [Int]
    }

    private struct Arrangement: Hashable {
        var name: String
        var axes: [[Atom]]
    }

    init(_ model: Model, _ options: ONNXExportOptions) throws {
        self.model = model
        self.options = options
        func graph(batch: Int) throws -> Graph {
            let graph = try model.graph(batch: batch).pruned()
            return options.foldsNormalizations ? graph.foldingNormalizations() : graph
        }
        let (two, three) = (try graph(batch: 2), try graph(batch: 3))
        guard two.nodes.count == three.nodes.count,
            zip(two.nodes, three.nodes).allSatisfy({ $0.inputs == $1.inputs })
        else {
            throw ExchangeError.notExportable(
                operation: "The network", path: "",
                reason: "what it computes depends on the size of the batch")
        }
        self.graph = two
        extents = try zip(two.nodes, three.nodes).map { a, b in
            try zip(a.shape.dimensions, b.shape.dimensions).map { x, y in
                if x == y { return Extent(x) }
                guard x % 2 == 0, y == x / 2 * 3 else {
                    throw ExchangeError.notExportable(
                        operation: a.op.name, path: a.path, reason: "an extent is no multiple of the batch")
                }
                return Extent(x / 2, growsWithBatch: true)
            }
        }
        normalizations = Dictionary(
            try model.tracedNormalizations().map { ($0.path, $0.normalization) }
        ) { $1 }
        constants = ConstantNodes(two, model.variables)
        readers = two.consumers
    }

    /// The exported graph.
    mutating func exported() throws -> ONNXGraph {
        guard let fetch = graph.fetches.first else { preconditionFailure("a network without a result") }
        let output = options.givesProbabilities ? "probabilities" : "logits"
        names = ["images", "logits", output]
        let input = try addInput()
        let needed = neededNodes()
        for index in graph.nodes.indices where needed[index] && !constants.isConstant[index] {
            values[NodeID(index)] = try translate(NodeID(index))
        }
        let result = try operand(fetch.node, order: Array(0..<extents[fetch.node.index].count))
        if options.givesProbabilities {
            nodes.append(ONNXNode("Softmax", [result], [output], name: "softmax", ["axis": .integer(1)]))
        } else {
            nodes.append(ONNXNode("Identity", [result], [output], name: "logits"))
        }
        var graph = ONNXGraph(
            nodes: nodes, initializers: initializers, inputs: [input],
            outputs: [
                ONNXValue(output, shape: extents[fetch.node.index].map(\.onnx))
            ])
        graph.removeNeedlessNodes(result: output)
        return graph
    }

    /// The nodes that have to be translated: an operator that does the work of several nodes reads what the first of them reads.
    private func neededNodes() -> [Bool] {
        var needed = [Bool](repeating: false, count: graph.nodes.count)
        for fetch in graph.fetches { needed[fetch.node.index] = true }
        for index in graph.nodes.indices.reversed() where needed[index] {
            let id = NodeID(index)
            let read =
                positionalSource(id).map { [$0] }
                ?? (ownGroups(id) == nil ? graph[id].inputs : [graph[id].inputs[0]])
            for input in read { needed[input.index] = true }
        }
        return needed
    }

    // MARK: Names and nodes

    /// A name that nothing has yet.
    mutating func unusedName(_ name: String) -> String {
        var (unused, number) = (name.isEmpty ? "value" : name, 1)
        while !names.insert(unused).inserted {
            unused = "\(name)_\(number)"
            number += 1
        }
        return unused
    }

    /// Adds a node that makes one value, whose name it has too.
    mutating func add(
        _ operation: String, _ inputs: [String], at path: String,
        _ attributes: OrderedDictionary<String, ONNXAttribute> = [:]
    ) -> String {
        let name = unusedName(path.isEmpty ? operation.lowercased() : "\(path).\(operation.lowercased())")
        nodes.append(ONNXNode(operation, inputs, [name], name: name, attributes))
        return name
    }

    /// Adds an array; equal whole numbers and scalars are one.
    mutating func addInitializer(_ name: String, _ array: NDArray) -> String {
        if array.elementCount <= 8,
            let known = initializers.first(where: { $0.value == array && !$0.key.contains(".") })
        {
            return known.key
        }
        let name = unusedName(name)
        initializers[name] = array
        return name
    }

    /// Adds the value of a variable, once.
    mutating func addNamed(_ name: String, _ array: NDArray) -> String {
        initializers[name] == array ? name : addInitializer(name, array)
    }

    /// Adds a row of whole numbers.
    mutating func addNumbers(_ numbers: [Int]) -> String {
        addInitializer(
            "numbers_" + numbers.map { $0 < 0 ? "m\(-$0)" : "\($0)" }.joined(separator: "_"),
            NDArray(numbers.map(Int64.init), shape: [numbers.count]))
    }

    /// Adds a number.
    mutating func addScalar(_ number: Double) -> String {
        addInitializer(
            "number_\(Float(number))".replacing("-", with: "m").replacing(".", with: "p"),
            NDArray(scalar: Float(number)))
    }

    // MARK: Operands

    /// The translated node.
    func value(_ id: NodeID) -> Value { values[id]! }

    /// The order in which a value of so many axes lies by itself.
    static func order(rank: Int) -> [Int] { rank == 4 ? [0, 3, 1, 2] : Array(0..<rank) }

    /// The order of axes in which a value lies, else the usual one.
    func order(of value: Value) -> [Int] {
        let rank = value.view.logical.count
        let flat = value.view.physical.flatMap { $0 }
        let orders = [Self.order(rank: rank), Array(0..<rank)]
        return orders.first { order in order.flatMap { value.view.logical[$0] } == flat } ?? orders[0]
    }

    /// An operand as an array whose axes are its own in an order; what is to be stretched has extent 1.
    mutating func operand(_ id: NodeID, order: [Int]) throws -> String {
        if constants.isConstant[id.index] { return try constant(id, order: order) }
        return try arranged(value(id), order, at: graph[id].path)
    }

    private mutating func constant(_ id: NodeID, order: [Int]) throws -> String {
        let key = ConstantArrangement(node: id, order: order)
        if let known = constantNames[key] { return known }
        let array = try constants.unstretched(id)
        let own = extents[id.index]
        let shape = TensorShape(
            [Int](repeating: 1, count: own.count - array.shape.rank) + array.shape.dimensions)
        guard zip(shape.dimensions, own).allSatisfy({ $0 == 1 || !$1.growsWithBatch }) else {
            throw ExchangeError.notExportable(
                operation: graph[id].op.name, path: graph[id].path,
                reason: "a constant has the size of the batch")
        }
        let name: String
        if array.elementCount == 1 {
            name = addScalar(array.doubles[0])
        } else {
            let own =
                constants.name(id) ?? (graph[id].path.isEmpty ? "constant" : "\(graph[id].path).constant")
            name = addInitializer(own, array.reshaped(to: shape).transposed(order))
        }
        constantNames[key] = name
        return name
    }

    /// A value as an array whose axes are its own in an order.
    mutating func arranged(_ value: Value, _ order: [Int], at path: String) throws -> String {
        let steps = value.view.steps(order: order)
        let key = Arrangement(name: value.name, axes: steps.physical)
        if let known = arranged[key] { return known }
        var (name, here) = (value.name, value.view.physical.map(AxisView.extent))
        if let cut = steps.cut {
            name = try reshape(name, from: here, to: cut, at: path)
            here = cut
        }
        if let permutation = steps.permutation {
            name = add("Transpose", [name], at: path, ["perm": .integers(permutation)])
            here = permutation.map { here[$0] }
        }
        if let joined = steps.joined { name = try reshape(name, from: here, to: joined, at: path) }
        arranged[key] = name
        return name
    }

    private mutating func reshape(_ name: String, from: [Extent], to: [Extent], at path: String) throws
        -> String
    {
        // 0 copies the extent of the same place, and −1 is what is left over.
        var hasRest = false
        let numbers = try to.enumerated().map { index, extent in
            guard extent.growsWithBatch else { return extent.factor }
            if index < from.count, from[index] == extent { return 0 }
            guard !hasRest else {
                throw ExchangeError.notExportable(
                    operation: "A reshape", path: path, reason: "the batch is in two axes")
            }
            hasRest = true
            return -1
        }
        return add("Reshape", [name, addNumbers(numbers)], at: path)
    }

    /// The value of a node whose array has its axes in an order.
    func value(_ name: String, of id: NodeID, order: [Int]) -> Value {
        let logical = AxisView(extents[id.index]).logical
        return Value(name: name, view: AxisView(physical: order.map { logical[$0] }, logical: logical))
    }

    /// A node that reads nothing else than this node, if there is only one.
    func isReadOnce(_ id: NodeID) -> Bool { readers[id.index].count == 1 && !graph.requested.contains(id) }
}

extension Extent {
    /// The extent as the format says it.
    var onnx: ONNXValue.Extent { growsWithBatch ? .named(factor == 1 ? "N" : "\(factor)N") : .fixed(factor) }
}

extension ONNXGraph {
    /// Leaves out what the result does not depend on, and gives the result's name to what makes it.
    fileprivate mutating func removeNeedlessNodes(result: String) {
        if let last = nodes.last, last.operation == "Identity",
            let maker = nodes.lastIndex(where: { $0.outputs == last.inputs && $0.operation != "Identity" }),
            !nodes.dropLast().contains(where: { $0.inputs.contains(last.inputs[0]) })
        {
            nodes.removeLast()
            nodes[maker].outputs = [result]
        }
        var needed: Set = [result]
        var kept: [ONNXNode] = []
        for node in nodes.reversed() where node.outputs.contains(where: needed.contains) {
            needed.formUnion(node.inputs)
            kept.append(node)
        }
        nodes = kept.reversed()
        initializers = initializers.filter { needed.contains($0.key) }
    }
}
