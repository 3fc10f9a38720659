import RenormArrays
import RenormGraphs

/// A convolution as a sum over (position of y, position of x, tap of the window).
private struct Taps {
    let options: ConvolutionOptions
    let x: TensorShape
    let weight: TensorShape
    let y: TensorShape

    var groups: Int { options.groups }
    /// Input channels of a group.
    var inputs: Int { weight[1] }
    /// Output channels of a group.
    var outputs: Int { weight[0] / options.groups }
    var isDepthwise: Bool { inputs == 1 && outputs == 1 }

    /// Calls `body` for every real cell under every window of one image: positions in the image, counted in pixels.
    @inline(__always)
    func forEach(_ body: (_ y: Int, _ x: Int, _ tap: Int) -> Void) {
        let (strides, dilations, padding) = (options.strides, options.dilations, options.padding)
        for row in 0..<y[1] {
            for column in 0..<y[2] {
                for kernelRow in 0..<weight[2] {
                    let r = row * strides[0] - padding[0] + kernelRow * dilations[0]
                    if r < 0 || r >= x[1] { continue }
                    for kernelColumn in 0..<weight[3] {
                        let c = column * strides[1] - padding[2] + kernelColumn * dilations[1]
                        if c < 0 || c >= x[2] { continue }
                        body(row * y[2] + column, r * x[2] + c, kernelRow * weight[3] + kernelColumn)
                    }
                }
            }
        }
    }

    /// Weights `[O, I, H, W]` in the order tap, group, input, output of the group, or with inputs last.
    func reordered<Real: ReferenceReal>(
        _ weights: UnsafeBufferPointer<Real>, to result: UnsafeMutableBufferPointer<Double>, inputsLast: Bool
    ) {
        forEachWeight(inputsLast: inputsLast) { result[$1] = Double(weights[$0]) }
    }

    /// Calls `body` with the place of every weight in `[O, I, H, W]` and in the order of `reordered`.
    func forEachWeight(inputsLast: Bool, _ body: (Int, Int) -> Void) {
        let taps = weight[2] * weight[3]
        for output in 0..<weight[0] {
            let (group, o) = output.quotientAndRemainder(dividingBy: outputs)
            for i in 0..<inputs {
                for tap in 0..<taps {
                    let first = (tap * groups + group) * inputs * outputs
                    body(
                        (output * inputs + i) * taps + tap,
                        first + (inputsLast ? o * inputs + i : i * outputs + o))
                }
            }
        }
    }
}

/// sums[j] += Σᵢ factors[i] · matrix[i, j], for a matrix of `rows` × `columns`.
@inline(__always)
private func accumulate<Real: ReferenceReal>(
    _ sums: UnsafeMutablePointer<Double>, _ factors: UnsafePointer<Real>, _ matrix: UnsafePointer<Double>,
    rows: Int, columns: Int
) {
    for i in 0..<rows {
        let factor = Double(factors[i])
        let row = matrix + i * columns
        for j in 0..<columns { sums[j] += factor * row[j] }
    }
}

extension ReferenceEvaluation {
    func convolution(_ options: ConvolutionOptions) -> NDArray {
        let taps = Taps(options: options, x: operands[0].shape, weight: operands[1].shape, y: node.shape)
        return filled { operands, result in
            withSums(operands[1].count) { weights in
                taps.reordered(operands[1], to: weights, inputsLast: false)
                scattered(
                    taps, from: operands[0], weights: weights, to: result, inputs: taps.inputs,
                    outputs: taps.outputs, bias: operands.count > 2 ? operands[2] : nil)
            }
        }
    }

    func convolutionInputGradient(_ options: ConvolutionOptions) -> NDArray {
        let taps = Taps(options: options, x: node.shape, weight: operands[1].shape, y: operands[0].shape)
        return filled { operands, result in
            withSums(operands[1].count) { weights in
                taps.reordered(operands[1], to: weights, inputsLast: true)
                scattered(
                    taps, from: operands[0], weights: weights, to: result, inputs: taps.outputs,
                    outputs: taps.inputs, bias: nil, isBackward: true)
            }
        }
    }

    /// Sums up, image by image, each pixel of `source` times its tap's weights into a pixel of `result`; backward, the
    /// source is y and the result x. `inputs` and `outputs` are channels of a group on either side.
    private func scattered(
        _ taps: Taps, from source: Operand, weights: UnsafeMutableBufferPointer<Double>, to result: Result,
        inputs: Int, outputs: Int, bias: Operand?, isBackward: Bool = false
    ) {
        let images = node.shape[0]
        if result.isEmpty { return }
        let (sourceCount, resultCount) = (source.count / images, result.count / images)
        let (sourceChannels, resultChannels) = (taps.groups * inputs, taps.groups * outputs)
        let weights = UnsafePointer(weights.baseAddress!)
        withSums(resultCount) { sums in
            for image in 0..<images {
                for index in sums.indices {
                    sums[index] = bias.map { Double($0[index % resultChannels]) } ?? 0
                }
                taps.forEach { y, x, tap in
                    let from =
                        source.baseAddress! + image * sourceCount + (isBackward ? y : x) * sourceChannels
                    let to = sums.baseAddress! + (isBackward ? x : y) * resultChannels
                    if taps.isDepthwise {
                        let row = weights + tap * taps.groups
                        for c in 0..<taps.groups { to[c] += Double(from[c]) * row[c] }
                        return
                    }
                    for group in 0..<taps.groups {
                        accumulate(
                            to + group * outputs, from + group * inputs,
                            weights + (tap * taps.groups + group) * inputs * outputs, rows: inputs,
                            columns: outputs)
                    }
                }
                for index in sums.indices { result[image * resultCount + index] = Real(sums[index]) }
            }
        }
    }

    func convolutionWeightGradient(_ options: ConvolutionOptions) -> NDArray {
        let taps = Taps(options: options, x: operands[0].shape, weight: node.shape, y: operands[1].shape)
        let images = taps.x[0]
        return filled { operands, result in
            withSums(result.count) { sums in
                for image in 0..<images {
                    let xs = operands[0].baseAddress! + image * operands[0].count / images
                    let dys = operands[1].baseAddress! + image * operands[1].count / images
                    taps.forEach { y, x, tap in
                        let (x, dy) = (xs + x * taps.x[3], dys + y * taps.y[3])
                        let sums = sums.baseAddress! + tap * taps.groups * taps.inputs * taps.outputs
                        if taps.isDepthwise {
                            for c in 0..<taps.groups { sums[c] += Double(x[c]) * Double(dy[c]) }
                            return
                        }
                        for group in 0..<taps.groups {
                            for i in 0..<taps.inputs {
                                let factor = Double(x[group * taps.inputs + i])
                                let row = sums + (group * taps.inputs + i) * taps.outputs
                                let gradients = dy + group * taps.outputs
                                for o in 0..<taps.outputs { row[o] += factor * Double(gradients[o]) }
                            }
                        }
                    }
                }
                taps.forEachWeight(inputsLast: false) { result[$0] = Real(sums[$1]) }
            }
        }
    }
}
