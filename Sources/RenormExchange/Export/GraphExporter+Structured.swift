import OrderedCollections
import RenormArrays
import RenormFormats
import RenormGraphs
import RenormLayers

extension GraphExporter {
    static func attributes(of geometry: PoolingOptions) -> OrderedDictionary<String, ONNXAttribute> {
        [
            "kernel_shape": .integers(geometry.window), "strides": .integers(geometry.strides),
            "pads": .integers(pads(geometry.padding)),
        ]
    }

    /// Top, left, bottom, right, of top, bottom, left, right.
    private static func pads(_ padding: [Int]) -> [Int] { [padding[0], padding[2], padding[1], padding[3]] }

    /// An operation on images.
    mutating func windowed(
        _ name: String, _ operands: [NodeID], _ attributes: OrderedDictionary<String, ONNXAttribute>,
        _ id: NodeID
    ) throws -> Value {
        let order = Self.order(rank: 4)
        var inputs = [try operand(operands[0], order: order)]
        for rest in operands.dropFirst() {
            inputs.append(try operand(rest, order: Array(0..<extents[rest.index].count)))
        }
        return value(add(name, inputs, at: graph[id].path, attributes), of: id, order: order)
    }

    mutating func convolution(_ geometry: ConvolutionOptions, _ id: NodeID) throws -> Value {
        let node = graph[id]
        try nameBias(id)
        return try windowed(
            "Conv", node.inputs,
            [
                "kernel_shape": .integers(Array(graph[node.inputs[1]].shape.dimensions[2...])),
                "strides": .integers(geometry.strides), "pads": .integers(Self.pads(geometry.padding)),
                "dilations": .integers(geometry.dilations), "group": .integer(geometry.groups),
            ], id)
    }

    /// A bias that is computed, of a normalization that was folded, belongs to the weight.
    private mutating func nameBias(_ id: NodeID) throws {
        let inputs = graph[id].inputs
        guard inputs.count == 3, let weight = constants.name(inputs[1]), weight.hasSuffix(".weight") else {
            return
        }
        if case .variable = graph[inputs[2]].op { return }
        constants.names[inputs[2]] = weight.dropLast(".weight".count) + ".bias"
    }

    mutating func matmul(_ left: Bool, _ right: Bool, _ id: NodeID) throws -> Value {
        let node = graph[id]
        func order(_ isTransposed: Bool) -> [Int] { isTransposed ? [1, 0] : [0, 1] }
        if right, !left, constants.isConstant[node.inputs[1].index] {
            let inputs = try node.inputs.map { try operand($0, order: [0, 1]) }
            return value(add("Gemm", inputs, at: node.path, ["transB": .integer(1)]), of: id, order: [0, 1])
        }
        let inputs = [
            try operand(node.inputs[0], order: order(left)), try operand(node.inputs[1], order: order(right)),
        ]
        return value(add("MatMul", inputs, at: node.path), of: id, order: [0, 1])
    }

    // MARK: Normalizations

    /// Means and variances, kept apart: they are read apart.
    mutating func moments(_ groups: Int, _ id: NodeID) throws -> Value {
        let source = graph[id].inputs[0]
        let (x, group) = (try unstretched(source), extents[id.index][1])
        let isEach = group == extents[source.index][0]
        guard isEach || group == .one else {
            throw failure(id, "groups of several examples have moments of their own")
        }
        let axes = isEach ? [1, 2] : [0, 1, 2]
        let path = graph[id].path
        let order = order(of: x)
        let places = addNumbers(axes.map { order.firstIndex(of: $0)! })
        let operand = try operand(source, order: order)
        let mean = add("ReduceMean", [operand, places], at: path, ["keepdims": .integer(1)])
        let gap = add("Sub", [operand, mean], at: path)
        let square = add("Mul", [gap, gap], at: path)
        let variance = add("ReduceMean", [square, places], at: path, ["keepdims": .integer(1)])
        // As the part [1, G, C] of both.
        let logical = [[], isEach ? x.view.logical[0] : [], x.view.logical[3]]
        let physical = order.map { axes.contains($0) ? [] : x.view.logical[$0] }
        let parts = [mean, variance].map {
            Value(name: $0, view: AxisView(physical: physical, logical: logical))
        }
        momentParts[id] = parts
        return parts[0]
    }

