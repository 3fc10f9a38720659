import RenormArrays
import RenormFormats
import RenormLayers

extension GraphImporter {
    private typealias Handler = @Sendable (inout GraphImporter, ONNXNode) throws -> Void

    /// What is done about each operator, where it depends on the images.
    private static let handlers: [String: Handler] = {
        var table: [String: Handler] = [
            "Conv": { try $0.convolution($1) }, "BatchNormalization": { try $0.batchNormalization($1) },
            "InstanceNormalization": { try $0.ownNormalization($1, kind: "instance") },
            "GroupNormalization": { try $0.ownNormalization($1, kind: "group") },
            "LayerNormalization": { try $0.layerNormalization($1) },
            "Gemm": { try $0.gemm($1) }, "MatMul": { try $0.matmul($1) },
            "MaxPool": { try $0.pool($1, kind: "max-pool") },
            "AveragePool": { try $0.pool($1, kind: "average-pool") },
            "GlobalAveragePool": { try $0.globalAverage($1, axes: [2, 3], keeps: true) },
            "ReduceMean": { try $0.reduceMean($1) }, "Pad": { try $0.pad($1) },
            "Clip": { try $0.clip($1) }, "HardSigmoid": { try $0.hardSigmoid($1) },
            "LeakyRelu": {
                try $0.elementwise($1, "leaky-relu", ["slope": .number($1.float("alpha") ?? 0.01)])
            },
            "Gelu": { importer, node in
                guard node.text("approximate") ?? "none" == "none" else {
                    throw Unsupported("an approximation of GELU by tanh")
                }
                try importer.elementwise(node, "gelu")
            },
            "Dropout": { importer, node in
                let rate = try importer.constant(node, 1)?.doubles.first ?? node.float("ratio") ?? 0.5
                try importer.elementwise(node, "dropout", .number(min(max(rate, 0), 0.99)))
            },
            "Pow": { try $0.power($1) }, "Concat": { try $0.concatenate($1) }, "Split": { try $0.split($1) },
            "Slice": { try $0.slice($1) }, "Gather": { try $0.gather($1) },
            "Flatten": { try $0.flatten($1) }, "Reshape": { try $0.reshape($1) },
            "Transpose": { try $0.transpose($1) }, "Squeeze": { try $0.squeeze($1) },
            "Unsqueeze": { try $0.unsqueeze($1) }, "Shape": { try $0.shape($1) },
            "Identity": { importer, node in importer.values[node.outputs[0]] = importer.value(node, 0) },
            "Cast": { try $0.cast($1) }, "Softmax": { try $0.softmax($1) },
            "LogSoftmax": { try $0.softmax($1) },
        ]
        for (operation, kind) in [("Relu", "relu"), ("Sigmoid", "sigmoid"), ("HardSwish", "hard-swish")] {
            table[operation] = { try $0.elementwise($1, kind) }
        }
        for (operation, function) in [
            ("Sqrt", "sqrt"), ("Exp", "exp"), ("Log", "log"), ("Tanh", "tanh"), ("Erf", "erf"),
            ("Abs", "abs"),
            ("Neg", "negate"),
        ] {
            table[operation] = { try $0.elementwise($1, "function", .text(function)) }
        }
        for (operation, kind) in [
            ("Add", "add"), ("Sub", "subtract"), ("Mul", "multiply"), ("Div", "divide"), ("Max", "maximum"),
            ("Min", "minimum"), ("Sum", "add"),
        ] {
            table[operation] = { try $0.arithmetic($1, kind) }
        }
        return table
    }()

    /// Translates a node: into a constant, a layer, or another view of what is there.
    mutating func translate(_ node: ONNXNode) throws {
        guard node.domain.isEmpty else {
            throw Unsupported("operators of '\(node.domain.short)' are not read")
        }
        guard !node.outputs.isEmpty, !node.outputs[0].isEmpty else {
            throw ExchangeError.malformed(place: node.place, reason: "it makes nothing")
        }
        if try fold(node) { return }
        guard let handler = Self.handlers[node.operation] else { throw Unsupported("no layer does this") }
        try handler(&self, node)
    }

    // MARK: Value by value

