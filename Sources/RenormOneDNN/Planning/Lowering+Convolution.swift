import COneDNN
import RenormGraphs

extension Lowering {
    func lowerConvolution(_ index: Int, _ geometry: ConvolutionGeometry) throws {
        let inputs = prepared.inputs(index)
        switch prepared.node(index).op {
        case .convolution:
            try lowerForward(index, inputs, geometry)
        case .convolutionInputGradient:
            let primitive = try geometry.inputGradient(library)
            let layout = try primitive.layout(of: Int(onednn_query_weights))
            let (x, _, y) = try geometry.descriptors(library, layout)
            add(
                PlannedUnit(
                    key: index,
                    reads: [try operand(inputs[0]), try weight(inputs[1], in: layout, geometry)],
                    writes: [try operand(index)], scratchByteCount: primitive.scratchByteCount
                ) { _ in
                    try PrimitiveUnit(
                        "convolutionInputGradient", primitive,
                        inputs: [
                            (Int(onednn_argument_destination_gradient), y),
                            (Int(onednn_argument_weights), layout),
                        ], outputs: [(Int(onednn_argument_source_gradient), x)])
                })
        default:
            try lowerWeightGradient(index, inputs, geometry)
        }
    }

    private func lowerForward(_ index: Int, _ inputs: [Int], _ geometry: ConvolutionGeometry) throws {
        let bias =
            inputs.count > 2
            ? try MemoryDescriptor(library, sizes: [geometry.weight[0]], strides: [1]) : nil
        let primitive = try geometry.forward(library, bias: bias)
        let layout = try primitive.layout(of: Int(onednn_query_weights))
        let (x, _, y) = try geometry.descriptors(library, layout)
        var reads = [try operand(inputs[0]), try weight(inputs[1], in: layout, geometry)]
        var arguments = [(Int(onednn_argument_source), x), (Int(onednn_argument_weights), layout)]
        if let bias {
            reads.append(try operand(inputs[2]))
            arguments.append((Int(onednn_argument_bias), bias))
        }
        add(
            PlannedUnit(
                key: index, reads: reads, writes: [try operand(index)],
                scratchByteCount: primitive.scratchByteCount
            ) { [arguments] _ in
                try PrimitiveUnit(
                    "convolution", primitive, inputs: arguments,
                    outputs: [(Int(onednn_argument_destination), y)])
            })
    }

    private func lowerWeightGradient(_ index: Int, _ inputs: [Int], _ geometry: ConvolutionGeometry) throws {
        let primitive = try geometry.weightGradient(library)
        let layout = try primitive.layout(of: Int(onednn_query_weight_gradient))
        let (x, _, y) = try geometry.descriptors(library, layout)
        let held = try layouts.nodes[index] ?? geometry.plainWeight(library)
        let isHeld = held == layout
        let target = isHeld ? try operand(index) : buffer(layout.byteCount)
        add(
            PlannedUnit(
                key: index, reads: try inputs.map(operand), writes: [target],
                scratchByteCount: primitive.scratchByteCount
            ) { _ in
                try PrimitiveUnit(
                    "convolutionWeightGradient", primitive,
                    inputs: [
                        (Int(onednn_argument_source), x), (Int(onednn_argument_destination_gradient), y),
                    ], outputs: [(Int(onednn_argument_weight_gradient), layout)])
            })
        if !isHeld { try addReorder(key: index, from: target, layout, to: try operand(index), held) }
    }

    func lowerPooling(_ index: Int, _ node: Node) throws {
        let inputs = prepared.inputs(index)
        func shape(_ position: Int) -> TensorShape { prepared.graph[node.inputs[position]].shape }
        switch node.op {
        case .maxPool(let options):
            let geometry = PoolingGeometry(x: shape(0), y: node.shape, options: options, isMaximum: true)
            let key = PoolingKey(x: inputs[0], options: options)
            let hasGradient = prepared.uses[inputs[0]].contains {
                prepared.node($0).op == .maxPoolGradient(options) && prepared.input($0, 0) == inputs[0]
            }
            try lowerForward(index, inputs[0], geometry, to: try operand(index), hasGradient ? key : nil)
        case .maxPoolGradient(let options):
            let geometry = PoolingGeometry(x: node.shape, y: shape(1), options: options, isMaximum: true)
            let key = PoolingKey(x: inputs[0], options: options)
            let hasForward = prepared.uses[inputs[0]].contains { prepared.node($0).op == .maxPool(options) }
            if !hasForward {
                let unused = buffer(4 * geometry.y.elementCount)
                try lowerForward(index, inputs[0], geometry, to: unused, key)
            }
            try lowerGradient(index, inputs[1], geometry, key)
        case .averagePool(let options):
            let geometry = PoolingGeometry(x: shape(0), y: node.shape, options: options, isMaximum: false)
            try lowerForward(index, inputs[0], geometry, to: try operand(index), nil)
        case .averagePoolGradient(let options):
            let geometry = PoolingGeometry(x: node.shape, y: shape(0), options: options, isMaximum: false)
            try lowerGradient(index, inputs[0], geometry, nil)
        default:
            preconditionFailure("\(node.op.name) is no pooling")
        }
    }

    private func lowerForward(
        _ index: Int, _ x: Int, _ geometry: PoolingGeometry, to target: Operand, _ key: PoolingKey?
    ) throws {
        let primitive = try geometry.forward(library, keepsWorkspace: key != nil)
        let outputs = [(Int(onednn_argument_destination), try MemoryDescriptor(library, images: geometry.y))]
        let input = try MemoryDescriptor(library, images: geometry.x)
        var writes = [target]
        let bytes = primitive.byteCount(of: Int(onednn_query_workspace))
        let space = try key.map { key in
            writes.append(workspace(key, byteCount: bytes))
            return (Int(onednn_argument_workspace), try primitive.layout(of: Int(onednn_query_workspace)))
        }
        add(
            PlannedUnit(
                key: index, reads: [try operand(x)], writes: writes,
                scratchByteCount: primitive.scratchByteCount
            ) { _ in
                try PrimitiveUnit(
                    "pooling", primitive, inputs: [(Int(onednn_argument_source), input)],
                    outputs: outputs + (space.map { [$0] } ?? []))
            })
    }

    private func lowerGradient(_ index: Int, _ dy: Int, _ geometry: PoolingGeometry, _ key: PoolingKey?)
        throws
    {
        let primitive = try geometry.gradient(library)
        var inputs = [
            (Int(onednn_argument_destination_gradient), try MemoryDescriptor(library, images: geometry.y))
        ]
        let output = try MemoryDescriptor(library, images: geometry.x)
        var reads = [try operand(dy)]
        if let key {
            reads.append(workspace(key, byteCount: primitive.byteCount(of: Int(onednn_query_workspace))))
            inputs.append(
                (Int(onednn_argument_workspace), try primitive.layout(of: Int(onednn_query_workspace))))
        }
        add(
            PlannedUnit(
                key: index, reads: reads, writes: [try operand(index)],
                scratchByteCount: primitive.scratchByteCount
            ) { [inputs] _ in
                try PrimitiveUnit(
                    "poolingGradient", primitive, inputs: inputs,
                    outputs: [(Int(onednn_argument_source_gradient), output)])
            })
    }
}
