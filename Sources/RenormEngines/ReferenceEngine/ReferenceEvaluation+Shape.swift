import RenormArrays
import RenormGraphs

extension ReferenceEvaluation {
    /// Operations that only move values, whatever their type.
    func moved() -> NDArray {
        let shape = node.shape
        switch node.op {
        case .reshape:
            return operands[0].reshaped(to: shape)
        case .broadcast:
            let source = operands[0].shape
            let missing = shape.rank - source.rank
            let strides = (0..<shape.rank).map { axis in
                axis < missing || source[axis - missing] == 1 ? 0 : source.strides[axis - missing]
            }
            return gathered(strides: strides)
        case .transpose(let permutation):
            return gathered(strides: permutation.map { operands[0].shape.strides[$0] })
        case .slice(let starts):
            let strides = operands[0].shape.strides
            return gathered(strides: strides, offset: zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 })
        case .pad(let low, _):
            var result = NDArray(zeros: shape, type: operands[0].type)
            place(operands[0], at: low, in: &result)
            return result
        case .concatenate(let axis):
            var result = NDArray(uninitialized: shape, type: operands[0].type)
            var start = [Int](repeating: 0, count: shape.rank)
            for operand in operands {
                place(operand, at: start, in: &result)
                start[axis] += operand.shape[axis]
            }
            return result
        default:
            preconditionFailure("\(node.op.name) does not only move values")
        }
    }

    /// The result read from the first operand with the given strides.
    private func gathered(strides: [Int], offset: Int = 0) -> NDArray {
        var result = NDArray(uninitialized: node.shape, type: operands[0].type)
        copy(
            extents: node.shape.dimensions, from: operands[0], offset: offset, strides: strides, to: &result,
            offset: 0, strides: node.shape.strides)
        return result
    }

    /// Copies an array into a larger one, its first element at index `start`.
    private func place(_ part: NDArray, at start: [Int], in whole: inout NDArray) {
        let strides = whole.shape.strides
        copy(
            extents: part.shape.dimensions, from: part, offset: 0, strides: part.shape.strides, to: &whole,
            offset: zip(start, strides).reduce(0) { $0 + $1.0 * $1.1 }, strides: strides)
    }

    private func copy(
        extents: [Int], from source: NDArray, offset sourceOffset: Int, strides sourceStrides: [Int],
        to destination: inout NDArray, offset destinationOffset: Int, strides destinationStrides: [Int]
    ) {
        source.withUnsafeBytes { from in
            destination.withUnsafeMutableBytes { to in
                func run<Word: BitwiseCopyable>(_ word: Word.Type) {
                    let (from, to) = (from.bindMemory(to: word), to.bindMemory(to: word))
                    forEachRow(
                        extents, (sourceOffset, sourceStrides), (destinationOffset, destinationStrides)
                    ) {
                        (count: Int, read: (start: Int, stride: Int), write: (start: Int, stride: Int)) in
                        for index in 0..<count {
                            to[write.start + index * write.stride] = from[read.start + index * read.stride]
                        }
                    }
                }
                switch source.type.byteCount {
                case 1: run(UInt8.self)
                case 2: run(UInt16.self)
                case 4: run(UInt32.self)
                default: run(UInt64.self)
                }
            }
        }
    }

    /// The operand combined over axes; sums are accumulated in f64.
    func reduced(_ reduction: Reduction, over axes: [Int]) -> NDArray {
        switch reduction {
        case .sum: reduced(over: axes, from: 0) { sum, x, _ in sum + x }
        case .sumOfSquares: reduced(over: axes, from: 0) { sum, x, _ in sum + x * x }
        case .maximum: reduced(over: axes, from: -.infinity) { best, x, _ in x > best || x.isNaN ? x : best }
        case .minimum: reduced(over: axes, from: .infinity) { best, x, _ in x < best || x.isNaN ? x : best }
        case .zeros: reduced(over: axes, from: 0) { count, x, _ in x == 0 ? count + 1 : count }
        case .squaredDifferences: reduced(over: axes, from: 0) { $0 + ($1 - $2) * ($1 - $2) }
        }
    }

    /// - Parameter combine: What is known so far, the first operand's value and the last one's.
    private func reduced(
        over axes: [Int], from initial: Double, _ combine: (Double, Double, Double) -> Double
    ) -> NDArray {
        let shape = operands[0].shape
        var strides = [Int](repeating: 0, count: shape.rank)
        for (axis, stride) in zip(shape.dimensions.indices.filter { !axes.contains($0) }, node.shape.strides)
        {
            strides[axis] = stride
        }
        return filled { operands, result in
            withSums(result.count) { sums in
                sums.update(repeating: initial)
                forEachRow(shape.dimensions, (0, shape.strides), (0, strides)) { count, read, write in
                    for index in 0..<count {
                        let place = write.start + index * write.stride
                        let source = read.start + index * read.stride
                        sums[place] = combine(
                            sums[place], Double(operands[0][source]), Double(operands.last![source]))
                    }
                }
                for index in result.indices { result[index] = Real(sums[index]) }
            }
        }
    }
}

/// Calls `body` for every row along the last axis of two strided arrays of the same extents: the number of elements,
/// and for each array the place of the first and the distance between neighbours.
private func forEachRow(
    _ extents: [Int], _ a: (offset: Int, strides: [Int]), _ b: (offset: Int, strides: [Int]),
    _ body: (_ count: Int, _ a: (start: Int, stride: Int), _ b: (start: Int, stride: Int)) -> Void
) {
    guard let count = extents.last else { return body(1, (a.offset, 0), (b.offset, 0)) }
    if extents.contains(0) { return }
    let last = extents.count - 1
    var index = [Int](repeating: 0, count: last)
    var (aStart, bStart) = (a.offset, b.offset)
    while true {
        body(count, (aStart, a.strides[last]), (bStart, b.strides[last]))
        var axis = last - 1
        while axis >= 0 {
            index[axis] += 1
            aStart += a.strides[axis]
            bStart += b.strides[axis]
            if index[axis] < extents[axis] { break }
            aStart -= a.strides[axis] * extents[axis]
            bStart -= b.strides[axis] * extents[axis]
            index[axis] = 0
            axis -= 1
        }
        if axis < 0 { return }
    }
}
