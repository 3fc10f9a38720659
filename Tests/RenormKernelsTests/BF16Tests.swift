import RenormKernels
import Testing

/// The upper half of an f32, slowly.
enum BF16 {
    static func value(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

    /// The nearest, of two equally near the one with an even last bit.
    static func bits(_ x: Float) -> UInt16 {
        let below = UInt16(x.bitPattern >> 16)
        if x.isNaN { return below | 0x40 }
        if x.bitPattern & 0xffff == 0 { return below }
        // In units of the gap, which spans powers of two too, and what follows the greatest number counts as 2¹²⁸.
        let part = Double(x.bitPattern & 0xffff) / 0x1p16
        return part < 0.5 || part == 0.5 && below % 2 == 0 ? below : below + 1
    }

    static func rounded(_ x: Float) -> Float { value(bits(x)) }

    /// The number itself, or 1 in the place of infinities and NaN.
    static func finite(_ bits: UInt16) -> UInt16 { value(bits).isFinite ? bits : 0x3f80 }
}

extension KernelTests {
    @Suite struct Halves {
        @Test func theSlowRoundingIsToTheNearest() {
            let known: [(Float, Float)] = [
                (1, 1), (1 + 0x1p-8, 1), (1 + 0x1.8p-7, 1 + 0x1p-6), (1 + 0x1.01p-8, 1 + 0x1p-7),
                (-0.0, -0.0),
                (5.98, 5.96875), (5.984375, 6), (0x1p-134, 0), (0x1.8p-134, 0x1p-133),
                (.greatestFiniteMagnitude, .infinity), (0x1.fep127, 0x1.fep127), (-.infinity, -.infinity),
            ]
            for (x, expected) in known {
                #expect(BF16.rounded(x).bitPattern == expected.bitPattern, "\(x)")
            }
        }

        @Test func everyHalfIsWidenedExactlyAndNarrowedBack() {
            let halves = (0...UInt16.max).map { $0 }
            for team in Team.all {
                var floats = [Float](repeating: 9, count: halves.count)
                renorm_copy(team.pointer, .bf16_to_f32, 1, [halves.count], [1], [1], halves, &floats)
                #expect(
                    zip(floats, halves).allSatisfy { $0.bitPattern == UInt32($1) << 16 }, "\(team)")
                var back = [UInt16](repeating: 9, count: halves.count)
                renorm_copy(team.pointer, .f32_to_bf16, 1, [halves.count], [1], [1], floats, &back)
                #expect(
                    zip(back, halves).allSatisfy {
                        BF16.value($1).isNaN ? BF16.value($0).isNaN : $0 == $1
                    }, "\(team)")
            }
        }

        @Test func roundingIsToTheNearestEven() {
            // Every exponent, with the parts below the last bit around a tie and around none.
            let parts: [UInt32] = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x1_7fff, 0x1_8000, 0x1_8001]
            var x = (0..<512).flatMap { exponent in
                parts.flatMap { part in
                    [0, 0x2a_0000, 0x7e_0000].map { Float(bitPattern: exponent << 23 | $0 | part) }
                }
            }
            // NaNs whose upper half alone would be an infinity.
            x += [Float(bitPattern: 0x7f80_0001), Float(bitPattern: 0xff80_ffff)]
            for team in Team.all {
                var halves = [UInt16](repeating: 9, count: x.count)
                renorm_copy(team.pointer, .f32_to_bf16, 1, [x.count], [1], [1], x, &halves)
                let wrong = x.indices.first { halves[$0] != BF16.bits(x[$0]) }
                #expect(wrong == nil, "\(x[wrong ?? 0]) became \(halves[wrong ?? 0]) on \(team)")
                #expect(halves.suffix(2).allSatisfy { BF16.value($0).isNaN }, "\(team)")
            }
        }
    }
}