    mutating func affine(_ id: NodeID) throws -> Value {
        if let result = try populationNormalization(id) { return result }
        if let result = try ownNormalization(id) { return result }
        let node = graph[id]
        let order = Self.order(rank: 4)
        /// A vector [G, C] as an array that images are combined with: [G, C, 1, 1].
        func vector(_ operand: NodeID, _ exporter: inout GraphExporter) throws -> String {
            let isEach = exporter.extents[operand.index][0] == exporter.extents[id.index][0]
            guard isEach || exporter.extents[operand.index][0] == .one else {
                throw exporter.failure(id, "groups of several examples are normalized together")
            }
            guard !exporter.constants.isConstant[operand.index] else {
                return try exporter.constantVector(operand)
            }
            var value = exporter.value(operand)
            value.view.logical = [value.view.logical[0], [], [], value.view.logical[1]]
            return try exporter.arranged(value, order, at: node.path)
        }
        var y = try operand(node.inputs[0], order: order)
        if constants.number(node.inputs[1]) != 0 {
            y = add("Sub", [y, try vector(node.inputs[1], &self)], at: node.path)
        }
        y = add("Mul", [y, try vector(node.inputs[2], &self)], at: node.path)
        if constants.number(node.inputs[3]) != 0 {
            y = add("Add", [y, try vector(node.inputs[3], &self)], at: node.path)
        }
        return value(y, of: id, order: order)
    }

    /// A constant vector [G, C] or [1, C], stretched from [C] or not, as [1, C, 1, 1].
    private mutating func constantVector(_ id: NodeID) throws -> String {
        let array = try constants.unstretched(id)
        guard array.elementCount > 1 else { return addScalar(array.doubles[0]) }
        guard array.elementCount == extents[id.index][1].factor else {
            throw failure(id, "a constant has the size of the batch")
        }
        let name = constants.name(id) ?? "\(graph[id].path).constant"
        return addInitializer(name, array.reshaped(to: [1, array.elementCount, 1, 1]))
    }

    /// BatchNormalization, if the node is a normalization by moving averages that does what that operator does.
    private mutating func populationNormalization(_ id: NodeID) throws -> Value? {
        let node = graph[id]
        guard let normalization = normalizations[node.path],
            let kind = normalization.kind as? any PopulationNormalization,
            node.inputs[1...3].allSatisfy({ constants.isConstant[$0.index] }),
            let population = kind.population(
                { model.variables["\(node.path).\($0)"]?.value }, epsilon: normalization.epsilon)
        else { return nil }
        let epsilon = Double(Float(normalization.epsilon))
        let variance = try population.variance(without: normalization.epsilon, at: node.path)
        let channels = extents[id.index][3].factor
        func parameter(_ name: String, _ isThere: Bool, _ neutral: Float) -> NDArray {
            isThere
                ? model.variables["\(node.path).\(name)"]!.value.converted(to: .f32)
                : NDArray(repeating: neutral, shape: [channels])
        }
        let (gamma, beta) = (
            parameter("weight", normalization.scale, 1), parameter("bias", normalization.shift, 0)
        )
        // Kinds of other packages may do something else with their averages.
        let vectors = try node.inputs[1...3].map { try constants.unstretched($0).doubles }
        func same(_ a: [Double], _ b: [Double]) -> Bool {
            (a.count == b.count || a.count == 1)
                && b.indices.allSatisfy {
                    let x = a.count == 1 ? a[0] : a[$0]
                    return abs(x - b[$0]) <= 1e-5 * max(abs(x), abs(b[$0]), 1e-6) || x == b[$0]
                }
        }
        let scale = zip(gamma.doubles, variance.doubles).map { $0 / ($1 + epsilon).squareRoot() }
        guard same(vectors[0], population.mean.doubles), same(vectors[1], scale),
            same(vectors[2], beta.doubles)
        else { return nil }
        let arrays = [
            ("weight", gamma), ("bias", beta), ("running_mean", population.mean.converted(to: .f32)),
            ("running_var", variance.converted(to: .f32)),
        ]
        let names = arrays.map { addNamed("\(node.path).\($0.0)", $0.1) }
        let order = Self.order(rank: 4)
        let x = try operand(node.inputs[0], order: order)
        let y = add(
            "BatchNormalization", [x] + names, at: node.path,
            ["epsilon": .float(Float(normalization.epsilon))])
        return value(y, of: id, order: order)
    }

