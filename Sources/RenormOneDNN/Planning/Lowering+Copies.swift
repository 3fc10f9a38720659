import RenormArrays
import RenormEngines
import RenormGraphs
import RenormKernels

extension Lowering {
    /// The values of a stretched operand, written out.
    func writtenOutBroadcast(_ index: Int) throws -> Operand {
        let node = prepared.node(index)
        let source = prepared.graph[node.inputs[0]].shape
        let missing = node.shape.rank - source.rank
        let strides = source.strides
        let piece = CopyPiece(
            sizes: node.shape.dimensions,
            sourceStrides: node.shape.dimensions.indices.map { axis in
                axis < missing || source[axis - missing] == 1 ? 0 : strides[axis - missing]
            }, targetStrides: node.shape.strides)
        let target = buffer(node.shape.elementCount * node.type.byteCount)
        try addCopy(index, [(prepared.input(index, 0), piece)], to: target)
        return target
    }

    func lowerCopy(_ index: Int, _ node: Node) throws {
        let inputs = prepared.inputs(index)
        let shape = prepared.graph[node.inputs[0]].shape
        let target = try operand(index)
        switch node.op {
        case .convert:
            try lowerConversion(index, node)
        case .transpose(let permutation):
            let strides = permutation.map { shape.strides[$0] }
            let piece = CopyPiece(
                sizes: node.shape.dimensions, sourceStrides: strides, targetStrides: node.shape.strides)
            try addCopy(index, [(inputs[0], piece)], to: target)
        case .slice(let starts):
            let piece = CopyPiece(
                sizes: node.shape.dimensions, sourceStrides: shape.strides, targetStrides: node.shape.strides,
                sourceOffset: zip(starts, shape.strides).reduce(0) { $0 + $1.0 * $1.1 })
            try addCopy(index, [(inputs[0], piece)], to: target)
        case .pad(let low, _):
            let piece = CopyPiece(
                sizes: shape.dimensions, sourceStrides: shape.strides, targetStrides: node.shape.strides,
                targetOffset: zip(low, node.shape.strides).reduce(0) { $0 + $1.0 * $1.1 })
            try addCopy(index, [(inputs[0], piece)], to: target, zeroCount: node.shape.elementCount)
        case .concatenate(let axis):
            var offset = 0
            let pieces = node.inputs.indices.map { position in
                let shape = prepared.graph[node.inputs[position]].shape
                defer { offset += shape[axis] * node.shape.strides[axis] }
                return (
                    inputs[position],
                    CopyPiece(
                        sizes: shape.dimensions, sourceStrides: shape.strides,
                        targetStrides: node.shape.strides, targetOffset: offset)
                )
            }
            try addCopy(index, pieces, to: target)
        default:
            preconditionFailure("\(node.op.name) copies nothing")
        }
    }

    private func addCopy(
        _ index: Int, _ pieces: [(source: Int, piece: CopyPiece)], to target: Operand, zeroCount: Int = 0
    ) throws {
        let node = prepared.node(index)
        guard pieces.allSatisfy({ $0.piece.merged.sizes.count <= Int(renorm_copy_maximum_rank) }) else {
            throw EngineError.unsupported(
                operation: node.op.name, path: node.path,
                reason: "more than \(renorm_copy_maximum_rank) axes that move independently")
        }
        let bytes = node.type.byteCount
        let kind: renorm_copy_kind = bytes == 1 ? .bytes : bytes == 2 ? .halves : .words
        add(
            PlannedUnit(key: index, reads: try pieces.map { try operand($0.source) }, writes: [target]) { _ in
                CopyUnit(
                    pieces.map(\.piece), kind: kind, sourceBytes: bytes, targetBytes: bytes,
                    zeroCount: zeroCount)
            })
    }

    private func lowerConversion(_ index: Int, _ node: Node) throws {
        let source = prepared.node(prepared.input(index, 0)).type
        let target = try operand(index)
        var read = try operand(prepared.input(index, 0))
        var from = source
        // What is neither from nor to f32 goes by way of it.
        if from != .f32, node.type != .f32 {
            let middle = buffer(4 * node.shape.elementCount)
            addConversion(index, from, .f32, read, middle)
            (read, from) = (middle, .f32)
        }
        addConversion(index, from, node.type, read, target)
    }

    private func addConversion(
        _ index: Int, _ from: ElementType, _ to: ElementType, _ source: Operand, _ target: Operand
    ) {
        let kind: renorm_copy_kind =
            switch (from, to) {
            case (.u8, _): .u8_to_f32
            case (.i32, _): .i32_to_f32
            case (_, .i32): .f32_to_i32
            case (.bf16, _): .bf16_to_f32
            case (_, .bf16): .f32_to_bf16
            default: .f32_to_u8
            }
        let count = prepared.node(index).shape.elementCount
        add(
            PlannedUnit(key: index, reads: [source], writes: [target]) { _ in
                CopyUnit(
                    [CopyPiece(sizes: [count], sourceStrides: [1], targetStrides: [1])], kind: kind,
                    sourceBytes: from.byteCount, targetBytes: to.byteCount)
            })
    }
}
