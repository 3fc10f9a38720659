import RenormArrays
import RenormFormats
import RenormLayers

extension GraphImporter {
    /// Sums, products and their like, of activations or of one with a constant.
    mutating func arithmetic(_ node: ONNXNode, _ kind: String) throws {
        guard node.inputs.count >= 2 else { throw Unsupported("it has \(node.inputs.count) inputs") }
        let constants = node.inputs.indices.filter {
            if case .constant? = value(node, $0) { true } else { false }
        }
        if let place = constants.first {
            guard node.inputs.count == 2 else { throw Unsupported("several inputs, one of them a constant") }
            return try withConstant(node, kind, constantFirst: place == 0)
        }
        if kind == "multiply", let gated = try selfGated(node) { return set(node, gated) }
        let name = ImportedNames.layer(node)
        var operands: [Activation] = []
        for place in node.inputs.indices { operands.append(try padded(activation(node, place), name: name)) }
        let rank = operands[0].view.logical.count
        guard operands.allSatisfy({ $0.view.logical.count == rank }) else {
            throw Unsupported("its inputs have different numbers of axes")
        }
        // They are brought together as the largest of them lies.
        func atoms(_ x: Activation) -> Int { x.view.logical.filter { !$0.isEmpty }.count }
        let lead = operands.max { atoms($0) < atoms($1) }!
        let order = order(of: lead)
        for index in operands.indices { operands[index] = try arranged(operands[index], order, name: name) }
        var result = operands.max { atoms($0) < atoms($1) }!
        for operand in operands {
            for axis in 0..<rank where !operand.view.logical[axis].isEmpty {
                if result.view.logical[axis].isEmpty {
                    result.view.logical[axis] = operand.view.logical[axis]
                } else if AxisView.extent(result.view.logical[axis])
                    != AxisView.extent(operand.view.logical[axis])
                {
                    throw ExchangeError.malformed(
                        place: node.place, reason: "its inputs have different extents")
                }
            }
        }
        result.view.physical = order.map { result.view.logical[$0] }
        result.layer = list.add(kind, .none, operands.map(\.layer), name: name)
        result.isInput = false
        set(node, result)
    }

    /// x · sigmoid(x) and x · hard sigmoid(x) have names.
    private mutating func selfGated(_ node: ONNXNode) throws -> Activation? {
        let names = ["sigmoid": "silu", "hard-sigmoid": "hard-swish"]
        for (gate, other) in [(0, 1), (1, 0)] {
            guard let last = list.layers.last, let kind = names[last.kind],
                graph.readers[node.inputs[gate]] == 1,
                case .activation(let x)? = value(node, other), case .activation(let y)? = value(node, gate),
                y.layer == last.name, last.inputs == [x.layer], x.view.logical == y.view.logical
            else { continue }
            list.renameLast(to: kind)
            return y
        }
        return nil
    }

    /// The order in which a value lies, if each axis of ours is one of its own; else the usual one.
    private func order(of x: Activation) -> [Int] {
        let rank = x.view.logical.count
        let usual = rank == 4 ? [0, 2, 3, 1] : Array(0..<rank)
        let orders = [usual, Array(0..<rank)]
        return orders.first { order in order.map { x.view.logical[$0] } == x.view.physical } ?? usual
    }

