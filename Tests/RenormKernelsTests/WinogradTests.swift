import RenormKernels
import Testing

extension KernelTests {
    /// Convolutions by Winograd's algorithm, against the sums of their definition in double.
    @Suite struct Winograd {
        /// Sizes that tiles divide and do not, paddings of all kinds, channels that panels and chunks divide and do not.
        static let shapes: [renorm_winograd_shape] = [
            (1, 4, 4, 16, 16, [1, 1, 1, 1]), (2, 9, 11, 32, 48, [1, 1, 1, 1]),
            (1, 7, 7, 48, 16, [0, 2, 1, 0]),
            (3, 8, 8, 64, 64, [1, 1, 1, 1]), (1, 3, 5, 16, 80, [2, 2, 2, 2]),
            (2, 5, 3, 80, 32, [0, 0, 0, 0]),
            (5, 10, 6, 144, 160, [1, 1, 1, 1]), (1, 1, 1, 16, 32, [1, 1, 1, 1]),
            (9, 16, 16, 32, 32, [1, 1, 1, 1]),
        ].map { images, height, width, inputs, outputs, padding in
            renorm_winograd_shape(
                images: images, height: height, width: width, inputs: inputs, outputs: outputs,
                top: padding[0], bottom: padding[1], left: padding[2], right: padding[3])
        }

        @Test(arguments: shapes, [2, 4])
        func agreesWithTheDefinition(_ shape: renorm_winograd_shape, _ tile: Int) {
            let example = Example(shape)
            let expected = (
                forward: example.forward(), input: example.inputGradient(), weight: example.weightGradient()
            )
            // F(4×4) is about three times as far off as a direct convolution.
            let tolerance = tile == 2 ? 4e-6 : 2e-5
            var first: [renorm_winograd_direction: [Float]] = [:]
            for team in Team.all {
                for (direction, result) in [
                    (renorm_winograd_direction.forward, expected.forward),
                    (.input_gradient, expected.input), (.weight_gradient, expected.weight),
                ] {
                    for filtersFirst in direction == .weight_gradient ? [nil] : [false, true] {
                        let found = example.computed(direction, tile, team, filtersFirst: filtersFirst)
                        let scale = (result.reduce(0) { $0 + $1 * $1 } / Double(result.count)).squareRoot()
                        let worst = zip(found, result).map { abs(Double($0) - $1) / scale }.max()!
                        #expect(worst < tolerance, "\(direction) \(team) \(String(describing: filtersFirst))")
                        // The same bits, whoever does the work, on all instruction sets that fuse.
                        guard !team.description.contains("\(renorm_instructions.baseline)") else { continue }
                        if let known = first[direction] {
                            #expect(isSame(known, found), "\(direction) \(team)")
                        } else {
                            first[direction] = found
                        }
                    }
                }
            }
        }

        /// Blocks of every size that may be planned give the same bits.
        @Test func blocksDoNotChangeBits() throws {
            let example = Example(
                renorm_winograd_shape(
                    images: 4, height: 13, width: 9, inputs: 96, outputs: 112, top: 1, bottom: 1, left: 1,
                    right: 1))
            let team = try #require(Team(threads: 2, instructions: renorm_instructions_current()))
            for direction in [renorm_winograd_direction.forward, .input_gradient, .weight_gradient] {
                let expected = example.computed(direction, 4, team)
                for (tiles, inputs, outputs) in [
                    (14, 32, 32), (28, 64, 96), (1000, 1000, 1000), (42, 96, 64),
                ] {
                    let found = example.computed(direction, 4, team) {
                        if direction != .weight_gradient { $0.tiles = tiles }
                        $0.inputs = inputs
                        $0.outputs = outputs
                    }
                    #expect(
                        isSame(found, expected),
                        "\(direction), \(tiles) tiles, \(inputs) inputs, \(outputs) outputs")
                }
            }
        }

        @Test(arguments: [renorm_activation.identity, .relu, .relu6])
        func resultsAreFinished(_ activation: renorm_activation) throws {
            let example = Example(Self.shapes[1])
            let plain = example.forward()
            let (bias, residual) = (example.bias, example.dy)
            let expected = plain.indices.map { place in
                let value = plain[place] + Double(bias[place % 48]) + Double(residual[place])
                return switch activation {
                case .identity: value
                case .relu: max(value, 0)
                case .relu6: min(max(value, 0), 6)
                }
            }
            for team in Team.all {
                for filtersFirst in [false, true] {
                    let found = example.computed(
                        .forward, 4, team, filtersFirst: filtersFirst, isFinished: true,
                        activation: activation)
                    #expect(difference(found, expected, relative: 1e-5, absolute: 1e-4) == nil, "\(team)")
                }
            }
        }

        /// What a direct convolution makes of NaN and infinity is not finite here either; tiles without them are untouched.
        @Test(arguments: [Float.nan, .infinity, -.infinity])
        func whatIsNotFiniteStaysSo(_ value: Float) {
            let example = Example(
                renorm_winograd_shape(
                    images: 2, height: 12, width: 12, inputs: 32, outputs: 32, top: 1, bottom: 1, left: 1,
                    right: 1))
            for place in [0, 5 * 12 * 32 + 7 * 32 + 3, 12 * 12 * 32 - 1] {
                var spoiled = example
                spoiled.x[place] = value
                let expected = spoiled.forward()
                let found = spoiled.computed(.forward, 4, Team())
                for (place, result) in expected.enumerated() where !result.isFinite {
                    #expect(!found[place].isFinite)
                }
                let other = found[(found.count / 2)...]
                #expect(!other.contains { !$0.isFinite })
                let weights = spoiled.weightGradient()
                let foundWeights = spoiled.computed(.weight_gradient, 4, Team())
                for (place, result) in weights.enumerated() where !result.isFinite {
                    #expect(!foundWeights[place].isFinite)
                }
            }
        }
    }
}

