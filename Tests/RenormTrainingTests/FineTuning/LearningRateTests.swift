import Foundation
import Renorm
import Testing

/// A range test on a parabola, whose answer is known, and on a small run.
@Suite struct LearningRateTests {
    /// Gradient descent on λx²/2 while the rate rises from 1e-5 to 10 in 100 steps.
    private func curve(steepness: Double, momentum: Double = 0) -> LearningRateCurve {
        let schedule = Schedule.exponential(from: 1e-5, to: 10, steps: 99)
        var curve = LearningRateCurve(level: steepness / 2)
        var (x, velocity) = (1.0, 0.0)
        for step in 0..<100 {
            let rate = schedule.value(at: step)
            guard curve.add(rate: rate, loss: steepness * x * x / 2) else { break }
            velocity = momentum * velocity + steepness * x
            x -= rate * velocity
        }
        return curve
    }

    /// With q the factor of a step, x² falls as exp(−2λ·r / ln q), steepest over ln r at r = ln q / 2λ; smoothing over ten steps comes
    /// up to e^(10 ln q) = 4 times as late. It diverges at 2/λ.
    @Test(arguments: [0.3, 1, 10, 100]) func theSteepestDescentIsWhereItIsKnownToBe(_ steepness: Double)
        throws
    {
        let known = log(1e6) / 99 / (2 * steepness)
        let rate = try #require(curve(steepness: steepness).suggestion(.steepest))
        #expect((known...4 * known).contains(rate), "\(rate / known)")
        #expect(rate < 0.2 / steepness)
        // Momentum makes steps 1 / (1 − momentum) times as long.
        let slower = try #require(curve(steepness: steepness, momentum: 0.9).suggestion(.steepest))
        #expect((0.05...0.2).contains(slower / rate), "\(slower / rate)")
        for rule in LearningRateCurve.Rule.allCases {
            let rate = try #require(curve(steepness: steepness).suggestion(rule))
            #expect(rate > 0 && rate < 5 / steepness, "\(rule)")
        }
    }

    @Test func aLossThatNeverFallsSuggestsNothing() {
        var curve = LearningRateCurve(level: 1)
        for step in 0..<50 { curve.add(rate: pow(1.1, Double(step)), loss: 1 + Double(step)) }
        for rule in LearningRateCurve.Rule.allCases { #expect(curve.suggestion(rule) == nil, "\(rule)") }
        #expect(LearningRateCurve(level: 1).suggestion(.steepest) == nil)
        #expect(curve.add(rate: 1, loss: .nan) == false)
        #expect(curve.add(rate: 1, loss: 1e9) == false)
    }

    /// On a copy of the state, with the run's own batches: the run that follows is the same as without.
    @Test func aRunIsTestedAndStaysAsItIs() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), normalization: Normalization(.batchRenorm))
        run.configuration.unfreezing = try Unfreezing(parsing: "head for 5 steps, all")
        var test = LearningRateTest()
        test.steps = 40
        let found = try await test.run(run.trainer())
        #expect(found == (try await test.run(run.trainer())))
        #expect(found.rate > 1e-4 && found.rate < 5, "\(found.rate)")
        #expect(found.curves.map(\.parts) == ["head", "all"])
        #expect(found.curves[0].curve.points.count <= 40)
        let lines = found.csv.split(separator: "\n")
        #expect(lines[0] == "stage,step,learning_rate,loss,untrained_loss,smoothed_loss")
        #expect(lines.count == 1 + found.curves.map(\.curve.points.count).reduce(0, +))
        #expect(!FileManager.default.fileExists(atPath: folder.appending("run").path))
        var trainer = try run.trainer()
        trainer.learningRates = found.csv
        try await trainer.run()
        #expect(try String(contentsOf: run.folder!.learningRates, encoding: .utf8) == found.csv)
        var other = run
        other.folder = RunFolder(folder.appending("other"))
        try await other.finish()
        #expect(try (run.folder!.arrays(\.last) == other.folder!.arrays(\.last)) == true)
    }
}