    private mutating func withConstant(_ node: ONNXNode, _ kind: String, constantFirst: Bool) throws {
        let array = try requiredConstant(node, constantFirst ? 0 : 1)
        let name = ImportedNames.layer(node, weight: node.inputs[constantFirst ? 0 : 1])
        var x = try padded(activation(node, constantFirst ? 1 : 0), name: name)
        let numbers = try channels(array, x)
        if kind == "maximum" || kind == "minimum" {
            if kind == "maximum", numbers.count > 1 {
                let row = NDArray(numbers.map { Float($0) }, shape: [numbers.count])
                x.layer = list.add("threshold", .none, [x.layer], name: name, weights: [("threshold", row)])
                return set(node, x)
            }
            guard Set(numbers).count == 1 else { throw Unsupported("limits for each channel") }
            x.layer = list.add(
                "clip", [kind == "maximum" ? "low" : "high": .number(numbers[0])], [x.layer], name: name)
            return set(node, x)
        }
        var (scale, shift): ([Double]?, [Double]?)
        switch kind {
        case "add": shift = numbers
        case "subtract":
            shift = constantFirst ? numbers : numbers.map(-)
            if constantFirst { scale = [-1] }
        case "multiply": scale = numbers
        default:
            guard !constantFirst else { throw Unsupported("a constant is divided by activations") }
            scale = numbers.map { 1 / $0 }
        }
        guard (numbers + (scale ?? [])).allSatisfy({ Float($0).isFinite }) else {
            throw Unsupported("a constant that is not finite")
        }
        if numbers.count == 1 || (x.isInput && numbers.count <= 16) {
            var options: [String: DescribedValue] = [:]
            if let scale { options["scale"] = .list(scale.map(DescribedValue.number)) }
            if let shift { options["shift"] = .list(shift.map(DescribedValue.number)) }
            x.layer = list.add("linear", .map(options), [x.layer], name: name)
            return set(node, x)
        }
        guard scale == nil || shift == nil else {
            throw Unsupported("activations subtracted from a constant")
        }
        if let shift {
            let row = NDArray(shift.map { Float($0) }, shape: [shift.count])
            if takesBias(x, read: node.inputs[constantFirst ? 1 : 0]) {
                list.addBias(row, to: x.layer)
            } else {
                x.layer = list.add("shift", .none, [x.layer], name: name, weights: [("bias", row)])
            }
        } else if let scale {
            let row = NDArray(scale.map { Float($0) }, shape: [scale.count])
            x.layer = list.add("scale", .none, [x.layer], name: name, weights: [("weight", row)])
        }
        x.isInput = false
        set(node, x)
    }

    /// Whether a constant that is added can be the bias of the layer before it.
    private func takesBias(_ x: Activation, read name: String) -> Bool {
        guard graph.readers[name] == 1, let layer = list.layer(x.layer),
            ["convolution", "dense"].contains(layer.kind), case .map(let options) = layer.options
        else { return false }
        return options["bias"] == .flag(false)
    }

    /// A constant as one number, or one for each channel of what it is combined with.
    private func channels(_ array: NDArray, _ x: Activation) throws -> [Double] {
        if array.elementCount == 1 { return [array.doubles[0]] }
        let rank = x.view.logical.count
        guard array.shape.rank <= rank else {
            throw Unsupported("a constant of more axes than what it is combined with")
        }
        let axes = array.shape.dimensions.indices.filter { array.shape[$0] != 1 }
        guard axes.count == 1, let last = x.view.physical.last, !last.isEmpty,
            x.view.logical[axes[0] + rank - array.shape.rank] == last,
            AxisView.extent(last) == Extent(array.elementCount)
        else { throw Unsupported("a constant of shape \(array.shape), which is not one for each channel") }
        return array.doubles
    }

    mutating func concatenate(_ node: ONNXNode) throws {
        let name = ImportedNames.layer(node)
        var operands: [Activation] = []
        for place in node.inputs.indices { operands.append(try padded(activation(node, place), name: name)) }
        guard let first = operands.first else { throw Unsupported("no inputs") }
        let rank = first.view.logical.count
        let axis = try axis(node.integer("axis") ?? 1, rank)
        let order = order(of: first)
        guard order.last == axis, operands.allSatisfy({ $0.view.logical.count == rank }) else {
            throw Unsupported("it joins along axis \(axis), which is not that of the channels")
        }
        var (extents, count) = (first.view.extents, 0)
        for index in operands.indices {
            operands[index] = try arranged(operands[index], order, name: name)
            let own = operands[index].view.extents
            guard !own[axis].growsWithBatch, own.indices.allSatisfy({ $0 == axis || own[$0] == extents[$0] })
            else {
                throw ExchangeError.malformed(place: node.place, reason: "its inputs have different extents")
            }
            count += own[axis].factor
        }
        extents[axis] = Extent(count)
        let layer =
            operands.count == 1
            ? operands[0].layer : list.add("concatenate", .none, operands.map(\.layer), name: name)
        set(node, try activation(layer, order.map { extents[$0] }, seen: order))
    }

