import OrderedCollections
import RenormArrays
import RenormFormats
import RenormGraphs

extension GraphExporter {
    /// The input of the exported network, and what makes scaled images of it.
    mutating func addInput() throws -> ONNXValue {
        let image = model.input.dimensions
        let (height, width, channels) = (image[0], image[1], image[2])
        let first = ONNXValue.Extent.named("N")
        let planes: [ONNXValue.Extent] = [first, .fixed(channels), .fixed(height), .fixed(width)]
        guard let pixels = options.pixels else {
            inputName = "images"
            return ONNXValue("images", shape: planes)
        }
        func row(_ values: [Double], _ name: String, _ transform: (Double) -> Double) throws -> String {
            guard values.count == 1 || values.count == channels, values.allSatisfy(\.isFinite) else {
                throw ExchangeError.notExportable(
                    operation: "The scaling of pixels", path: "",
                    reason: "it has \(values.count) numbers for \(channels) channels")
            }
            let row = (0..<channels).map { Float(transform(values.count == 1 ? values[0] : values[$0])) }
            return addInitializer(name, NDArray(row, shape: [1, channels, 1, 1]))
        }
        var name = add("Cast", ["images"], at: "pixels", ["to": .integer(1)])
        if pixels.channelsLast {
            name = add("Transpose", [name], at: "pixels", ["perm": .integers([0, 3, 1, 2])])
        }
        name = add("Sub", [name, try row(pixels.mean, "pixels.mean") { $0 * 255 }], at: "pixels")
        inputName = add(
            "Mul", [name, try row(pixels.deviation, "pixels.scale") { 1 / (255 * $0) }], at: "pixels")
        return ONNXValue(
            "images", type: 2,
            shape: pixels.channelsLast ? [first, .fixed(height), .fixed(width), .fixed(channels)] : planes)
    }

    /// Translates a node that is no constant.
    mutating func translate(_ id: NodeID) throws -> Value {
        let node = graph[id]
        switch node.op {
        case .input: return value(inputName, of: id, order: Self.order(rank: 4))
        case .unary(let function): return try unary(function, id)
        case .binary(let function): return try binary(function, id)
        case .compare(let comparison): return try compare(comparison, id)
        case .select:
            let order = leadingOrder(node.inputs)
            let operands = try node.inputs.map { try operand($0, order: order) }
            let mask = add("Cast", [operands[0]], at: node.path, ["to": .integer(9)])
            return value(add("Where", [mask] + operands[1...], at: node.path), of: id, order: order)
        case .stopGradient, .barrier: return value(node.inputs[0])
        case .convert where node.type == graph[node.inputs[0]].type: return value(node.inputs[0])
        case .broadcast: return broadcast(id)
        case .reduce(let reduction, let axes): return try reduce(reduction, axes, id)
        case .reshape: return try reshape(id)
        case .transpose(let permutation):
            var result = try unstretched(node.inputs[0])
            result.view = result.view.transposed(permutation)
            return result
        case .slice(let starts): return try slice(starts, id)
        case .pad(let low, let high):
            let order = order(of: value(node.inputs[0]))
            let pads = addNumbers(order.map { low[$0] } + order.map { high[$0] })
            return value(
                add("Pad", [try operand(node.inputs[0], order: order), pads], at: node.path), of: id,
                order: order)
        case .concatenate(let axis):
            let order = leadingOrder(node.inputs)
            let parts = try node.inputs.map { try operand($0, order: order) }
            let place = order.firstIndex(of: axis)!
            return value(add("Concat", parts, at: node.path, ["axis": .integer(place)]), of: id, order: order)
        case .convolution(let geometry): return try convolution(geometry, id)
        case .maxPool(let geometry):
            return try windowed("MaxPool", [node.inputs[0]], Self.attributes(of: geometry), id)
        case .averagePool(let geometry):
            var attributes = Self.attributes(of: geometry)
            attributes["count_include_pad"] = .integer(geometry.countsPadding ? 1 : 0)
            return try windowed("AveragePool", [node.inputs[0]], attributes, id)
        case .matmul(let left, let right): return try matmul(left, right, id)
        case .moments(let groups): return try moments(groups, id)
        case .affine: return try affine(id)
        case .activation(.relu):
            return try like(node.inputs[0], id) { $0.add("Relu", [$1], at: node.path) }
        case .activation:
            return try like(node.inputs[0], id) {
                $0.add("Clip", [$1, $0.addScalar(0), $0.addScalar(6)], at: node.path)
            }
        default: throw failure(id, "it has no such operation")
        }
    }