    /// A layer that works value by value, wherever they lie.
    mutating func elementwise(_ node: ONNXNode, _ kind: String, _ options: DescribedValue = .none) throws {
        var x = try activation(node)
        x = try padded(x, name: ImportedNames.layer(node))
        x.layer = list.add(kind, options, [x.layer], name: ImportedNames.layer(node))
        x.isInput = false
        set(node, x)
    }

    mutating func clip(_ node: ONNXNode) throws {
        func limit(_ place: Int, _ option: String) throws -> Double? {
            let number = try constant(node, place)?.doubles.first ?? node.float(option)
            return number.flatMap { $0.isFinite && abs($0) < 1e30 ? $0 : nil }
        }
        let (low, high) = (try limit(1, "min"), try limit(2, "max"))
        switch (low, high) {
        case (0, 6): try elementwise(node, "relu6")
        case (0, nil): try elementwise(node, "relu")
        default:
            var options: [String: DescribedValue] = [:]
            if let low { options["low"] = .number(low) }
            if let high { options["high"] = .number(high) }
            try elementwise(node, "clip", .map(options))
        }
    }

    mutating func hardSigmoid(_ node: ONNXNode) throws {
        let (alpha, beta) = (node.float("alpha") ?? 0.2, node.float("beta") ?? 0.5)
        if abs(alpha * 6 - 1) < 1e-6, beta == 0.5 { return try elementwise(node, "hard-sigmoid") }
        try elementwise(node, "linear", ["scale": .number(alpha), "shift": .number(beta)])
        guard case .activation(var x)? = values[node.outputs[0]] else { return }
        x.layer = list.add("clip", ["low": 0, "high": 1], [x.layer], name: ImportedNames.layer(node))
        set(node, x)
    }

    mutating func power(_ node: ONNXNode) throws {
        switch try requiredConstant(node, 1).doubles.first {
        case 1: values[node.outputs[0]] = value(node, 0)
        case 2:
            var x = try padded(activation(node), name: ImportedNames.layer(node))
            x.layer = list.add("multiply", .none, [x.layer, x.layer], name: ImportedNames.layer(node))
            set(node, x)
        case 0.5: try elementwise(node, "function", "sqrt")
        case let exponent: throw Unsupported("an exponent of \(exponent.map { "\($0)" } ?? "nothing")")
        }
    }

    mutating func cast(_ node: ONNXNode) throws {
        guard [1, 10, 11, 16].contains(node.integer("to") ?? 0) else {
            throw Unsupported("activations become whole numbers")
        }
        set(node, try activation(node, softmax: true))
    }

    mutating func softmax(_ node: ONNXNode) throws {
        var x = try activation(node)
        // It counts only whether the classes are what it is taken over; where it is not the end, its readers say so.
        let rank = x.view.logical.count
        let axis = node.integer("axis") ?? (model.opset >= 13 ? -1 : 1)
        let first = axis < 0 ? axis + rank : axis
        guard first == 1 || x.view.extents[1...].filter({ $0 != .one }).count <= 1 else {
            throw Unsupported("a Softmax over axis \(axis)")
        }
        x.isSoftmax = true
        set(node, x)
    }

    // MARK: Axes

    /// An axis that may count from the end.
    func axis(_ axis: Int, _ rank: Int) throws -> Int {
        guard (-rank..<rank).contains(axis) else { throw Unsupported("an axis \(axis) of \(rank)") }
        return axis < 0 ? axis + rank : axis
    }

    mutating func transpose(_ node: ONNXNode) throws {
        var x = try activation(node, softmax: true)
        let rank = x.view.logical.count
        let order = node.integers("perm") ?? Array((0..<rank).reversed())
        guard order.sorted() == Array(0..<rank) else {
            throw ExchangeError.malformed(place: node.place, reason: "\(order) is no order of \(rank) axes")
        }
        // Zeros that are still to come are at the sides of our array, in whatever order its axes are seen.
        x.view = x.view.transposed(order)
        set(node, x)
    }

