import RenormKernels
import Testing

extension KernelTests {
    /// The passes of normalization over bf16: arithmetic in f32 on the same values, then rounded once.
    @Suite struct NormalizationBF16 {
        @Test(arguments: Normalization.extents) func momentsAreThoseOfF32(_ e: (Int, Int, Int)) {
            for (mean, deviation) in [(0.0, 1.0), (1000, 300)] {
                var numbers = Numbers(61)
                let x = numbers.array(e.0 * e.1 * e.2, mean: mean, deviation: deviation).map(BF16.rounded)
                var extent = Normalization.extent(e)
                for team in Team.all {
                    func moments(_ x: UnsafeRawPointer) -> ([Float], [Float]) {
                        var m = [Float](repeating: .nan, count: e.1 * e.2), v = m
                        withScratch(renorm_normalization_scratch(extent, team.threads)) {
                            renorm_moments(team.pointer, extent, x, &m, &v, $0)
                        }
                        return (m, v)
                    }
                    extent.type = .f32
                    let expected = moments(x)
                    extent.type = .bf16
                    let found = moments(x.map(BF16.bits))
                    // Other rows fall to each thread, nothing else is different.
                    #expect(
                        difference(
                            found.0, expected.0.map(Double.init), relative: 2e-7, absolute: 4e-7 * deviation)
                            == nil, "\(team)")
                    #expect(
                        difference(found.1, expected.1.map(Double.init), relative: 1e-6) == nil, "\(team)")
                }
            }
        }

        @Test(arguments: Normalization.extents) func affineIsRoundedOnce(_ e: (Int, Int, Int)) {
            let f = Factors(e, seed: 62, type: .bf16)
            let plain = Normalization.extent(e)
            let x = f.x.map(BF16.bits), halfResidual = f.residual.map(BF16.bits)
            for activation in [renorm_activation.identity, .relu, .relu6] {
                for hasResidual in [false, true] {
                    for team in Team.all {
                        var expected = [Float](repeating: .nan, count: x.count)
                        renorm_affine(
                            team.pointer, plain, f.x, f.mean, f.scale, f.shift,
                            hasResidual ? f.residual : nil,
                            activation, &expected)
                        var y = [UInt16](repeating: 9, count: x.count), inPlace = x
                        renorm_affine(
                            team.pointer, f.extent, x, f.mean, f.scale, f.shift,
                            hasResidual ? halfResidual : nil, activation, &y)
                        #expect(y == expected.map(BF16.bits), "\(team)")
                        inPlace.withUnsafeMutableBytes {
                            renorm_affine(
                                team.pointer, f.extent, $0.baseAddress!, f.mean, f.scale, f.shift,
                                hasResidual ? halfResidual : nil, activation, $0.baseAddress!)
                        }
                        #expect(inPlace == y, "\(team)")
                    }
                }
            }
        }

        @Test(arguments: Normalization.extents) func backwardIsFormula(_ e: (Int, Int, Int)) {
            let f = Factors(e, seed: 63, type: .bf16)
            for activation in [renorm_activation.identity, .relu, .relu6] {
                for saved in [false, true] where !(saved && activation == .identity) {
                    for hasDy2 in [false, true] { checkBackward(f, activation, saved: saved, hasDy2: hasDy2) }
                }
            }
        }

        private func checkBackward(_ f: Factors, _ activation: renorm_activation, saved: Bool, hasDy2: Bool) {
            let x = f.x.map(BF16.bits), dy = f.dy.map(BF16.bits), residual = f.residual.map(BF16.bits)
            let dy2 = hasDy2 ? f.dy2.map(BF16.bits) : nil
            for team in Team.all {
                var y = [UInt16](repeating: 9, count: x.count)
                renorm_affine(
                    team.pointer, f.extent, x, f.mean, f.scale, f.shift, saved ? residual : nil, activation,
                    &y)
                let d = f.masked(activation, y.map(BF16.value), hasDy2 ? f.dy2 : nil)
                let sums = f.sums(d), dx = f.backward(d), halfD = d.map { BF16.bits(Float($0)) }
                f.withMask(activation, saved ? y : nil) { mask in
                    var sum = [Float](repeating: .nan, count: f.mean.count), product = sum
                    withScratch(renorm_normalization_scratch(f.extent, team.threads)) {
                        renorm_affine_sums(
                            team.pointer, f.extent, x, f.mean, mask, dy, dy2, &sum, &product, $0)
                    }
                    let rows = Double(f.rowsOfGroup)
                    #expect(
                        difference(sum, sums.sum, relative: 1e-6, absolute: 2e-7 * rows) == nil, "\(team)")
                    #expect(
                        difference(product, sums.product, relative: 1e-6, absolute: 4e-7 * rows) == nil,
                        "\(team)")

                    var result = [UInt16](repeating: 9, count: x.count), gradient = result
                    renorm_affine_backward(
                        team.pointer, f.extent, x, f.mean, mask, dy, dy2, f.p, f.q, f.c, &result, nil)
                    // Half a unit in the last place of eight bits, and what f32 may be off.
                    #expect(
                        difference(result.map(BF16.value), dx, relative: 0x1.01p-8, absolute: 2e-5) == nil,
                        "\(team)")
                    var inPlace = dy
                    inPlace.withUnsafeMutableBytes {
                        renorm_affine_backward(
                            team.pointer, f.extent, x, f.mean, mask, $0.baseAddress!, dy2, f.p, f.q, f.c,
                            $0.baseAddress!, &gradient)
                    }
                    #expect(inPlace == result, "\(team)")
                    #expect(gradient == halfD, "\(team)")
                }
            }
        }

        @Test func theRecomputedMaskIsThatOfTheStoredOutput() {
            // Around 0 and 6 the output is rounded onto the limit or away from it.
            let shifts: [Float] = [
                0, Float(bitPattern: 1), Float(bitPattern: 32767), Float(bitPattern: 32768),
                Float(bitPattern: 32769), 0x1p-133, -0x1p-134, 0x1p-6,
                0x1.fffffep-7,
                0x1.02p-6, -0x1p-6, -0x1.02p-6, -0x1.fep-7, 0x1p-5, -0x1p-5, 0x1p-20, -0x1p-20,
            ]
            let starts: [Float] = [0, -0.0, 5.96875, 6, 6.03125, 0x1p-133, -0x1p-133, 3]
            let channels = shifts.count, rows = starts.count
            let extent = renorm_extent(rows: rows, channels: channels, groups: 1, type: .bf16)
            let x = starts.flatMap { [UInt16](repeating: BF16.bits($0), count: channels) }
            let dy = [UInt16](repeating: BF16.bits(1), count: x.count)
            let zeros = [Float](repeating: 0, count: channels), ones = [Float](repeating: 1, count: channels)
            for activation in [renorm_activation.relu, .relu6] {
                for team in Team.all {
                    var y = [UInt16](repeating: 9, count: x.count), dx = y
                    renorm_affine(team.pointer, extent, x, zeros, ones, shifts, nil, activation, &y)
                    ones.withUnsafeBufferPointer { scale in
                        shifts.withUnsafeBufferPointer { shift in
                            let mask = renorm_mask(
                                activation: activation, output: nil, scale: scale.baseAddress,
                                shift: shift.baseAddress)
                            renorm_affine_backward(
                                team.pointer, extent, x, zeros, mask, dy, nil, ones, zeros, zeros, &dx, nil)
                        }
                    }
                    let stored = y.map(BF16.value)
                    let expected = stored.map { $0 > 0 && (activation == .relu || $0 < 6) ? Float(1) : 0 }
                    #expect(dx.map(BF16.value) == expected, "\(activation), \(team)")
                    #expect(expected.contains(0) && expected.contains(1))
                }
            }
        }

        @Test(arguments: [renorm_type.f32, .bf16]) func sumsFromMemoryAreFormula(_ type: renorm_type) {
            // 36 or 72 MB, which the passes take in another order than what fits into a cache.
            let channels = 100, rows = 180_000
            let extent = renorm_extent(rows: rows, channels: channels, groups: 1, type: type)
            func values(_ factor: Int) -> [Float] {
                (0..<rows * channels).map { Float(($0 &* factor) >> 24 & 255) / 64 - 1.75 }
            }
            let x = values(2_654_435_761), dy = values(40_503_000_007)
            let zeros = [Float](repeating: 0, count: channels), scale = zeros.map { _ in Float(1) }
            let shift = (0..<channels).map { Float($0) / 64 - 0.5 }
            var expected = [[Double]](repeating: [Double](repeating: 0, count: channels), count: 4)
            for r in 0..<rows {
                for c in 0..<channels {
                    let (v, d) = (Double(x[r * channels + c]), Double(dy[r * channels + c]))
                    expected[0][c] += v / Double(rows)
                    expected[1][c] += v * v / Double(rows)
                    if v + Double(shift[c]) > 0 {
                        expected[2][c] += d
                        expected[3][c] += d * v
                    }
                }
            }
            for c in 0..<channels { expected[1][c] -= expected[0][c] * expected[0][c] }
            let (halfX, halfDy) = type == .bf16 ? (x.map(BF16.bits), dy.map(BF16.bits)) : ([], [])
            let team = Team(threads: 2, instructions: renorm_instructions_current())!
            func run(_ x: UnsafeRawPointer, _ dy: UnsafeRawPointer) -> [[Float]] {
                var (mean, variance, sum, product) = (zeros, zeros, zeros, zeros)
                withScratch(renorm_normalization_scratch(extent, 2)) { scratch in
                    renorm_moments(team.pointer, extent, x, &mean, &variance, scratch)
                    scale.withUnsafeBufferPointer { scale in
                        shift.withUnsafeBufferPointer { shift in
                            let mask = renorm_mask(
                                activation: .relu, output: nil, scale: scale.baseAddress,
                                shift: shift.baseAddress)
                            renorm_affine_sums(
                                team.pointer, extent, x, zeros, mask, dy, nil, &sum, &product, scratch)
                        }
                    }
                }
                return [mean, variance, sum, product]
            }
            let found = type == .f32 ? run(x, dy) : run(halfX, halfDy)
            for (found, expected) in zip(found, expected) {
                #expect(difference(found, expected, relative: 1e-5, absolute: 1e-5) == nil)
            }
        }

        @Test func outputsLargerThanTheCachesAreTheSame() {
            // 72 MB: the pass writes past the caches.
            let extent = renorm_extent(rows: 360_000, channels: 100, groups: 2, type: .bf16)
            var numbers = Numbers(64)
            let vector = { numbers.array(200) }
            let (mean, scale, shift) = (vector(), vector(), vector())
            let x = (0..<36_000_000).map {
                UInt16(truncatingIfNeeded: 0x3f00 + ($0 &* 2_654_435_761) >> 24 % 512)
            }
            let team = Team(threads: 2, instructions: renorm_instructions_current())!
            var y = [UInt16](repeating: 9, count: x.count), inPlace = x
            renorm_affine(team.pointer, extent, x, mean, scale, shift, nil, .relu, &y)
            inPlace.withUnsafeMutableBytes {
                renorm_affine(
                    team.pointer, extent, $0.baseAddress!, mean, scale, shift, nil, .relu, $0.baseAddress!)
            }
            #expect(y == inPlace)
        }
    }
}
