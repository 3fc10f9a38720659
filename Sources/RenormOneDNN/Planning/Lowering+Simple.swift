import COneDNN
import RenormArrays
import RenormGraphs
import RenormKernels

extension Lowering {
    func lowerSimple(_ index: Int, _ node: Node) throws {
        let inputs = prepared.inputs(index)
        let result = try operand(index)
        let count = node.shape.elementCount
        switch node.op {
        case .random(let seed, let stream):
            add(
                PlannedUnit(key: index, reads: [try operand(inputs[0])], writes: [result]) { _ in
                    RandomUnit(seed: seed, stream: stream, count: count)
                })
        case .softmaxCrossEntropy(let smoothing), .softmaxCrossEntropyGradient(let smoothing):
            let isGradient = inputs.count == 3
            let logits = prepared.node(inputs[0]).shape
            add(
                PlannedUnit(
                    key: index, reads: try inputs.map(operand), writes: [result],
                    shareable: isGradient ? [(0, 0)] : []
                ) { _ in
                    CrossEntropyUnit(
                        isGradient: isGradient, examples: logits[0], classes: logits[1], smoothing: smoothing)
                })
        case .rightAnswers:
            let logits = prepared.graph[node.inputs[0]].shape
            add(
                PlannedUnit(key: index, reads: try inputs.map(operand), writes: [result]) { _ in
                    RightAnswersUnit(examples: logits[0], classes: logits[1])
                })
        case .matmul(let transposeLeft, let transposeRight):
            try lowerMatmul(index, transposeLeft, transposeRight)
        case .reduce(let reduction, let axes):
            try lowerReduction(index, reduction, axes)
        default:
            preconditionFailure("\(node.op.name) is no simple operation")
        }
    }

    private func lowerMatmul(_ index: Int, _ transposeLeft: Bool, _ transposeRight: Bool) throws {
        let graph = prepared.graph
        let node = prepared.node(index)
        func descriptor(_ shape: TensorShape, _ isTransposed: Bool) throws -> MemoryDescriptor {
            isTransposed
                ? try MemoryDescriptor(library, sizes: [shape[1], shape[0]], strides: [1, shape[1]])
                : try MemoryDescriptor(library, sizes: [shape[0], shape[1]], strides: [shape[1], 1])
        }
        let left = try descriptor(graph[node.inputs[0]].shape, transposeLeft)
        let right = try descriptor(graph[node.inputs[1]].shape, transposeRight)
        let result = try descriptor(node.shape, false)
        let primitive = try Primitive(library, "planning a product of matrices") { descriptor, attributes in
            library.functions.matmul_primitive_desc_create(
                descriptor, library.engine, left.handle, right.handle, nil, result.handle, attributes)
        }
        let inputs = prepared.inputs(index)
        add(
            PlannedUnit(
                key: index, reads: try inputs.map(operand), writes: [try operand(index)],
                scratchByteCount: primitive.scratchByteCount
            ) { _ in
                try PrimitiveUnit(
                    "matmul", primitive,
                    inputs: [
                        (Int(onednn_argument_source), left), (Int(onednn_argument_weights), right),
                    ], outputs: [(Int(onednn_argument_destination), result)])
            })
    }

    private func lowerReduction(_ index: Int, _ reduction: Reduction, _ axes: [Int]) throws {
        let shape = prepared.graph[prepared.node(index).inputs[0]].shape
        var runs = AxisRun.merged(
            shape.dimensions.indices.map { AxisRun(isKept: !axes.contains($0), extent: shape[$0]) })
        var sources = try prepared.inputs(index).map(operand)
        var reduction = reduction
        // The sum of a whole array, such as a gradient's squares, is taken while the array is in the cache.
        let key = prepared.node(index).shape.elementCount == 1 ? prepared.inputs(index).max()! : index
        var sourceType = prepared.node(prepared.input(index, 0)).type
        if !runs.contains(where: { !$0.isKept }) { runs.append(AxisRun(isKept: false, extent: 1)) }
        // The innermost run of reduced axes first, until none is left.
        while let position = runs.lastIndex(where: { !$0.isKept }) {
            let extent = runs.remove(at: position).extent
            let outer = runs[..<position].reduce(1) { $0 * $1.extent }
            let inner = runs[position...].reduce(1) { $0 * $1.extent }
            let isLast = !runs.contains { !$0.isKept }
            let target = isLast ? try operand(index) : buffer(4 * outer * inner)
            let (kind, type) = (reduction.kernel, sourceType.kernel)
            add(
                PlannedUnit(
                    key: key, reads: sources, writes: [target],
                    scratchByteCount: renorm_reduce_scratch(outer, extent, inner, Int32(threads))
                ) { _ in ReduceUnit(kind, (outer, extent, inner), type: type) })
            sources = [target]
            sourceType = .f32
            reduction = reduction.ofParts
        }
    }
}

extension Reduction {
    fileprivate var kernel: renorm_reduction {
        switch self {
        case .sum: .sum
        case .sumOfSquares: .sum_of_squares
        case .maximum: .maximum
        case .minimum: .minimum
        case .zeros: .zeros
        case .squaredDifferences: .squared_differences
        }
    }
}
