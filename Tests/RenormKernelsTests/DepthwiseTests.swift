import RenormKernels
import Testing

extension KernelTests {
    @Suite struct Depthwise {
        /// A convolution with the values that go in.
        struct Case {
            var shape: renorm_depthwise
            var x: [Float]
            var weight: [Float]
            var bias: [Float]
            var dy: [Float]

            /// Values that bf16 has, so that both types compute the same.
            init(_ shape: renorm_depthwise, seed: UInt64) {
                var numbers = Numbers(seed)
                func values(_ count: Int) -> [Float] { numbers.array(count).map(BF16.rounded) }
                self.shape = shape
                x = values(shape.batch * shape.height * shape.width * shape.channels)
                dy = values(shape.batch * shape.rows * shape.columns * shape.channels)
                weight = numbers.array(9 * shape.channels)
                bias = numbers.array(shape.channels)
            }

            /// Calls `body` with the places in x, dy and the weight of everything that is multiplied.
            private func forEachProduct(_ body: (_ x: Int, _ y: Int, _ weight: Int) -> Void) {
                for n in 0..<shape.batch {
                    for i in 0..<shape.rows {
                        for j in 0..<shape.columns {
                            for tap in 0..<9 {
                                let h = i * shape.stride - shape.top + tap / 3
                                let w = j * shape.stride - shape.left + tap % 3
                                guard h >= 0, h < shape.height, w >= 0, w < shape.width else { continue }
                                for c in 0..<shape.channels {
                                    body(
                                        ((n * shape.height + h) * shape.width + w) * shape.channels + c,
                                        ((n * shape.rows + i) * shape.columns + j) * shape.channels + c,
                                        tap * shape.channels + c)
                                }
                            }
                        }
                    }
                }
            }

            /// y without an activation, dx and the weight's gradient.
            func expected(biased: Bool) -> (y: [Double], dx: [Double], gradient: [Double]) {
                var y = dy.indices.map { biased ? Double(bias[$0 % shape.channels]) : 0 }
                var (dx, gradient) = (x.map { _ in 0.0 }, weight.map { _ in 0.0 })
                forEachProduct {
                    y[$1] += Double(x[$0]) * Double(weight[$2])
                    dx[$0] += Double(dy[$1]) * Double(weight[$2])
                    gradient[$2] += Double(x[$0]) * Double(dy[$1])
                }
                return (y, dx, gradient)
            }

            func forward(
                _ team: Team, biased: Bool = false, _ activation: renorm_activation = .identity
            ) -> [Float] {
                let bias = biased ? bias : []
                return bias.withUnsafeBufferPointer { bias in
                    let bias = biased ? bias.baseAddress : nil
                    if shape.type == .f32 {
                        var y = dy.map { _ in Float(9) }
                        renorm_depthwise_forward(team.pointer, shape, x, weight, bias, activation, &y)
                        return y
                    }
                    var y = dy.map { _ in UInt16(9) }
                    renorm_depthwise_forward(
                        team.pointer, shape, x.map(BF16.bits), weight, bias, activation, &y)
                    return y.map(BF16.value)
                }
            }

            func dataGradient(_ team: Team) -> [Float] {
                if shape.type == .f32 {
                    var dx = x.map { _ in Float(9) }
                    renorm_depthwise_data_gradient(team.pointer, shape, dy, weight, &dx)
                    return dx
                }
                var dx = x.map { _ in UInt16(9) }
                renorm_depthwise_data_gradient(team.pointer, shape, dy.map(BF16.bits), weight, &dx)
                return dx.map(BF16.value)
            }

            func weightGradient(_ team: Team) -> [Float] {
                var gradient = weight.map { _ in Float(9) }
                withScratch(renorm_depthwise_scratch(shape)) { scratch in
                    if shape.type == .f32 {
                        renorm_depthwise_weight_gradient(team.pointer, shape, x, dy, &gradient, scratch)
                    } else {
                        renorm_depthwise_weight_gradient(
                            team.pointer, shape, x.map(BF16.bits), dy.map(BF16.bits), &gradient, scratch)
                    }
                }
                return gradient
            }

            func in16Bits() -> Case {
                var other = self
                other.shape.type = .bf16
                return other
            }
        }

        /// Sizes that blocks of columns divide or not, padding on any side, windows that lie outside altogether.
        static let shapes: [renorm_depthwise] = {
            var numbers = Numbers(7)
            func pick(_ range: ClosedRange<Int>) -> Int {
                range.lowerBound + Int(numbers.unit() * Double(range.count))
            }
            let random = (0..<60).map { index in
                let (top, left, stride) = (pick(0...4), pick(0...4), pick(1...2))
                let (height, width) = (pick(1...13), pick(1...21))
                func extent(_ size: Int, _ before: Int) -> Int {
                    (max(size + before + pick(0...4), 3) - 3) / stride + 1
                }
                return renorm_depthwise(
                    batch: pick(1...3), height: height, width: width, channels: pick(1...40),
                    rows: extent(height, top), columns: extent(width, left), stride: stride, top: top,
                    left: left, type: .f32)
            }
            return random + [
                shape(2, 14, 14, 48, stride: 1), shape(2, 14, 14, 48, stride: 2),
                shape(1, 7, 7, 530, stride: 1),
                shape(40, 10, 30, 16, stride: 1),
            ]
        }()

