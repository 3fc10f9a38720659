import RenormKernels
import Testing

/// Philox4x32-10 as its authors wrote it: the block of four words for a key and a counter.
private func philox(_ key: UInt64, _ counter: [UInt32]) -> [UInt32] {
    var c = counter
    var k = [UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32)]
    for _ in 0..<10 {
        let (p, q) = (c[0].multipliedFullWidth(by: 0xD251_1F53), c[2].multipliedFullWidth(by: 0xCD9E_8D57))
        c = [q.high ^ c[1] ^ k[0], q.low, p.high ^ c[3] ^ k[1], p.low]
        k = [k[0] &+ 0x9E37_79B9, k[1] &+ 0xBB67_AE85]
    }
    return c
}

extension KernelTests {
    @Suite struct RandomNumbers {
        /// What the next test compares with, by the authors' known-answer tests.
        @Test func philoxGivesItsReferenceVectors() {
            let cases: [(UInt64, [UInt32], [UInt32])] = [
                (0, [0, 0, 0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
                (
                    .max, [.max, .max, .max, .max], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
                ),
                (
                    0x299f_31d0_a409_3822, [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                    [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
                ),
            ]
            for (key, counter, expected) in cases {
                #expect(philox(key, counter) == expected)
            }
        }

        @Test(arguments: [0, 1, 3, 4, 63, 64, 65, 1001, 100_003]) func uniformIsTheBlocksWords(_ count: Int) {
            let seed: UInt64 = 0x0123_4567_89ab_cdef, stream: UInt64 = 0xfedc_ba98_7654_3210,
                step: UInt32 = 77
            var expected: [Float] = []
            for block in 0..<(count + 3) / 4 {
                let counter = [
                    UInt32(block), step, UInt32(truncatingIfNeeded: stream),
                    UInt32(truncatingIfNeeded: stream >> 32),
                ]
                expected += philox(seed, counter).map { Float($0 >> 8) * 0x1p-24 }
            }
            for team in Team.all {
                var values = [Float](repeating: -1, count: count + 1)
                renorm_uniform(team.pointer, seed, stream, step, count, &values)
                #expect(Array(values.dropLast()) == Array(expected.prefix(count)), "\(team)")
                #expect(values.last == -1, "\(team)")
            }
        }

        @Test func uniformIsUniform() {
            var values = [Float](repeating: 0, count: 1_000_000)
            renorm_uniform(nil, 1, 2, 3, values.count, &values)
            #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
            var counts = [Int](repeating: 0, count: 10)
            for value in values { counts[Int(value * 10)] += 1 }
            // Ten deviations of a binomial.
            #expect(counts.allSatisfy { abs($0 - 100_000) < 3000 })
        }
    }
}