/// Whether all bits are. (The testing library would look for the differences of arrays for minutes.)
private func isSame(_ a: [Float], _ b: [Float]) -> Bool { a.map(\.bitPattern) == b.map(\.bitPattern) }

/// A convolution with numbers.
private struct Example {
    let shape: renorm_winograd_shape
    var x: [Float]
    let dy: [Float]
    let weights: [Float]
    let bias: [Float]

    var height: Int { shape.height + shape.top + shape.bottom - 2 }
    var width: Int { shape.width + shape.left + shape.right - 2 }

    init(_ shape: renorm_winograd_shape) {
        self.shape = shape
        var numbers = Numbers(UInt64(shape.inputs + 7 * shape.height))
        func array(_ count: Int) -> [Float] { (0..<count).map { _ in numbers.normal() } }
        x = array(shape.images * shape.height * shape.width * shape.inputs)
        let height = shape.height + shape.top + shape.bottom - 2,
            width = shape.width + shape.left + shape.right - 2
        dy = array(shape.images * height * width * shape.outputs)
        weights = array(9 * shape.inputs * shape.outputs)
        bias = array(shape.outputs)
    }

    /// Where the weight of output k, input c and a tap lies.
    func place(_ k: Int, _ c: Int, _ tap: Int) -> Int {
        ((k / 16 * (shape.inputs / 16) + c / 16) * 9 + tap) * 256 + c % 16 * 16 + k % 16
    }

    /// All pairs of a result and an operand, with the tap between them: places without their channels.
    private func forEachPair(_ body: (_ result: Int, _ operand: Int, _ tap: Int) -> Void) {
        for image in 0..<shape.images {
            for i in 0..<height {
                for j in 0..<width {
                    for tap in 0..<9 {
                        let (row, column) = (i + tap / 3 - shape.top, j + tap % 3 - shape.left)
                        guard (0..<shape.height).contains(row), (0..<shape.width).contains(column) else {
                            continue
                        }
                        body(
                            (image * height + i) * width + j,
                            (image * shape.height + row) * shape.width + column, tap)
                    }
                }
            }
        }
    }

    func forward() -> [Double] {
        var y = [Double](repeating: 0, count: dy.count)
        forEachPair { result, operand, tap in
            for k in 0..<shape.outputs {
                for c in 0..<shape.inputs {
                    y[result * shape.outputs + k] +=
                        Double(x[operand * shape.inputs + c]) * Double(weights[place(k, c, tap)])
                }
            }
        }
        return y
    }

    func inputGradient() -> [Double] {
        var dx = [Double](repeating: 0, count: x.count)
        forEachPair { result, operand, tap in
            for k in 0..<shape.outputs {
                for c in 0..<shape.inputs {
                    dx[operand * shape.inputs + c] +=
                        Double(dy[result * shape.outputs + k]) * Double(weights[place(k, c, tap)])
                }
            }
        }
        return dx
    }

    func weightGradient() -> [Double] {
        var dw = [Double](repeating: 0, count: weights.count)
        forEachPair { result, operand, tap in
            for k in 0..<shape.outputs {
                for c in 0..<shape.inputs {
                    dw[place(k, c, tap)] +=
                        Double(dy[result * shape.outputs + k]) * Double(x[operand * shape.inputs + c])
                }
            }
        }
        return dw
    }

    /// What the kernels give, on scratch memory full of NaN.
    func computed(
        _ direction: renorm_winograd_direction, _ tile: Int, _ team: Team, filtersFirst: Bool? = nil,
        isFinished: Bool = false, activation: renorm_activation = .identity,
        _ change: (inout renorm_winograd_blocks) -> Void = { _ in }
    ) -> [Float] {
        var plan = renorm_winograd_planned(direction, shape, tile, team.threads)
        if let filtersFirst { plan.blocks.filters_first = filtersFirst }
        change(&plan.blocks)
        func memory(_ byteCount: Int) -> UnsafeMutableBufferPointer<Float> {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 4), alignment: 64)
                .bindMemory(to: Float.self, capacity: max(byteCount / 4, 1))
            let buffer = UnsafeMutableBufferPointer(start: memory, count: max(byteCount / 4, 1))
            buffer.initialize(repeating: .nan)
            return buffer
        }
        let scratch = memory(renorm_winograd_scratch(&plan)),
            filters = memory(renorm_winograd_filter_bytes(&plan))
        defer {
            scratch.deallocate()
            filters.deallocate()
        }
        let count =
            switch direction {
            case .forward: dy.count
            case .input_gradient: x.count
            case .weight_gradient: weights.count
            }
        var result = [Float](repeating: .nan, count: count)
        if direction == .weight_gradient {
            renorm_winograd_weigh(&plan, team.pointer, x, dy, &result, scratch.baseAddress!)
            return result
        }
        let isPrepared = renorm_winograd_filter_bytes(&plan) > 0
        if isPrepared {
            renorm_winograd_transform_filters(&plan, team.pointer, weights, filters.baseAddress!)
        }
        weights.withUnsafeBufferPointer { weights in
            bias.withUnsafeBufferPointer { bias in
                dy.withUnsafeBufferPointer { residual in
                    renorm_winograd_convolve(
                        &plan, team.pointer, direction == .forward ? x : dy,
                        isPrepared ? UnsafePointer(filters.baseAddress!) : weights.baseAddress!,
                        renorm_winograd_epilogue(
                            bias: isFinished ? bias.baseAddress : nil,
                            residual: isFinished ? residual.baseAddress : nil, activation: activation),
                        &result, scratch.baseAddress!)
                }
            }
        }
        return result
    }
}