        private static func shape(
            _ batch: Int, _ height: Int, _ width: Int, _ channels: Int, stride: Int
        ) -> renorm_depthwise {
            renorm_depthwise(
                batch: batch, height: height, width: width, channels: channels,
                rows: (height - 1) / stride + 1, columns: (width - 1) / stride + 1, stride: stride, top: 1,
                left: 1, type: .f32)
        }

        @Test(arguments: shapes.indices)
        func allDirectionsAreTheFormula(_ index: Int) {
            let test = Case(Self.shapes[index], seed: UInt64(index))
            let halves = test.in16Bits()
            let (expected, biased) = (test.expected(biased: false), test.expected(biased: true))
            let terms = Double(test.dy.count / test.shape.channels)
            for team in Team.all {
                func check(_ found: [Float], _ expected: [Double], _ relative: Double, _ absolute: Double) {
                    let problem = difference(found, expected, relative: relative, absolute: absolute)
                    #expect(problem == nil, "\(team) \(test.shape)")
                }
                check(test.forward(team), expected.y, 1e-5, 1e-5)
                check(test.dataGradient(team), expected.dx, 1e-5, 1e-5)
                check(test.weightGradient(team), expected.gradient, 1e-5, 1e-5 * terms.squareRoot())
                check(halves.forward(team), expected.y, 0x1p-8, 1e-5)
                check(halves.dataGradient(team), expected.dx, 0x1p-8, 1e-5)
                check(halves.weightGradient(team), expected.gradient, 1e-5, 1e-5 * terms.squareRoot())
                check(test.forward(team, biased: true), biased.y, 1e-5, 1e-5)
                check(test.forward(team, biased: true, .relu), biased.y.map { max($0, 0) }, 1e-5, 1e-5)
                check(
                    halves.forward(team, biased: true, .relu6), biased.y.map { min(max($0, 0), 6) }, 0x1p-8,
                    1e-5)
            }
        }

        /// On one instruction set; those that fuse multiplying and adding agree with each other.
        @Test(arguments: [1, 2], [renorm_type.f32, .bf16])
        func bitsDoNotDependOnThreads(_ stride: Int, _ type: renorm_type) {
            var shape = Self.shape(5, 19, 23, 300, stride: stride)
            shape.type = type
            let test = Case(shape, seed: 3)
            var found: [String: [[Float]]] = [:]
            for set in [renorm_instructions.baseline, .avx2, .avx512] {
                for team in [1, 2, 3, 7].compactMap({ Team(threads: $0, instructions: set) }) {
                    let results = [test.forward(team), test.dataGradient(team), test.weightGradient(team)]
                    let known = found[set == .baseline ? "baseline" : "fused", default: results]
                    #expect(results == known, "\(team)")
                    found[set == .baseline ? "baseline" : "fused"] = known
                }
            }
        }

        /// What is not finite goes to the results whose windows hold it, and to no other.
        @Test(arguments: [1, 2])
        func notFiniteStays(_ stride: Int) {
            var test = Case(Self.shape(2, 11, 13, 21, stride: stride), seed: 5)
            for i in Swift.stride(from: 40, to: test.x.count, by: 971) {
                test.x[i] = i % 2 == 0 ? .nan : .infinity
            }
            for i in Swift.stride(from: 70, to: test.dy.count, by: 463) {
                test.dy[i] = i % 2 == 0 ? .nan : -.infinity
            }
            let expected = test.expected(biased: false)
            for team in Team.all {
                for test in [test, test.in16Bits()] {
                    let relative = test.shape.type == .f32 ? 1e-5 : 0x1p-8
                    #expect(
                        difference(test.forward(team), expected.y, relative: relative, absolute: 1e-5) == nil)
                    #expect(
                        difference(test.dataGradient(team), expected.dx, relative: relative, absolute: 1e-5)
                            == nil)
                    #expect(
                        difference(
                            test.weightGradient(team), expected.gradient, relative: 1e-5, absolute: 1e-3)
                            == nil)
                    // An overflow must not look like a 0, nor like a 6.
                    let rectified = zip(test.forward(team, .relu), expected.y)
                    #expect(
                        rectified.allSatisfy { $1.isFinite || $0 == .infinity && $1 == .infinity || $0.isNaN }
                    )
                    let limited = zip(test.forward(team, .relu6), expected.y)
                    #expect(limited.allSatisfy { $1.isFinite || $0.isNaN })
                }
            }
        }
    }
}
