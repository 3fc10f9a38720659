import COneDNN
import RenormArrays
import RenormGraphs
import RenormKernels

extension Lowering {
    func lowerPooling(_ index: Int, _ node: Node) throws {
        let inputs = prepared.inputs(index)
        func shape(_ position: Int) -> TensorShape { prepared.graph[node.inputs[position]].shape }
        switch node.op {
        case .maxPool(let options):
            let geometry = PoolingGeometry(
                x: shape(0), y: node.shape, options: options, isMaximum: true, type: node.type)
            let key = PoolingKey(x: inputs[0], options: options)
            let hasGradient = prepared.uses[inputs[0]].contains {
                prepared.node($0).op == .maxPoolGradient(options) && prepared.input($0, 0) == inputs[0]
            }
            try lowerMaximum(index, inputs[0], geometry, to: try operand(index), hasGradient ? key : nil)
        case .maxPoolGradient(let options):
            let geometry = PoolingGeometry(
                x: node.shape, y: shape(1), options: options, isMaximum: true, type: node.type)
            let key = PoolingKey(x: inputs[0], options: options)
            let hasForward = prepared.uses[inputs[0]].contains { prepared.node($0).op == .maxPool(options) }
            if !hasForward {
                let unused = buffer(geometry.type.byteCount * geometry.y.elementCount)
                try lowerMaximum(index, inputs[0], geometry, to: unused, key)
            }
            try lowerMaximumGradient(index, inputs[1], geometry, key)
        case .averagePool(let options):
            let geometry = PoolingGeometry(
                x: shape(0), y: node.shape, options: options, isMaximum: false, type: node.type)
            try lowerForward(index, inputs[0], geometry, to: try operand(index), nil)
        case .averagePoolGradient(let options):
            let geometry = PoolingGeometry(
                x: node.shape, y: shape(0), options: options, isMaximum: false, type: node.type)
            try lowerGradient(index, inputs[0], geometry, nil)
        default:
            preconditionFailure("\(node.op.name) is no pooling")
        }
    }

    private func lowerMaximum(
        _ index: Int, _ x: Int, _ geometry: PoolingGeometry, to target: Operand, _ key: PoolingKey?
    ) throws {
        guard let shape = geometry.kernel else {
            return try lowerForward(index, x, geometry, to: target, key)
        }
        let choices = key.map { workspace($0, byteCount: geometry.y.elementCount) }
        add(
            PlannedUnit(
                key: index, reads: [try operand(x)], writes: [target] + (choices.map { [$0] } ?? [])
            ) { _ in MaxPoolUnit(shape, keepsChoices: choices != nil) })
    }

    private func lowerMaximumGradient(
        _ index: Int, _ dy: Int, _ geometry: PoolingGeometry, _ key: PoolingKey
    ) throws {
        guard let shape = geometry.kernel else { return try lowerGradient(index, dy, geometry, key) }
        let choices = workspace(key, byteCount: geometry.y.elementCount)
        add(
            PlannedUnit(key: index, reads: [try operand(dy), choices], writes: [try operand(index)]) { _ in
                MaxPoolGradientUnit(shape)
            })
    }

    private func lowerForward(
        _ index: Int, _ x: Int, _ geometry: PoolingGeometry, to target: Operand, _ key: PoolingKey?
    ) throws {
        let primitive = try geometry.forward(library, keepsWorkspace: key != nil)
        let outputs = [
            (
                Int(onednn_argument_destination),
                try MemoryDescriptor(library, images: geometry.y, type: geometry.type)
            )
        ]
        let input = try MemoryDescriptor(library, images: geometry.x, type: geometry.type)
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
            (
                Int(onednn_argument_destination_gradient),
                try MemoryDescriptor(library, images: geometry.y, type: geometry.type)
            )
        ]
        let output = try MemoryDescriptor(library, images: geometry.x, type: geometry.type)
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

extension PoolingGeometry {
    /// What our own pass over windows takes; nil where windows are too large for it, and oneDNN's is used. (oneDNN's
    /// would do for all but NaN, which it passes over.)
    fileprivate var kernel: renorm_pooling? {
        guard options.window[0] * options.window[1] <= Int(renorm_pooling_maximum_cells) else { return nil }
        return renorm_pooling(
            batch: x[0], height: x[1], width: x[2], channels: x[3], rows: y[1], columns: y[2],
            window_height: options.window[0], window_width: options.window[1],
            stride_height: options.strides[0], stride_width: options.strides[1], top: options.padding[0],
            left: options.padding[2], type: type.kernel)
    }
}