    mutating func flatten(_ node: ONNXNode) throws {
        let x = try activation(node, softmax: true)
        let rank = x.view.logical.count
        let at = try node.integer("axis").map { $0 == rank ? rank : try axis($0, rank) } ?? 1
        guard at == 1 else { throw Unsupported("it flattens from axis \(at) on") }
        var flat = try padded(x, name: ImportedNames.layer(node))
        flat.view.logical = [flat.view.logical[0], flat.view.logical[1...].flatMap { $0 }]
        set(node, flat)
    }

    mutating func reshape(_ node: ONNXNode) throws {
        var x = try padded(activation(node, softmax: true), name: ImportedNames.layer(node))
        guard let target = try integers(node, 1, or: "shape") else {
            throw ExchangeError.malformed(place: node.place, reason: "it has no shape")
        }
        guard target.count <= TensorShape.largestRank else {
            throw Unsupported("a shape of \(target.count) axes")
        }
        let from = x.view.extents
        var extents: [Extent?] = try target.enumerated().map { index, number in
            if number == 0, node.integer("allowzero") ?? 0 == 0 {
                guard index < from.count else {
                    throw ExchangeError.malformed(
                        place: node.place, reason: "there is no axis \(index) to keep")
                }
                return from[index]
            }
            if number == -1 { return nil }
            // A batch of a fixed size, which is any size here.
            if index == 0, number == fixedBatch, from.first == .batch { return .batch }
            guard number > 0 else { throw Unsupported("an extent of \(number)") }
            return number % Self.batch == 0
                ? Extent(number / Self.batch, growsWithBatch: true) : Extent(number)
        }
        if let open = extents.firstIndex(of: nil) {
            let total = Self.product(from)
            guard let known = Self.product(extents.compactMap(\.self)), let rest = total?.divided(by: known),
                !extents[(open + 1)...].contains(nil)
            else { throw Unsupported("\(target) does not fit what it is given") }
            extents[open] = rest
        }
        guard let view = x.view.reshaped(to: extents.compactMap(\.self)) else {
            throw Unsupported("a reshape to \(target) across its axes")
        }
        x.view = view
        set(node, x)
    }

    private static func product(_ extents: [Extent]) -> Extent? {
        extents.reduce(Extent.one as Extent?) { $0?.times($1) }
    }

    mutating func squeeze(_ node: ONNXNode) throws {
        var x = try padded(activation(node, softmax: true), name: ImportedNames.layer(node))
        let rank = x.view.logical.count
        let axes =
            try integers(node, 1, or: "axes").map { try $0.map { try axis($0, rank) } }
            ?? (0..<rank).filter { x.view.logical[$0].isEmpty }
        guard axes.allSatisfy({ x.view.logical[$0].isEmpty }) else {
            throw Unsupported("it takes away an axis that is not 1")
        }
        x.view.logical = (0..<rank).filter { !axes.contains($0) }.map { x.view.logical[$0] }
        set(node, x)
    }

    mutating func unsqueeze(_ node: ONNXNode) throws {
        var x = try padded(activation(node, softmax: true), name: ImportedNames.layer(node))
        guard let new = try integers(node, 1, or: "axes"),
            new.count + x.view.logical.count <= TensorShape.largestRank
        else { throw ExchangeError.malformed(place: node.place, reason: "it has no axes") }
        let rank = x.view.logical.count + new.count
        let axes = Set(try new.map { try axis($0, rank) })
        var rest = x.view.logical[...]
        x.view.logical = (0..<rank).map { axes.contains($0) ? [] : rest.popFirst() ?? [] }
        set(node, x)
    }

    /// The extents as a constant, in which the batch is a number that nothing else is.
    mutating func shape(_ node: ONNXNode) throws {
        let x = try activation(node, softmax: true)
        let extents = x.view.extents
        func place(_ option: String, _ standard: Int) -> Int {
            let at = node.integer(option) ?? standard
            return min(max(at < 0 ? at + extents.count : at, 0), extents.count)
        }
        let (start, end) = (place("start", 0), place("end", extents.count))
        let numbers = extents[start..<max(start, end)].map {
            Int64($0.factor.saturatingProduct($0.growsWithBatch ? Self.batch : 1))
        }
        values[node.outputs[0]] = .constant(NDArray(numbers, shape: [numbers.count]))
    }
}