    // MARK: Parts

    mutating func split(_ node: ONNXNode) throws {
        let x = try activation(node)
        let axis = try axis(node.integer("axis") ?? 0, x.view.logical.count)
        let total = x.view.extents[axis].factor
        var sizes = try integers(node, 1, or: "split") ?? []
        if sizes.isEmpty {
            let each = (total + node.outputs.count - 1) / node.outputs.count
            sizes = (0..<node.outputs.count).map { min(each, total - $0 * each) }
        }
        guard sizes.count == node.outputs.count, sizes.allSatisfy({ $0 > 0 && $0 <= total }),
            sizes.reduce(0, +) == total
        else {
            throw ExchangeError.malformed(place: node.place, reason: "its parts \(sizes) are not the whole")
        }
        var start = 0
        for (name, size) in zip(node.outputs, sizes) {
            values[name] = .activation(try part(of: x, axis, start, size, name: ImportedNames.layer(node)))
            start += size
        }
    }

    mutating func slice(_ node: ONNXNode) throws {
        var x = try activation(node)
        let rank = x.view.logical.count
        guard let starts = try integers(node, 1, or: "starts"), let ends = try integers(node, 2, or: "ends"),
            starts.count == ends.count
        else { throw ExchangeError.malformed(place: node.place, reason: "it has no starts and ends") }
        let axes = try integers(node, 3, or: "axes") ?? Array(0..<starts.count)
        let steps = try integers(node, 4, or: "steps") ?? []
        guard axes.count == starts.count, steps.allSatisfy({ $0 == 1 }) else {
            throw Unsupported("steps of \(steps)")
        }
        for (index, number) in axes.enumerated() {
            let axis = try axis(number, rank)
            let extent = x.view.extents[axis]
            if extent.growsWithBatch {
                guard starts[index] == 0, ends[index] >= Self.batch || ends[index] == fixedBatch else {
                    throw Unsupported("it cuts the batch")
                }
                continue
            }
            let count = extent.factor
            func place(_ at: Int) -> Int { min(max(at < 0 ? at.saturatingSum(count) : at, 0), count) }
            let (start, end) = (place(starts[index]), place(ends[index]))
            guard start < end else { throw Unsupported("nothing is left of axis \(axis)") }
            x = try part(of: x, axis, start, end - start, name: ImportedNames.layer(node))
        }
        set(node, x)
    }

    mutating func gather(_ node: ONNXNode) throws {
        let x = try activation(node)
        let rank = x.view.logical.count
        let axis = try axis(node.integer("axis") ?? 0, rank)
        let places = try requiredConstant(node, 1)
        let count = x.view.extents[axis].factor
        let wanted = places.integers.map { $0 < 0 ? $0 + count : $0 }
        guard let first = wanted.first, first >= 0, first < count, places.shape.rank <= 1,
            wanted.count <= count, wanted == Array(first..<first + wanted.count),
            first + wanted.count <= count
        else { throw Unsupported("it picks places \(wanted.prefix(8)) of axis \(axis)") }
        var result = try part(of: x, axis, first, wanted.count, name: ImportedNames.layer(node))
        if places.shape.rank == 0 { result.view.logical.remove(at: axis) }
        set(node, result)
    }

    /// Some of the channels.
    private mutating func part(of x: Activation, _ axis: Int, _ start: Int, _ count: Int, name: String) throws
        -> Activation
    {
        let extents = x.view.extents
        if start == 0, Extent(count) == extents[axis] { return x }
        let order = order(of: x)
        guard order.last == axis else {
            throw Unsupported("it cuts axis \(axis), which is not that of the channels")
        }
        let source = try arranged(x, order, name: name)
        let layer = list.add(
            "channels", ["from": .number(Double(start)), "count": .number(Double(count))], [source.layer],
            name: name)
        var cut = extents
        cut[axis] = Extent(count)
        return try activation(layer, order.map { cut[$0] }, seen: order)
    }
}
