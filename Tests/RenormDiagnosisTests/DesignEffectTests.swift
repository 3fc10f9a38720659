import Renorm
import Testing

/// Effects that theory knows: of independent draws, of equal examples, of groups with a known share of common variance.
@Suite struct DesignEffectTests {
    /// Examples x = √ρ · (common to the group) + √(1 − ρ) · (own): the effect is 1 + (k − 1)ρ.
    private func examples(groups: Int, size: Int, correlation: Double, mean: Double = 0) -> [[Double]] {
        var random = Random(seed: 7, stream: "effect")
        let draws = (0..<groups * (size + 1) * 3).map { _ in random.normal() }
        return (0..<groups * size).map { index in
            (0..<3).map { channel in
                let common = draws[(index / size) * 3 + channel]
                let own = draws[(groups + index) * 3 + channel]
                return mean + correlation.squareRoot() * common + (1 - correlation).squareRoot() * own
            }
        }
    }

    @Test(arguments: [0, 0.2, 0.7, 1]) func isThatOfTheModel(correlation: Double) throws {
        let effect = try #require(
            DesignEffect(of: examples(groups: 400, size: 8, correlation: correlation), inGroupsOf: 8))
        let expected = 1 + 7 * correlation
        #expect(abs(effect.value - expected) < max(4 * effect.standardError, 3e-3 * expected))
        #expect(effect.standardError < 0.1 * expected)
        #expect(effect.isBiased == (correlation > 0))
    }

    @Test func aLargeMeanChangesNothing() throws {
        let near = try #require(
            DesignEffect(of: examples(groups: 20, size: 4, correlation: 0.3), inGroupsOf: 4))
        let far = try #require(
            DesignEffect(of: examples(groups: 20, size: 4, correlation: 0.3, mean: 1e6), inGroupsOf: 4))
        #expect(abs(near.value - far.value) < 1e-6 * near.value)
    }

    @Test func tooFewGroupsOrNoSpreadSayNothing() {
        #expect(DesignEffect(of: examples(groups: 2, size: 4, correlation: 0), inGroupsOf: 4) == nil)
        #expect(DesignEffect(of: [[Double]](repeating: [1, 2], count: 40), inGroupsOf: 4) == nil)
    }
}
