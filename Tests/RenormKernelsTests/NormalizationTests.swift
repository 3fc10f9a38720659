import RenormKernels
import Testing

extension KernelTests {
    @Suite struct Normalization {
        /// (rows of a group, channels, groups): tiny, odd, one or several groups, larger than the threshold for a team.
        static let extents: [(Int, Int, Int)] = [
            (1, 1, 1), (7, 1, 1), (5000, 1, 2), (3, 3, 5), (1000, 3, 1), (4099, 3, 2), (1, 17, 2),
            (37, 17, 1),
            (2500, 17, 1), (700, 17, 5), (2, 64, 5), (49, 64, 64), (1001, 64, 1), (515, 64, 2), (333, 100, 1),
            (129, 100, 5), (75, 129, 3), (40, 2048, 1), (11, 2049, 2),
        ]

        static func extent(_ e: (Int, Int, Int)) -> renorm_extent {
            renorm_extent(rows: e.0 * e.2, channels: e.1, groups: e.2, type: .f32)
        }

        @Test(arguments: extents) func momentsAreThoseOfEachGroup(_ e: (Int, Int, Int)) {
            let (rows, channels, groups) = e
            var numbers = Numbers(1)
            for (mean, deviation) in [(0.0, 1.0), (1000, 1), (-3, 20)] {
                let x = numbers.array(rows * channels * groups, mean: mean, deviation: deviation)
                let (means, variances) = moments(x, e)
                for team in Team.all {
                    var m = [Float](repeating: .nan, count: groups * channels), v = m
                    withScratch(renorm_normalization_scratch(Self.extent(e), team.threads)) {
                        renorm_moments(team.pointer, Self.extent(e), x, &m, &v, $0)
                    }
                    #expect(
                        difference(m, means, relative: 1e-7, absolute: 3e-7 * deviation) == nil, "\(team)")
                    #expect(
                        difference(v, variances, relative: 1e-6) == nil, "\(team), \(mean) ± \(deviation)")
                }
            }
        }

        @Test func constantChannelsHaveNoVariance() {
            for value in [Float(0), 1, 0.1, 1000.1, -3e30, 0x1p-140] {
                for team in Team.all {
                    let e = (3001, 17, 2)
                    let x = [Float](repeating: value, count: e.0 * e.1 * e.2)
                    var m = [Float](repeating: .nan, count: e.1 * e.2), v = m
                    withScratch(renorm_normalization_scratch(Self.extent(e), team.threads)) {
                        renorm_moments(team.pointer, Self.extent(e), x, &m, &v, $0)
                    }
                    #expect(m.allSatisfy { $0 == value }, "\(team)")
                    #expect(v.allSatisfy { $0 == 0 }, "\(team)")
                }
            }
        }

        @Test func aFirstRowFarFromTheRestCostsNoPrecision() {
            let e = (20_000, 5, 1)
            var numbers = Numbers(9)
            var x = numbers.array(e.0 * e.1, mean: 3, deviation: 1)
            for c in 0..<e.1 { x[c] = 500 }
            let (means, variances) = moments(x, e)
            for team in Team.all {
                var m = [Float](repeating: .nan, count: e.1), v = m
                withScratch(renorm_normalization_scratch(Self.extent(e), team.threads)) {
                    renorm_moments(team.pointer, Self.extent(e), x, &m, &v, $0)
                }
                #expect(difference(m, means, relative: 1e-6) == nil, "\(team)")
                #expect(difference(v, variances, relative: 3e-6) == nil, "\(team)")
            }
        }

        @Test func momentsTellOfNotANumber() {
            let e = (1000, 3, 2)
            var x = Numbers.make(2, e.0 * e.1 * e.2)
            x[e.0 * e.1 + 301] = .nan  // Group 1, channel 1.
            for team in Team.all {
                var m = [Float](repeating: 0, count: 6), v = m
                withScratch(renorm_normalization_scratch(Self.extent(e), team.threads)) {
                    renorm_moments(team.pointer, Self.extent(e), x, &m, &v, $0)
                }
                #expect(m.map(\.isNaN) == [false, false, false, false, true, false])
                #expect(v.map(\.isNaN) == [false, false, false, false, true, false])
            }
        }

        @Test(arguments: extents) func affineIsFormula(_ e: (Int, Int, Int)) {
            let f = Factors(e, seed: 3)
            for activation in [renorm_activation.identity, .relu, .relu6] {
                for residual in [nil, f.dy2] {
                    let expected = f.forward(activation, residual)
                    for team in Team.all {
                        var y = [Float](repeating: .nan, count: f.x.count)
                        renorm_affine(
                            team.pointer, f.extent, f.x, f.mean, f.scale, f.shift, residual, activation, &y)
                        #expect(difference(y, expected, relative: 1e-5, absolute: 2e-5) == nil, "\(team)")
                        var inPlace = f.x
                        inPlace.withUnsafeMutableBufferPointer {
                            renorm_affine(
                                team.pointer, f.extent, $0.baseAddress!, f.mean, f.scale, f.shift, residual,
                                activation, $0.baseAddress!)
                        }
                        #expect(inPlace == y, "\(team)")
                    }
                }
            }
        }

        @Test(arguments: extents) func backwardIsFormula(_ e: (Int, Int, Int)) {
            let f = Factors(e, seed: 4)
            for activation in [renorm_activation.identity, .relu, .relu6] {
                for saved in [false, true] where !(saved && activation == .identity) {
                    for dy2 in [nil, f.dy2] { checkBackward(f, activation, saved: saved, dy2: dy2) }
                }
            }
        }

        /// Both backward passes with a mask recomputed from x or read from a saved output that had a residual.
        private func checkBackward(_ f: Factors, _ activation: renorm_activation, saved: Bool, dy2: [Float]?)
        {
            for team in Team.all {
                var y = [Float](repeating: .nan, count: f.x.count)
                let residual = saved ? f.residual : nil
                renorm_affine(team.pointer, f.extent, f.x, f.mean, f.scale, f.shift, residual, activation, &y)
                // From the same team's own forward pass: the two must agree to the bit.
                let d = f.masked(activation, y, dy2)
                let sums = f.sums(d), dx = f.backward(d)
                f.withMask(activation, saved ? y : nil) { mask in
                    var sum = [Float](repeating: .nan, count: f.mean.count), product = sum
                    withScratch(renorm_normalization_scratch(f.extent, team.threads)) {
                        renorm_affine_sums(
                            team.pointer, f.extent, f.x, f.mean, mask, f.dy, dy2, &sum, &product, $0)
                    }
                    let rows = Double(f.rowsOfGroup)
                    #expect(
                        difference(sum, sums.sum, relative: 1e-6, absolute: 2e-7 * rows) == nil, "\(team)")
                    #expect(
                        difference(product, sums.product, relative: 1e-6, absolute: 4e-7 * rows) == nil,
                        "\(team)")

                    var result = [Float](repeating: .nan, count: f.x.count), gradient = result
                    renorm_affine_backward(
                        team.pointer, f.extent, f.x, f.mean, mask, f.dy, dy2, f.p, f.q, f.c, &result, nil)
                    #expect(difference(result, dx, relative: 1e-5, absolute: 2e-5) == nil, "\(team)")
                    var inPlace = f.dy
                    inPlace.withUnsafeMutableBufferPointer {
                        renorm_affine_backward(
                            team.pointer, f.extent, f.x, f.mean, mask, $0.baseAddress!, dy2, f.p, f.q, f.c,
                            $0.baseAddress!, &gradient)
                    }
                    #expect(inPlace == result, "\(team)")
                    #expect(gradient.map(Double.init) == d, "\(team)")
                }
            }
        }

        @Test func outputsLargerThanTheCachesAreTheSame() {
            // 70 MB: the pass writes past the caches.
            let e = (280_000, 64, 1)
            let f = Factors(e, seed: 5)
            let team = Team(threads: 2, instructions: renorm_instructions_current())!
            var y = [Float](repeating: .nan, count: f.x.count), inPlace = f.x
            renorm_affine(team.pointer, f.extent, f.x, f.mean, f.scale, f.shift, nil, .relu, &y)
            inPlace.withUnsafeMutableBufferPointer {
                renorm_affine(
                    team.pointer, f.extent, $0.baseAddress!, f.mean, f.scale, f.shift, nil, .relu,
                    $0.baseAddress!)
            }
            #expect(y == inPlace)
        }

        /// Mean and biased variance of each group and channel.
        private func moments(_ x: [Float], _ e: (Int, Int, Int)) -> ([Double], [Double]) {
            let (rows, channels, groups) = e
            var means: [Double] = [], variances: [Double] = []
            for g in 0..<groups {
                for c in 0..<channels {
                    let values = (0..<rows).map { Double(x[(g * rows + $0) * channels + c]) }
                    let mean = values.reduce(0, +) / Double(rows)
                    means.append(mean)
                    variances.append(values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows))
                }
            }
            return (means, variances)
        }
    }
}

