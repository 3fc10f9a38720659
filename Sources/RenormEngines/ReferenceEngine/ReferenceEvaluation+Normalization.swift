import RenormArrays

/// An activation `[N, H, W, C]` as rows of channels in groups of consecutive examples.
private struct Rows {
    let groups: Int
    let rowsOfGroup: Int
    let channels: Int

    init(_ shape: TensorShape, groups: Int) {
        self.groups = groups
        channels = shape[3]
        rowsOfGroup = shape[0] / groups * shape[1] * shape[2]
    }

    /// Calls `body` with each row's first element and the first element of its group's vector.
    func forEach(_ body: (_ row: Int, _ vector: Int) -> Void) {
        for group in 0..<groups {
            for row in 0..<rowsOfGroup {
                body((group * rowsOfGroup + row) * channels, group * channels)
            }
        }
    }
}

extension ReferenceEvaluation {
    /// Two passes, so that nothing cancels: the mean, then the squares of what is left.
    func moments(_ groups: Int) -> NDArray {
        let rows = Rows(operands[0].shape, groups: groups)
        let vector = groups * rows.channels
        return filled { operands, result in
            let x = operands[0]
            withSums(2 * vector) { sums in
                let (means, squares) = (sums[..<vector], sums[vector...])
                rows.forEach { row, first in
                    for c in 0..<rows.channels { sums[first + c] += Double(x[row + c]) }
                }
                for index in means.indices { sums[index] /= Double(rows.rowsOfGroup) }
                rows.forEach { row, first in
                    for c in 0..<rows.channels {
                        let gap = Double(x[row + c]) - sums[first + c]
                        sums[vector + first + c] += gap * gap
                    }
                }
                for index in squares.indices { sums[index] /= Double(rows.rowsOfGroup) }
                for index in result.indices { result[index] = Real(sums[index]) }
            }
        }
    }

    func affine() -> NDArray {
        let rows = Rows(node.shape, groups: operands[1].shape[0])
        return filled { operands, result in
            let (x, m, a, b) = (operands[0], operands[1], operands[2], operands[3])
            rows.forEach { row, first in
                for c in 0..<rows.channels {
                    let gap = Double(x[row + c]) - Double(m[first + c])
                    result[row + c] = Real(Double(a[first + c]) * gap + Double(b[first + c]))
                }
            }
        }
    }

    func affineSums() -> NDArray {
        let rows = Rows(operands[0].shape, groups: operands[2].shape[0])
        let vector = rows.groups * rows.channels
        return filled { operands, result in
            let (dy, x, m) = (operands[0], operands[1], operands[2])
            withSums(2 * vector) { sums in
                rows.forEach { row, first in
                    for c in 0..<rows.channels {
                        let gap = Double(x[row + c]) - Double(m[first + c])
                        sums[first + c] += Double(dy[row + c])
                        sums[vector + first + c] += Double(dy[row + c]) * gap
                    }
                }
                for index in result.indices { result[index] = Real(sums[index]) }
            }
        }
    }

    func affineGradient() -> NDArray {
        let rows = Rows(node.shape, groups: operands[2].shape[0])
        return filled { operands, result in
            let (dy, x, m) = (operands[0], operands[1], operands[2])
            let (p, q, constant) = (operands[3], operands[4], operands[5])
            rows.forEach { row, first in
                for c in 0..<rows.channels {
                    let gap = Double(x[row + c]) - Double(m[first + c])
                    let scaled = Double(p[first + c]) * Double(dy[row + c])
                    result[row + c] = Real(scaled + Double(q[first + c]) * gap + Double(constant[first + c]))
                }
            }
        }
    }
}
