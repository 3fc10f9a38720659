import Renorm
import Testing

@Suite struct LimitsTests {
    @Test func thePapersLimits() {
        let limits = Limits.paper
        let steps = [0, 5000, 15_000, 25_000, 40_000, 1_000_000]
        #expect(steps.map { limits.dMax.value(at: $0) } == [0, 0, 2.5, 5, 5, 5])
        #expect(steps.prefix(2).allSatisfy { limits.rMax.value(at: $0) == 1 })
        #expect(abs(limits.rMax.value(at: 22_500) - 2) < 1e-15)
        #expect(limits.rMax.value(at: 40_000) == 3 && limits.rMax.value(at: 1_000_000) == 3)
    }

    @Test func thePapersProportionsOverAnotherLength() {
        let limits = Limits.paper(fullyOpenAt: 1600)
        #expect(limits.rMax == .linear([(200, 1), (1600, 3)]))
        #expect(limits.dMax == .linear([(200, 0), (1000, 5)]))
        for steps in [0, 1, 5] {
            let short = Limits.paper(fullyOpenAt: steps)
            #expect(short.rMax.value(at: steps) == 3 && short.dMax.value(at: steps) == 5)
            #expect(short.rMax.value(at: 0).isFinite)
        }
    }

    @Test func openAndClosed() {
        #expect(Limits.open.rMax.value(at: 0) == .infinity && Limits.open.dMax.value(at: 7) == .infinity)
        #expect(Limits.closed.rMax.value(at: 0) == 1 && Limits.closed.dMax.value(at: 7) == 0)
    }

    @Test(arguments: [Limits.paper, .open, .closed, .forRun(of: 1234)])
    func areSavedAndRead(_ limits: Limits) throws {
        let data = try JSONCoder.encode(limits)
        #expect(try JSONCoder.decode(Limits.self, from: data) == limits)
        let normalization = Normalization(.batchRenorm(.limits(limits), examples: 4))
        let coded = try JSONCoder.encode(normalization)
        #expect(try JSONCoder.decode(Normalization.self, from: coded) == normalization)
    }

    @Test func areReadFromTheNamesOfThePaper() throws {
        let text = """
            {"r_max": {"kind": "linear", "points": [[0, 1], [100, "inf"]]}, "d_max": {"kind": "constant", "value": 2}}
            """
        let limits = try JSONCoder.decode(Limits.self, from: text)
        #expect(limits.rMax.value(at: 100) == .infinity && limits.dMax.value(at: 3) == 2)
    }
}
