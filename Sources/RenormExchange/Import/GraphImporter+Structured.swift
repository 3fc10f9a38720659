import RenormArrays
import RenormFormats
import RenormLayers

extension GraphImporter {
    /// Images with the zeros that are still to be put around them, for a layer that can do so itself.
    private mutating func imagesToPad(_ x: Activation, _ name: String) throws -> (Activation, [Int]) {
        if let padding = x.padding, x.view.logical.count == 4,
            x.view.physical == [0, 2, 3, 1].map({ x.view.logical[$0] })
        {
            var inner = x
            inner.padding = nil
            return (inner, padding)
        }
        return (try images(x, name), [0, 0, 0, 0])
    }

    /// The window of a convolution or pooling: what it does along height and width.
    private struct Window {
        var kernel: [Int]
        var strides: [Int]
        var dilations: [Int]
        /// Top, bottom, left and right.
        var padding: [Int]
        var result: [Int]
        /// Cells at the bottom and right that only a last window needs, which was rounded up.
        var ceiling: [Int]

        var described: DescribedValue { .list(padding.map { .number(Double($0)) }) }
    }

    private func pair(_ node: ONNXNode, _ option: String, or standard: [Int]) throws -> [Int] {
        let numbers = node.integers(option) ?? standard
        guard numbers.count == 2, numbers.allSatisfy({ (1...DescribedLayers.largestWindow).contains($0) })
        else {
            throw Unsupported("\(option) of \(numbers.prefix(8))")
        }
        return numbers
    }

    /// - Parameter size: Height and width of what comes in, with `zeros` around it.
    private func window(_ node: ONNXNode, kernel: [Int], _ size: [Int]) throws -> Window {
        let strides = try pair(node, "strides", or: [1, 1])
        let dilations = try pair(node, "dilations", or: [1, 1])
        let extent = zip(kernel, dilations).map { ($0 - 1) * $1 + 1 }
        var pads = node.integers("pads") ?? [0, 0, 0, 0]
        guard pads.count == 4, pads.allSatisfy({ (0...DescribedLayers.largestWindow).contains($0) }) else {
            throw Unsupported("pads of \(pads.prefix(8))")
        }
        switch node.text("auto_pad") ?? "NOTSET" {
        case "NOTSET": break
        case "VALID": pads = [0, 0, 0, 0]
        case let rule where rule == "SAME_UPPER" || rule == "SAME_LOWER":
            for axis in 0..<2 {
                let count = (size[axis] + strides[axis] - 1) / strides[axis]
                let total = max((count - 1) * strides[axis] + extent[axis] - size[axis], 0)
                let half = rule == "SAME_UPPER" ? total / 2 : total - total / 2
                (pads[axis], pads[axis + 2]) = (half, total - half)
            }
        case let rule: throw Unsupported("auto_pad of '\(rule.short)'")
        }
        var (result, ceiling) = ([Int](), [Int]())
        for axis in 0..<2 {
            let room = size[axis] + pads[axis] + pads[axis + 2] - extent[axis]
            guard room >= 0 else { throw Unsupported("a window of \(kernel) on images of \(size)") }
            var count = room / strides[axis] + 1
            if node.integer("ceil_mode") ?? 0 != 0, room % strides[axis] != 0,
                count * strides[axis] < size[axis] + pads[axis]
            {
                count += 1
            }
            result.append(count)
            ceiling.append(max((count - 1) * strides[axis] - room, 0))
        }
        return Window(
            kernel: kernel, strides: strides, dilations: dilations,
            padding: [pads[0], pads[2], pads[1], pads[3]],
            result: result, ceiling: ceiling)
    }

    private static func numbers(_ pair: [Int]) -> DescribedValue {
        pair[0] == pair[1] ? .number(Double(pair[0])) : .list(pair.map { .number(Double($0)) })
    }