    func failure(_ id: NodeID, _ reason: String) -> ExchangeError {
        .notExportable(operation: graph[id].op.name, path: graph[id].path, reason: reason)
    }

    /// A value that lies as another does.
    private mutating func like(
        _ operand: NodeID, _ id: NodeID, _ body: (inout GraphExporter, String) throws -> String
    ) throws -> Value {
        var result = value(operand)
        result.name = try body(&self, result.name)
        return result
    }

    /// The order in which operands of one shape are brought together: that in which the first lies that is not stretched.
    func leadingOrder(_ operands: [NodeID]) -> [Int] {
        let moving = operands.filter { !constants.isConstant[$0.index] }
        let lead = moving.first { value($0).stretched.isEmpty } ?? moving[0]
        return order(of: value(lead))
    }

    /// The translated operand; what is to be stretched is stretched.
    mutating func unstretched(_ id: NodeID) throws -> Value {
        let value = value(id)
        guard !value.stretched.isEmpty else { return value }
        guard !value.stretched.values.contains(where: \.growsWithBatch) else {
            throw failure(id, "a value is repeated for each example")
        }
        let order = Self.order(rank: value.view.logical.count)
        let numbers = addNumbers(order.map { value.stretched[$0]?.factor ?? 1 })
        let path = graph[id].path
        return self.value(
            add("Expand", [try arranged(value, order, at: path), numbers], at: path), of: id, order: order)
    }

    private mutating func unary(_ function: Unary, _ id: NodeID) throws -> Value {
        let path = graph[id].path
        let name =
            switch function {
            case .negate: "Neg"
            case .exp: "Exp"
            case .log: "Log"
            case .sqrt, .rsqrt: "Sqrt"
            case .abs: "Abs"
            case .sign: "Sign"
            case .logistic: "Sigmoid"
            case .tanh: "Tanh"
            case .erf: "Erf"
            case .isFinite: throw failure(id, "it has no such function")
            }
        return try like(graph[id].inputs[0], id) { exporter, operand in
            let y = exporter.add(name, [operand], at: path)
            return function == .rsqrt ? exporter.add("Reciprocal", [y], at: path) : y
        }
    }

    private mutating func binary(_ function: Binary, _ id: NodeID) throws -> Value {
        if let fused = try fused(function, id) { return fused }
        let node = graph[id]
        let order = leadingOrder(node.inputs)
        let operands = try node.inputs.map { try operand($0, order: order) }
        let name =
            switch function {
            case .add: "Add"
            case .subtract: "Sub"
            case .multiply: "Mul"
            case .divide: "Div"
            case .maximum: "Max"
            case .minimum: "Min"
            case .power: "Pow"
            }
        return value(add(name, operands, at: node.path), of: id, order: order)
    }

    private mutating func compare(_ comparison: Comparison, _ id: NodeID) throws -> Value {
        let node = graph[id]
        let order = leadingOrder(node.inputs)
        let operands = try node.inputs.map { try operand($0, order: order) }
        let name =
            switch comparison {
            case .equal, .notEqual: "Equal"
            case .less: "Less"
            case .lessOrEqual: "LessOrEqual"
            case .greater: "Greater"
            case .greaterOrEqual: "GreaterOrEqual"
            }
        var result = add(name, operands, at: node.path)
        if comparison == .notEqual { result = add("Not", [result], at: node.path) }
        return value(add("Cast", [result], at: node.path, ["to": .integer(1)]), of: id, order: order)
    }

