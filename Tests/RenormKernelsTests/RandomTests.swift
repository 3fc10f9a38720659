import RenormKernels
import Testing

extension KernelTests {
    @Suite struct RandomNumbers {
        @Test func philoxGivesItsReferenceVectors() {
            // From the authors' known-answer tests.
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
                var words = [UInt32](repeating: 0, count: 4)
                renorm_philox(key, counter, &words)
                #expect(words == expected)
            }
        }

        @Test(arguments: [0, 1, 3, 4, 63, 64, 65, 1001, 100_003]) func uniformIsTheBlocksWords(_ count: Int) {
            let seed: UInt64 = 0x0123_4567_89ab_cdef, stream: UInt64 = 0xfedc_ba98_7654_3210,
                step: UInt32 = 77
            var expected: [Float] = []
            for block in 0..<(count + 3) / 4 {
                var words = [UInt32](repeating: 0, count: 4)
                let counter = [
                    UInt32(block), step, UInt32(truncatingIfNeeded: stream),
                    UInt32(truncatingIfNeeded: stream >> 32),
                ]
                renorm_philox(seed, counter, &words)
                expected += words.map { Float($0 >> 8) * 0x1p-24 }
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