    mutating func convolution(_ node: ONNXNode) throws {
        let weight = try requiredConstant(node, 1)
        let bias = try constant(node, 2)
        guard weight.shape.rank == 4 else {
            throw Unsupported("a weight of \(weight.shape.rank) axes, where images have 4")
        }
        let name = ImportedNames.layer(node, weight: node.inputs[1])
        let (x, zeros) = try imagesToPad(activation(node), name)
        let extents = x.view.physical.map(AxisView.extent)
        let (channels, groups) = (extents[3].factor, node.integer("group") ?? 1)
        guard groups > 0, weight.shape[1].saturatingProduct(groups) == channels,
            weight.shape[0] % groups == 0,
            bias.map({ $0.shape == [weight.shape[0]] }) ?? true
        else {
            throw ExchangeError.malformed(
                place: node.place,
                reason: "a weight of \(weight.shape) in \(groups) groups does not fit \(channels) channels")
        }
        // What is padded already counts as the size.
        let window = try window(
            node, kernel: Array(weight.shape.dimensions[2...]), [extents[1].factor, extents[2].factor])
        var options: [String: DescribedValue] = [
            "channels": .number(Double(weight.shape[0])), "kernel": Self.numbers(window.kernel),
            "padding": .list(zip(window.padding, zeros).map { .number(Double($0 + $1)) }),
            "bias": .flag(bias != nil),
        ]
        if window.strides != [1, 1] { options["stride"] = Self.numbers(window.strides) }
        if window.dilations != [1, 1] { options["dilation"] = Self.numbers(window.dilations) }
        if groups != 1 { options["groups"] = .number(Double(groups)) }
        if Set(zip(window.padding, zeros).map(+)).count == 1 {
            options["padding"] = .number(Double(window.padding[0] + zeros[0]))
        }
        let layer = list.add(
            "convolution", .map(options), [x.layer], name: name,
            weights: [("weight", weight)] + (bias.map { [("bias", $0)] } ?? []))
        set(
            node,
            try activation(
                layer, [.batch, Extent(window.result[0]), Extent(window.result[1]), Extent(weight.shape[0])],
                seen: [0, 2, 3, 1]))
    }

    mutating func pool(_ node: ONNXNode, kind: String) throws {
        let name = ImportedNames.layer(node)
        let counts = node.integer("count_include_pad") ?? 0 != 0
        // Zeros are no cells of a maximum; of a mean they are, which the layer does only if it counts its own.
        let input = try activation(node)
        let x = try images(input, name)
        let extents = x.view.physical.map(AxisView.extent)
        let window = try window(
            node, kernel: try pair(node, "kernel_shape", or: []), [extents[1].factor, extents[2].factor])
        guard window.kernel[0] == window.kernel[1], window.strides[0] == window.strides[1] else {
            throw Unsupported(
                "windows of \(window.kernel) in steps of \(window.strides), which are not square")
        }
        guard window.dilations == [1, 1] else { throw Unsupported("a pooling with dilations") }
        if kind == "average-pool", counts, window.ceiling != [0, 0], window.padding != [0, 0, 0, 0] {
            throw Unsupported("means that count padding, rounded up")
        }
        guard node.outputs.count == 1 || node.outputs[1...].allSatisfy({ graph.readers[$0] == nil }) else {
            throw Unsupported("the places of the largest values are read")
        }
        if window.kernel == [extents[1].factor, extents[2].factor], window.padding == [0, 0, 0, 0],
            window.ceiling == [0, 0], kind == "average-pool"
        {
            return try globalAverage(node, axes: [2, 3], keeps: true)
        }
        var padding = window.padding
        padding[1] += window.ceiling[0]
        padding[3] += window.ceiling[1]
        var options: [String: DescribedValue] = [
            "window": .number(Double(window.kernel[0])), "stride": .number(Double(window.strides[0])),
        ]
        if padding != [0, 0, 0, 0] {
            options["padding"] =
                Set(padding).count == 1
                ? .number(Double(padding[0])) : .list(padding.map { .number(Double($0)) })
        }
        // Cells that rounding up adds are never counted.
        if kind == "average-pool" { options["counts-padding"] = .flag(counts && window.ceiling == [0, 0]) }
        let layer = list.add(kind, .map(options), [x.layer], name: name)
        set(
            node,
            try activation(
                layer, [.batch, Extent(window.result[0]), Extent(window.result[1]), extents[3]],
                seen: [0, 2, 3, 1]))
    }

