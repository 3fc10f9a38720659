import RenormArrays
import RenormGraphs

/// The windows of a pooling over `[N, H, W, C]`.
private struct Windows {
    let options: PoolingOptions
    let x: TensorShape
    let y: TensorShape

    /// Calls `body` with each window's place in y and the places in x of its real cells, in row order: first channels.
    func forEach(_ body: (_ place: Int, _ cells: [Int]) -> Void) {
        let channels = x[3]
        for n in 0..<y[0] {
            for row in 0..<y[1] {
                for column in 0..<y[2] {
                    let rows = reals(row, axis: 0, extent: x[1])
                    let columns = reals(column, axis: 1, extent: x[2])
                    let cells = rows.flatMap { r in columns.map { ((n * x[1] + r) * x[2] + $0) * channels } }
                    body(((n * y[1] + row) * y[2] + column) * channels, cells)
                }
            }
        }
    }

    /// What the mean of a window with so many real cells is divided by.
    func divisor(_ cells: Int) -> Double {
        Double(options.countsPadding ? options.window[0] * options.window[1] : cells)
    }

    private func reals(_ index: Int, axis: Int, extent: Int) -> Range<Int> {
        let start = index * options.strides[axis] - options.padding[2 * axis]
        return max(start, 0)..<max(min(start + options.window[axis], extent), 0)
    }
}

extension ReferenceEvaluation {
    func maxPool(_ options: PoolingOptions) -> NDArray {
        let windows = Windows(options: options, x: operands[0].shape, y: node.shape)
        return filled { operands, result in
            let x = operands[0]
            windows.forEach { place, cells in
                for c in 0..<node.shape[3] { result[place + c] = x[largest(x, cells, c)] }
            }
        }
    }

    func maxPoolGradient(_ options: PoolingOptions) -> NDArray {
        let windows = Windows(options: options, x: operands[0].shape, y: operands[1].shape)
        return filled { operands, result in
            let (x, dy) = (operands[0], operands[1])
            withSums(result.count) { sums in
                windows.forEach { place, cells in
                    for c in 0..<node.shape[3] { sums[largest(x, cells, c)] += Double(dy[place + c]) }
                }
                for index in result.indices { result[index] = Real(sums[index]) }
            }
        }
    }

    /// The place of a window's largest value in a channel: the first in row order among equals; NaN wins.
    private func largest(_ x: Operand, _ cells: [Int], _ channel: Int) -> Int {
        var best = cells[0] + channel
        for cell in cells.dropFirst() {
            let candidate = x[cell + channel]
            if candidate > x[best] || (candidate.isNaN && !x[best].isNaN) { best = cell + channel }
        }
        return best
    }

    func averagePool(_ options: PoolingOptions) -> NDArray {
        let windows = Windows(options: options, x: operands[0].shape, y: node.shape)
        return filled { operands, result in
            let x = operands[0]
            windows.forEach { place, cells in
                for c in 0..<node.shape[3] {
                    let sum = cells.reduce(0) { $0 + Double(x[$1 + c]) }
                    result[place + c] = Real(sum / windows.divisor(cells.count))
                }
            }
        }
    }

    func averagePoolGradient(_ options: PoolingOptions) -> NDArray {
        let windows = Windows(options: options, x: node.shape, y: operands[0].shape)
        return filled { operands, result in
            let dy = operands[0]
            withSums(result.count) { sums in
                windows.forEach { place, cells in
                    for cell in cells {
                        for c in 0..<node.shape[3] {
                            sums[cell + c] += Double(dy[place + c]) / windows.divisor(cells.count)
                        }
                    }
                }
                for index in result.indices { result[index] = Real(sums[index]) }
            }
        }
    }
}