extension Numbers {
    static func make(_ seed: UInt64, _ count: Int) -> [Float] {
        var numbers = Numbers(seed)
        return numbers.array(count)
    }
}

/// An activation, its gradients and factors, and what the passes should make of them, in double. With type bf16 the
/// activation and its gradients have values of that type.
struct Factors {
    var extent: renorm_extent
    let x, dy, dy2, residual: [Float]
    let mean, scale, shift, p, q, c: [Float]

    var rowsOfGroup: Int { extent.rows / extent.groups }

    init(_ e: (Int, Int, Int), seed: UInt64, type: renorm_type = .f32) {
        extent = renorm_extent(rows: e.0 * e.2, channels: e.1, groups: e.2, type: .f32)
        var numbers = Numbers(seed)
        let count = e.0 * e.1 * e.2, vector = e.1 * e.2
        extent.type = type
        func typed(_ array: [Float]) -> [Float] { type == .f32 ? array : array.map(BF16.rounded) }
        x = typed(numbers.array(count, mean: 0.5, deviation: 2))
        dy = typed(numbers.array(count))
        dy2 = typed(numbers.array(count))
        residual = typed(numbers.array(count))
        mean = numbers.array(vector, mean: 0.5)
        scale = numbers.array(vector, mean: 1)
        shift = numbers.array(vector, mean: 1)
        p = numbers.array(vector)
        q = numbers.array(vector)
        c = numbers.array(vector)
    }