    mutating func pad(_ node: ONNXNode) throws {
        var x = try activation(node)
        let rank = x.view.logical.count
        guard node.text("mode") ?? "constant" == "constant" else {
            throw Unsupported("padding by '\(node.text("mode")!.short)'")
        }
        let number = try constant(node, 2)?.doubles.first ?? node.float("value") ?? 0
        guard let pads = try integers(node, 1, or: "pads") ?? node.integers("paddings") else {
            throw ExchangeError.malformed(place: node.place, reason: "it has no pads")
        }
        if pads.allSatisfy({ $0 == 0 }) { return set(node, x) }
        let axes = try constant(node, 3).map { try $0.integers.map { try axis($0, rank) } } ?? Array(0..<rank)
        guard pads.count == 2 * axes.count,
            pads.allSatisfy({ (0...DescribedLayers.largestWindow).contains($0) })
        else { throw Unsupported("pads of \(pads.prefix(8))") }
        guard number == 0 else { throw Unsupported("padding with \(number)") }
        x = try padded(x, name: ImportedNames.layer(node))
        x = try arranged(
            x, rank == 4 && x.view.physical != x.view.logical ? [0, 2, 3, 1] : Array(0..<rank),
            name: ImportedNames.layer(node))
        // The places of height and width in our array.
        var (sides, extents) = ([0, 0, 0, 0], x.view.physical.map(AxisView.extent))
        let order = x.view.physical.map { physical in x.view.logical.firstIndex(of: physical)! }
        guard rank == 4, x.view.physical.allSatisfy({ !$0.isEmpty }) || Set(order).count == 4 else {
            throw Unsupported("padding of what is no image")
        }
        for (index, axis) in axes.enumerated() where pads[index] != 0 || pads[index + axes.count] != 0 {
            guard let place = order.firstIndex(of: axis), place == 1 || place == 2 else {
                throw Unsupported("padding of axis \(axis)")
            }
            sides[2 * place - 2] = pads[index]
            sides[2 * place - 1] = pads[index + axes.count]
            extents[place] = Extent(extents[place].factor + pads[index] + pads[index + axes.count])
        }
        var result = try activation(x.layer, extents, seen: order)
        result.padding = sides
        result.isInput = x.isInput
        set(node, result)
    }

    mutating func reduceMean(_ node: ONNXNode) throws {
        let rank = try activation(node).view.logical.count
        let axes = try integers(node, 1, or: "axes")?.map { try axis($0, rank) } ?? Array(0..<rank)
        try globalAverage(node, axes: axes.sorted(), keeps: node.integer("keepdims") ?? 1 != 0)
    }

    /// The mean over axes that are height and width, or the channels.
    mutating func globalAverage(_ node: ONNXNode, axes: [Int], keeps: Bool) throws {
        let name = ImportedNames.layer(node)
        let x = try padded(activation(node), name: name)
        let over = Set(axes.filter { $0 < x.view.logical.count }.flatMap { x.view.logical[$0] })
        var result = x
        result.isInput = false
        result.view.logical = x.view.logical.enumerated().compactMap { index, axis in
            axes.contains(index) ? (keeps ? [] : nil) : axis
        }
        if let last = x.view.physical.last, !last.isEmpty, over == Set(last) {
            result.layer = list.add("channel-mean", .none, [x.layer], name: name)
            result.view.physical[x.view.physical.count - 1] = []
        } else if x.view.physical.count == 4, over == Set(x.view.physical[1] + x.view.physical[2]) {
            result.layer = list.add("global-average-pool", .none, [x.layer], name: name)
            result.view.physical = [x.view.physical[0], x.view.physical[3]]
        } else {
            throw Unsupported("a mean over axes \(axes), which are neither height and width nor channels")
        }
        set(node, result)
    }
}