    /// The groups of channels of a node that normalizes each example by its own moments and is one of our kinds.
    func ownGroups(_ id: NodeID) -> Int? {
        let node = graph[id]
        guard case .affine(.group(let groups)) = node.op, let normalization = normalizations[node.path],
            extents[node.inputs[1].index][0] == extents[id.index][0],
            normalization.kind is LayerNormalization || normalization.kind is InstanceNormalization
                || normalization.kind is GroupNormalization
        else { return nil }
        return groups
    }

    /// GroupNormalization or InstanceNormalization, if the node is one of ours.
    private mutating func ownNormalization(_ id: NodeID) throws -> Value? {
        guard let groups = ownGroups(id), let normalization = normalizations[graph[id].path] else {
            return nil
        }
        let node = graph[id]
        let channels = extents[id.index][3].factor
        func parameter(_ name: String, _ isThere: Bool, _ neutral: Float, _ exporter: inout GraphExporter)
            -> String
        {
            let path = "\(node.path).\(name)"
            return exporter.addNamed(
                path,
                isThere
                    ? exporter.model.variables[path]!.value.converted(to: .f32)
                    : NDArray(repeating: neutral, shape: [channels]))
        }
        let order = Self.order(rank: 4)
        let inputs = [
            try operand(node.inputs[0], order: order), parameter("weight", normalization.scale, 1, &self),
            parameter("bias", normalization.shift, 0, &self),
        ]
        var attributes: OrderedDictionary<String, ONNXAttribute> = [
            "epsilon": .float(Float(normalization.epsilon))
        ]
        if groups != channels { attributes["num_groups"] = .integer(groups) }
        let y = add(
            groups == channels ? "InstanceNormalization" : "GroupNormalization", inputs, at: node.path,
            attributes)
        return value(y, of: id, order: order)
    }

    /// What a node normalizes whose γ·x̂ + β is the end of a normalization of each position over its channels.
    func positionalSource(_ id: NodeID) -> NodeID? {
        guard case .binary(.add) = graph[id].op, graph[id].role == .normalized,
            normalizations[graph[id].path]?.kind is PositionalNormalization
        else { return nil }
        let product = graph[id].inputs[0]
        guard case .binary(.multiply) = graph[product].op, case .reshape = graph[graph[product].inputs[0]].op
        else {
            return nil
        }
        let affine = graph[graph[product].inputs[0]].inputs[0]
        guard case .affine(.group(1)) = graph[affine].op, case .reshape = graph[graph[affine].inputs[0]].op,
            constants.isConstant[graph[product].inputs[1].index],
            constants.isConstant[graph[id].inputs[1].index]
        else { return nil }
        return graph[graph[affine].inputs[0]].inputs[0]
    }

    /// LayerNormalization over the channels, which have to lie last.
    mutating func positionalNormalization(_ id: NodeID) throws -> Value? {
        guard let source = positionalSource(id), let normalization = normalizations[graph[id].path] else {
            return nil
        }
        let (product, path) = (graph[id].inputs[0], graph[id].path)
        let rank = extents[id.index].count
        let channels = extents[id.index][rank - 1].factor
        func vector(_ id: NodeID, _ name: String, _ exporter: inout GraphExporter) throws -> String {
            let array = try exporter.constants.unstretched(id)
            return exporter.addNamed(
                "\(path).\(name)",
                array.elementCount == channels
                    ? array.reshaped(to: [channels]) : NDArray(repeating: array.floats[0], shape: [channels]))
        }
        let order = Array(0..<rank)
        let inputs = [
            try operand(source, order: order), try vector(graph[product].inputs[1], "weight", &self),
            try vector(graph[id].inputs[1], "bias", &self),
        ]
        let y = add(
            "LayerNormalization", inputs, at: path,
            ["axis": .integer(-1), "epsilon": .float(Float(normalization.epsilon))])
        return value(y, of: id, order: order)
    }
}