    /// The index in a vector of the factor for element i of the activation.
    private func factor(_ i: Int) -> Int {
        i / extent.channels / rowsOfGroup * extent.channels + i % extent.channels
    }

    private func centered(_ i: Int) -> Double { Double(x[i]) - Double(mean[factor(i)]) }

    func forward(_ activation: renorm_activation, _ residual: [Float]?) -> [Double] {
        x.indices.map { i in
            var y = Double(scale[factor(i)]) * centered(i) + Double(shift[factor(i)])
            if let residual { y += Double(residual[i]) }
            switch activation {
            case .identity: return y
            case .relu: return max(y, 0)
            case .relu6: return min(max(y, 0), 6)
            }
        }
    }

    func masked(_ activation: renorm_activation, _ y: [Float], _ dy2: [Float]?) -> [Double] {
        x.indices.map { i in
            let passes =
                switch activation {
                case .identity: true
                case .relu: y[i] > 0
                case .relu6: y[i] > 0 && y[i] < 6
                }
            return passes ? Double(dy[i] + (dy2?[i] ?? 0)) : 0
        }
    }

    func sums(_ d: [Double]) -> (sum: [Double], product: [Double]) {
        var sum = [Double](repeating: 0, count: mean.count), product = sum
        for i in x.indices {
            sum[factor(i)] += d[i]
            product[factor(i)] += d[i] * centered(i)
        }
        return (sum, product)
    }

    func backward(_ d: [Double]) -> [Double] {
        x.indices.map { i in
            Double(p[factor(i)]) * d[i] + Double(q[factor(i)]) * centered(i) + Double(c[factor(i)])
        }
    }

    /// With the saved output, if there is one, in the activation's type.
    func withMask<Element: BitwiseCopyable>(
        _ activation: renorm_activation, _ output: [Element]?, _ body: (renorm_mask) -> Void
    ) {
        scale.withUnsafeBufferPointer { scale in
            shift.withUnsafeBufferPointer { shift in
                guard let output else {
                    body(
                        renorm_mask(
                            activation: activation, output: nil, scale: scale.baseAddress,
                            shift: shift.baseAddress))
                    return
                }
                output.withUnsafeBufferPointer {
                    body(renorm_mask(activation: activation, output: $0.baseAddress, scale: nil, shift: nil))
                }
            }
        }
    }
}