    private func broadcast(_ id: NodeID) -> Value {
        var result = value(graph[id].inputs[0])
        let (from, to) = (extents[graph[id].inputs[0].index], extents[id.index])
        let missing = to.count - from.count
        result.view.logical = [[Atom]](repeating: [], count: missing) + result.view.logical
        result.stretched = Dictionary(uniqueKeysWithValues: result.stretched.map { ($0 + missing, $1) })
        for (axis, extent) in to.enumerated() where axis < missing || from[axis - missing] != extent {
            result.stretched[axis] = extent
        }
        return result
    }

    private mutating func reshape(_ id: NodeID) throws -> Value {
        let source = try unstretched(graph[id].inputs[0])
        if let view = source.view.reshaped(to: extents[id.index]) {
            return Value(name: source.name, view: view)
        }
        // It cuts across the axes: the values have to lie in their order.
        let rank = source.view.logical.count
        let name = try arranged(source, Array(0..<rank), at: graph[id].path)
        let shape = extents[id.index]
        guard shape.filter(\.growsWithBatch).count <= 1 else { throw failure(id, "the batch is in two axes") }
        let numbers = addNumbers(shape.map { $0.growsWithBatch ? -1 : $0.factor })
        return value(
            add("Reshape", [name, numbers], at: graph[id].path), of: id, order: Array(0..<shape.count))
    }

    private mutating func slice(_ starts: [Int], _ id: NodeID) throws -> Value {
        let (node, source) = (graph[id], graph[id].inputs[0])
        if case .moments = graph[source].op, let parts = momentParts[source] {
            return parts[starts[0]]
        }
        let order = order(of: value(source))
        let (from, to) = (extents[source.index], extents[id.index])
        let axes = to.indices.filter { from[$0] != to[$0] }
        guard axes.allSatisfy({ !from[$0].growsWithBatch }) else { throw failure(id, "it cuts the batch") }
        let operands = [
            try operand(source, order: order), addNumbers(axes.map { starts[$0] }),
            addNumbers(axes.map { starts[$0] + to[$0].factor }),
            addNumbers(axes.map { order.firstIndex(of: $0)! }),
        ]
        return value(add("Slice", operands, at: node.path), of: id, order: order)
    }

    private mutating func reduce(_ reduction: Reduction, _ axes: [Int], _ id: NodeID) throws -> Value {
        if reduction.keepsOneValue, axes.allSatisfy({ extents[graph[id].inputs[0].index][$0] == .one }) {
            var result = try unstretched(graph[id].inputs[0])
            result.view.logical = result.view.logical.indices.filter { !axes.contains($0) }.map {
                result.view.logical[$0]
            }
            return result
        }
        let name: String
        switch reduction {
        case .sum: name = "ReduceSum"
        case .sumOfSquares: name = "ReduceSumSquare"
        case .maximum: name = "ReduceMax"
        case .minimum: name = "ReduceMin"
        default: throw failure(id, "it has no such reduction")
        }
        return try reduced(name, axes, id)
    }

    /// An operand combined over axes, which vanish.
    mutating func reduced(_ name: String, _ axes: [Int], _ id: NodeID, of source: NodeID? = nil) throws
        -> Value
    {
        let source = source ?? graph[id].inputs[0]
        let input = try unstretched(source)
        let order = order(of: input)
        let operand = try operand(source, order: order)
        let isGlobalAverage = name == "ReduceMean" && axes == [1, 2] && order == [0, 3, 1, 2]
        let y =
            isGlobalAverage
            ? add("GlobalAveragePool", [operand], at: graph[id].path)
            : add(
                name, [operand, addNumbers(axes.map { order.firstIndex(of: $0)! })], at: graph[id].path,
                ["keepdims": .integer(1)])
        let physical = order.map { axes.contains($0) ? [] : input.view.logical[$0] }
        let logical = input.view.logical.indices.filter { !axes.contains($0) }.map { input.view.logical[$0] }
        return Value(name: y, view: AxisView(physical: physical, logical: logical))
    }
}
