#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif
import RenormArrays

extension ReferenceEvaluation {
    /// Row by row: the inner loop runs along the columns of the result.
    func matmul(_ transposeLeft: Bool, _ transposeRight: Bool) -> NDArray {
        let right = transposeRight ? operands[1].transposed([1, 0]) : operands[1]
        let (rows, columns) = (node.shape[0], node.shape[1])
        let inner = right.shape[0]
        let (rowStride, innerStride) = transposeLeft ? (1, rows) : (inner, 1)
        return filled(count: 1) { operands, result in
            let left = operands[0]
            right.withValues(of: Real.self) { right in
                withSums(columns) { sums in
                    for row in 0..<rows {
                        sums.update(repeating: 0)
                        for k in 0..<inner {
                            let factor = Double(left[row * rowStride + k * innerStride])
                            for column in 0..<columns {
                                sums[column] += factor * Double(right[k * columns + column])
                            }
                        }
                        for column in 0..<columns { result[row * columns + column] = Real(sums[column]) }
                    }
                }
            }
        }
    }

    func softmaxCrossEntropy(_ smoothing: Double) throws -> NDArray {
        let classes = operands[0].shape[1]
        let labels = try checkedLabels(classes)
        return filled(count: 1) { operands, result in
            for (n, label) in labels.enumerated() {
                let logits = operands[0][n * classes..<(n + 1) * classes].map { Double($0) }
                let normalizer = logOfSumOfExponentials(logits)
                let ofLabel = logits[label] - normalizer
                let mean = logits.reduce(0) { $0 + ($1 - normalizer) } / Double(classes)
                result[n] = Real(
                    smoothing == 0 ? -ofLabel : -(1 - smoothing) * ofLabel - smoothing * mean)
            }
        }
    }

    func softmaxCrossEntropyGradient(_ smoothing: Double) throws -> NDArray {
        let classes = operands[0].shape[1]
        let labels = try checkedLabels(classes)
        return operands[2].withValues(of: Real.self) { dloss in
            filled(count: 1) { operands, result in
                for (n, label) in labels.enumerated() {
                    let logits = operands[0][n * classes..<(n + 1) * classes].map { Double($0) }
                    let normalizer = logOfSumOfExponentials(logits)
                    for k in 0..<classes {
                        let target = (k == label ? 1 - smoothing : 0) + smoothing / Double(classes)
                        result[n * classes + k] = Real(
                            (exp(logits[k] - normalizer) - target) * Double(dloss[n]))
                    }
                }
            }
        }
    }

    func rightAnswers() throws -> NDArray {
        let classes = operands[0].shape[1]
        let labels = try checkedLabels(classes)
        return filled(count: 1) { operands, result in
            for (n, label) in labels.enumerated() {
                let logits = operands[0][n * classes..<(n + 1) * classes].map { Double($0) }
                // Numbers alone, so that NaN never stands between others.
                let largest = logits.filter { $0 > -.infinity }.max()
                result[n] = largest.flatMap { logits.firstIndex(of: $0) } == label ? 1 : 0
            }
        }
    }

    private func checkedLabels(_ classes: Int) throws -> [Int] {
        let labels = operands[1].values(of: Int32.self).map { Int($0) }
        if let index = labels.firstIndex(where: { !(0..<classes).contains($0) }) {
            throw EngineError.label(index: index, found: labels[index], classes: classes)
        }
        return labels
    }

    private func logOfSumOfExponentials(_ logits: [Double]) -> Double {
        let largest = logits.max() ?? 0
        return largest + log(logits.reduce(0) { $0 + exp($1 - largest) })
    }
}
