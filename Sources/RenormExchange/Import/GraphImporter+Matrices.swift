import RenormArrays
import RenormFormats
import RenormLayers

extension GraphImporter {
    // MARK: Matrices

    mutating func gemm(_ node: ONNXNode) throws {
        guard node.integer("transA") ?? 0 == 0 else { throw Unsupported("the activations are transposed") }
        let (weight, bias) = (try requiredConstant(node, 1), try constant(node, 2))
        guard weight.shape.rank == 2 else { throw Unsupported("a weight of \(weight.shape.rank) axes") }
        let matrix = node.integer("transB") ?? 0 != 0 ? weight : weight.transposed([1, 0])
        var row = bias
        if let bias, bias.elementCount == 1, matrix.shape[0] != 1 {
            row = NDArray(repeating: bias.floats[0], shape: [matrix.shape[0]])
        }
        guard row.map({ $0.elementCount == matrix.shape[0] }) ?? true else {
            throw Unsupported("a bias of shape \(bias!.shape)")
        }
        try dense(
            node, matrix.scaled(by: node.float("alpha") ?? 1),
            row?.reshaped(to: [matrix.shape[0]]).scaled(by: node.float("beta") ?? 1))
    }

    mutating func matmul(_ node: ONNXNode) throws {
        let weight = try requiredConstant(node, 1)
        guard weight.shape.rank == 2 else { throw Unsupported("a weight of \(weight.shape.rank) axes") }
        try dense(node, weight.transposed([1, 0]), nil)
    }

    /// x·Wᵀ + b over the last axis: of vectors a dense layer, of images a 1×1 convolution.
    private mutating func dense(_ node: ONNXNode, _ weight: NDArray, _ bias: NDArray?) throws {
        let name = ImportedNames.layer(node, weight: node.inputs[1])
        var x = try activation(node)
        let rank = x.view.logical.count
        guard rank == 2 || rank == 4 else { throw Unsupported("its input has \(rank) axes") }
        x = try arranged(x, Array(0..<rank), name: name)
        var extents = x.view.extents
        guard extents[rank - 1] == Extent(weight.shape[1]) else {
            throw ExchangeError.malformed(
                place: node.place,
                reason: "a weight of \(weight.shape) does not fit \(extents[rank - 1].factor) values")
        }
        extents[rank - 1] = Extent(weight.shape[0])
        let weights = bias.map { [("bias", $0)] } ?? []
        let layer: String
        if rank == 2 {
            layer = list.add(
                "dense", ["units": .number(Double(weight.shape[0])), "bias": .flag(bias != nil)], [x.layer],
                name: name, weights: [("weight", weight)] + weights)
        } else {
            layer = list.add(
                "convolution",
                [
                    "channels": .number(Double(weight.shape[0])), "kernel": 1, "padding": 0,
                    "bias": .flag(bias != nil),
                ],
                [x.layer], name: name,
                weights: [("weight", weight.reshaped(to: [weight.shape[0], weight.shape[1], 1, 1]))] + weights
            )
        }
        set(node, try activation(layer, extents, seen: Array(0..<rank)))
    }

    // MARK: Normalizations

    /// The constants of a normalization, each with a number for each channel.
    private func vectors(_ node: ONNXNode, _ places: ClosedRange<Int>, _ channels: Int) throws -> [NDArray] {
        try places.map { place in
            let array = try requiredConstant(node, place)
            guard array.elementCount == channels else {
                throw ExchangeError.malformed(
                    place: node.place, reason: "\(array.elementCount) numbers for \(channels) channels")
            }
            return array.reshaped(to: [channels])
        }
    }

    /// What is normalized, by channel: images, or vectors.
    private mutating func normalized(_ node: ONNXNode, _ name: String) throws -> (
        x: Activation, channels: Int
    ) {
        let x = try activation(node)
        let rank = x.view.logical.count
        guard rank == 2 || rank == 4 else { throw Unsupported("its input has \(rank) axes") }
        let arranged = try arranged(x, rank == 4 ? [0, 2, 3, 1] : [0, 1], name: name)
        return (arranged, x.view.extents[1].factor)
    }

    mutating func batchNormalization(_ node: ONNXNode) throws {
        guard
            node.outputs.count == 1
                || node.outputs[1...].allSatisfy({ $0.isEmpty || graph.readers[$0] == nil })
        else {
            throw Unsupported("its statistics are read")
        }
        let name = ImportedNames.layer(node, weight: node.inputs.count > 1 ? node.inputs[1] : nil)
        var (x, channels) = try normalized(node, name)
        let arrays = try vectors(node, 1...4, channels)
        x.layer = list.add(
            "normalization", [:], [x.layer], name: name,
            weights: Array(zip(["weight", "bias", "running_mean", "running_var"], arrays)))
        epsilons[x.layer] = node.float("epsilon") ?? 1e-5
        x.isInput = false
        set(node, x)
    }

    mutating func ownNormalization(_ node: ONNXNode, kind: String) throws {
        let name = ImportedNames.layer(node, weight: node.inputs.count > 1 ? node.inputs[1] : nil)
        var (x, channels) = try normalized(node, name)
        let groups = node.integer("num_groups") ?? 0
        guard kind != "group" || (model.opset >= 21 && groups > 0) else {
            throw Unsupported("of a version whose scale belongs to groups")
        }
        let arrays = try vectors(node, 1...2, channels)
        x.layer = list.add(
            "normalization",
            [
                "kind": .text(kind == "group" ? "group:\(groups)" : kind),
                "epsilon": .number(node.float("epsilon") ?? 1e-5),
            ], [x.layer], name: name, weights: Array(zip(["weight", "bias"], arrays)))
        x.isInput = false
        set(node, x)
    }

    mutating func layerNormalization(_ node: ONNXNode) throws {
        let name = ImportedNames.layer(node, weight: node.inputs.count > 1 ? node.inputs[1] : nil)
        var x = try activation(node)
        let rank = x.view.logical.count
        guard rank == 2 || rank == 4, try axis(node.integer("axis") ?? -1, rank) == rank - 1,
            node.outputs.count == 1
        else { throw Unsupported("over other axes than that of the channels") }
        x = try arranged(x, Array(0..<rank), name: name)
        let channels = x.view.extents[rank - 1].factor
        let arrays = try vectors(node, 1...(try constant(node, 2) == nil ? 1 : 2), channels)
        x.layer = list.add(
            "normalization",
            [
                "kind": "position", "epsilon": .number(node.float("epsilon") ?? 1e-5), "scale": true,
                "shift": .flag(arrays.count == 2),
            ], [x.layer], name: name, weights: Array(zip(["weight", "bias"], arrays)))
        x.isInput = false
        set(node, x)
    }
}

extension NDArray {
    fileprivate func scaled(by factor: Double) -> NDArray {
        factor == 1 ? self : NDArray(floats.map { Float(Double($0) * factor) }, shape: shape)
    }
}
