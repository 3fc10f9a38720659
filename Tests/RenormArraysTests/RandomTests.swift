import Foundation
import RenormArrays
import Testing

@Suite struct RandomTests {
    /// The known answers that Random123 is distributed with (kat_vectors, philox4x32 10).
    @Test(
        arguments: [
            (
                0, 0, 0, 0,
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
            ),
            (
                0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff, 0xffff_ffff, 0xffff_ffff,
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
            ),
            (
                0x299f_31d0_a409_3822, 0x0370_7344_1319_8a2e, 0x85a3_08d3, 0x243f_6a88,
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
            ),
        ] as [(UInt64, UInt64, UInt32, UInt32, [UInt32])])
    func philoxGivesTheKnownAnswers(
        key: UInt64, stream: UInt64, counter: UInt32, index: UInt32, expected: [UInt32]
    ) {
        let words = Random.block(seed: key, stream: stream, counter: counter, index: index)
        #expect([words.0, words.1, words.2, words.3] == expected)
    }

    @Test func drawsAreTheBlocksInOrder() {
        var random = Random(seed: 7, stream: 9, counter: 3)
        for index in 0..<5 as Range<UInt32> {
            let words = Random.block(seed: 7, stream: 9, counter: 3, index: index)
            #expect(random.nextWord() == words.0)
            #expect(random.nextWord() == words.1)
            #expect(random.nextWord() == words.2)
            #expect(random.nextWord() == words.3)
        }
    }

    @Test func streamNamesHashByFNV1a() {
        #expect(Random.streamNumber("") == 0xcbf2_9ce4_8422_2325)
        #expect(Random.streamNumber("a") == 0xaf63_dc4c_8601_ec8c)
        #expect(Random.streamNumber("foobar") == 0x8594_4171_f739_67e8)
    }

    @Test func seedStreamAndCounterEachGiveOtherNumbers() {
        func draw(_ seed: UInt64, _ stream: String, _ counter: Int) -> [UInt64] {
            var random = Random(seed: seed, stream: stream, counter: counter)
            return (0..<100).map { _ in random.next() }
        }
        let base = draw(1, "shuffle", 0)
        #expect(draw(1, "shuffle", 0) == base)
        for other in [draw(2, "shuffle", 0), draw(1, "dropout", 0), draw(1, "shuffle", 1)] {
            #expect(Set(other).isDisjoint(with: base))
        }
    }

    @Test func streamsAreUncorrelated() {
        let count = 20_000
        var first = Random(seed: 1, stream: "conv1.weight")
        var second = Random(seed: 1, stream: "conv2.weight")
        var sum = 0.0
        for _ in 0..<count { sum += first.normal() * second.normal() }
        // The correlation of n independent pairs has a deviation of 1/√n.
        #expect(abs(sum / Double(count)) < 5 / Double(count).squareRoot())
    }

    @Test func usingOneStreamDoesNotMoveAnother() {
        var alone = Random(seed: 1, stream: "a")
        let expected = (0..<10).map { _ in alone.next() }
        var first = Random(seed: 1, stream: "a")
        var other = Random(seed: 1, stream: "b")
        let mixed = (0..<10).map { _ in
            _ = other.normal()
            return first.next()
        }
        #expect(mixed == expected)
    }

    @Test func uniformNumbersHaveTheirMoments() {
        var random = Random(seed: 3, stream: "uniform")
        let count = 100_000
        let values = (0..<count).map { _ in random.uniform() }
        #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
        let mean = values.reduce(0, +) / Double(count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        #expect(abs(mean - 0.5) < 5 * (1.0 / 12 / Double(count)).squareRoot())
        #expect(abs(variance - 1.0 / 12) < 5 * (1.0 / 180 / Double(count)).squareRoot())
        for tenth in 0..<10 {
            let share = values.count { Int($0 * 10) == tenth }
            #expect(abs(Double(share) - Double(count) / 10) < 5 * (Double(count) * 0.09).squareRoot())
        }
    }

    @Test func normalNumbersHaveTheirMoments() {
        var random = Random(seed: 3, stream: "normal")
        let count = 100_000
        let values = (0..<count).map { _ in random.normal() }
        func moment(_ power: Int) -> Double {
            values.reduce(0) { $0 + pow($1, Double(power)) } / Double(count)
        }
        // Deviations of the sample's moments: √(1, 2, 15, 96)/√n.
        let scale = 5 / Double(count).squareRoot()
        #expect(abs(moment(1)) < scale)
        #expect(abs(moment(2) - 1) < scale * 2.0.squareRoot())
        #expect(abs(moment(3)) < scale * 15.0.squareRoot())
        #expect(abs(moment(4) - 3) < scale * 96.0.squareRoot())
        #expect(values.allSatisfy { $0.isFinite })
    }

    @Test func integersAreUnbiased() {
        var random = Random(seed: 3, stream: "integers")
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[random.integer(below: 7)] += 1 }
        for count in counts { #expect(abs(count - 10_000) < 500) }
    }

    @Test(arguments: [0, 1, 2, 10, 1000])
    func aPermutationHasEachNumberOnce(count: Int) {
        var random = Random(seed: 5, stream: "shuffle")
        let order = random.permutation(count)
        #expect(order.sorted() == Array(0..<count))
        if count >= 10 { #expect(order != Array(0..<count)) }
    }

    @Test func permutationsOfThreeAreEquallyFrequent() {
        var random = Random(seed: 5, stream: "shuffle")
        var counts: [[Int]: Int] = [:]
        for _ in 0..<6000 { counts[random.permutation(3), default: 0] += 1 }
        #expect(counts.count == 6)
        for count in counts.values { #expect(abs(count - 1000) < 150) }
    }
}
