import Foundation
import Renorm
import Testing

/// Training that ends when evaluations find nothing better.
@Suite struct EarlyStoppingTests {
    /// A run that learns nothing, evaluated every second step: its first evaluation stays the best.
    private func still(_ folder: URL, patience: Int?) throws -> TinyRun {
        var run = try TinyRun(folder, normalization: Normalization(.group(2)))
        run.configuration.options.learningRate = .constant(0)
        run.configuration.evaluateEvery = 2
        run.configuration.patience = patience
        return run
    }

    /// Step, evaluations without a better one, and best step of each event that says that training ends.
    private func stops(_ events: [TrainingEvent]) -> [[Int?]] {
        events.compactMap {
            if case .stoppedEarly(let stop) = $0 {
                [stop.step, stop.evaluations, stop.bestStep]
            } else {
                nil
            }
        }
    }

    @Test func soManyEvaluationsWithoutABetterOneEndTraining() async throws {
        let folder = try TemporaryFolder()
        let run = try still(folder.appending("run"), patience: 2)
        let (events, error) = try await run.events()
        #expect(error == nil)
        #expect(events.evaluations.filter { $0.set == .validation }.map(\.step) == [2, 4, 6])
        #expect(stops(events) == [[6, 2, 2]])
        let summary = try #require(events.summary)
        #expect(summary.steps == 6 && summary.chosenStep == 2 && summary.test != nil)
        #expect(events.checkpoints.contains { $0.reason == .end && $0.step == 6 })
        let record = try run.folder!.record(\.last)
        #expect(record.step == 6 && record.evaluationsSinceBest == 2)
        // What is kept for use is the best.
        #expect(try run.folder!.record(\.model).step == 2)
    }

    @Test func aRunThatHasEndedSaysSoAndGoesOnWithMorePatience() async throws {
        let folder = try TemporaryFolder()
        var run = try still(folder.appending("run"), patience: 2)
        try await run.finish()
        func kept() throws -> [String: Data] {
            // The history says that there was a session.
            try contents(of: run.folder!.url).filter { $0.key != "history.jsonl" }
        }
        let before = try kept()
        let again = try await run.events(resumes: true)
        #expect(again.error == nil && again.events.steps.isEmpty)
        #expect(stops(again.events) == [[6, 2, 2]])
        #expect(again.events.summary?.chosenStep == 2)
        #expect((try kept() == before) == true)
        run.configuration.patience = 4
        let more = try await run.events(resumes: true)
        #expect(more.events.steps.map(\.step) == [7, 8, 9, 10])
        #expect(stops(more.events) == [[10, 4, 2]])
        // Less patience than has gone by ends it at once.
        run.configuration.patience = 1
        #expect(try await run.events(resumes: true).events.steps.isEmpty)
        run.configuration.patience = nil
        let rest = try await run.events(resumes: true)
        #expect(rest.events.steps.last?.step == 20 && stops(rest.events).isEmpty)
    }

    /// Killed anywhere, also between a best state and the checkpoint after it, a run ends where it would have.
    @Test(arguments: [2, 4, 6, 7, 9, 10, 11])
    func aKilledRunEndsWhereItWouldHave(step: Int) async throws {
        let folder = try TemporaryFolder()
        func run(_ name: String) throws -> TinyRun {
            var run = try TinyRun(folder.appending(name))
            run.configuration.options.learningRate = .constant(0.3)
            run.configuration.evaluateEvery = 1
            run.configuration.checkpointEvery = 5
            run.configuration.patience = 2
            return run
        }
        let whole = try run("whole")
        let expected = try await whole.events().events
        let stop = try #require(stops(expected).first)
        let end = try #require(stop[0])
        #expect(end < 20 && end > 4)
        var killed = try run("killed")
        killed.engine = HookedEngine.dying(atStep: step)
        _ = try await killed.events()
        killed.engine = ReferenceEngine()
        let (events, error) = try await killed.events(resumes: true)
        #expect(error == nil)
        #expect(stops(events) == [stop])
        for file in [\RunFolder.last, \.best, \.model] {
            #expect(try killed.folder!.arrays(file) == whole.folder!.arrays(file))
        }
    }

    @Test func recordsOfEarlierVersionsHaveCountedNothing() async throws {
        let folder = try TemporaryFolder()
        let run = try still(folder.appending("run"), patience: 2)
        try await run.finish()
        var json = try #require(
            JSONSerialization.jsonObject(with: Data(JSONCoder.encode(run.folder!.record(\.last)).utf8))
                as? [String: Any])
        #expect(json.removeValue(forKey: "evaluationsSinceBest") != nil)
        let text = String(decoding: try JSONSerialization.data(withJSONObject: json), as: UTF8.self)
        #expect(try JSONCoder.decode(CheckpointRecord.self, from: text).evaluationsSinceBest == nil)
    }
}
