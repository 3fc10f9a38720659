import Foundation
import Renorm
import Testing

/// Batches that are not finite somewhere.
@Suite struct NonFiniteTests {
    @Test("stops before anything is updated, naming step and layer", arguments: engines.indices)
    func stops(engine: Int) async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.engine = HookedEngine.poisoned(atSteps: [6], engines[engine])
        let (events, error) = try await run.events()
        let last = run.folder!.last
        #expect(
            error as? TrainingError == .notFinite(step: 7, path: "bn1", checkpoint: last.path))
        let message = "\(error!)"
        #expect(message.contains("Step 7: 'bn1' is not finite"))
        #expect(message.contains(last.path))
        #expect(message.contains("let such batches be skipped"))
        #expect(events.steps.map(\.step) == Array(1...6))
        #expect(events.checkpoints.last?.reason == .nonFinite)

        // The state saved is that of the six steps before.
        let record = try run.folder!.record(\.last)
        #expect(record.step == 6)
        var other = try TinyRun(folder.appending("six"))
        other.engine = HookedEngine.dying(atStep: 6, engines[engine])
        other.configuration.checkpointEvery = 6
        _ = try await other.events()
        #expect(try run.folder!.arrays(\.last) == other.folder!.arrays(\.last))
    }

    @Test(
        "skips, counts and goes on; stopped and resumed with other policy the same",
        arguments: engines.indices)
    func skips(engine: Int) async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.engine = HookedEngine.poisoned(atSteps: [6, 7, 15], engines[engine])
        run.configuration.onNonFinite = .skip
        let (events, error) = try await run.events()
        #expect(error == nil)
        #expect(events.skips.map(\.step) == [7, 8, 16])
        #expect(events.skips.map(\.total) == [1, 2, 3])
        #expect(events.skips.allSatisfy { $0.path == "bn1" })
        #expect(events.steps.map(\.step) == Array(1...20).filter { ![7, 8, 16].contains($0) })
        #expect(events.summary?.skippedBatches == 3)
        #expect(try run.folder!.record(\.last).skippedBatches == 3)
        let arrays = try run.folder!.arrays(\.last)
        for (path, array) in arrays where array.type == .f32 {
            #expect(array.floats.allSatisfy { $0.isFinite }, "\(path)")
        }
        // Skipped batches are not counted by the layers.
        #expect(arrays["bn1.num_batches_tracked"] == NDArray(scalar: Int64(17)))

        var stopped = try TinyRun(folder.appending("stopped"))
        stopped.engine = run.engine
        let (_, first) = try await stopped.events()
        #expect(first is TrainingError)
        stopped.configuration.onNonFinite = .skip
        try await stopped.finish(resumes: true)
        #expect(try stopped.folder!.arrays(\.last) == arrays)
    }

    @Test("the schedules go on over skipped batches")
    func schedules() async throws {
        var run = try TinyRun()
        run.engine = HookedEngine.poisoned(atSteps: [1, 2, 3])
        run.configuration.onNonFinite = .skip
        let steps = try await run.events().events.steps
        #expect(steps[1].step == 5)
        #expect(steps[1].learningRate == run.configuration.options.learningRate.value(at: 4))
        #expect(steps[1].normalization["r_max"] == TinyRun.limits.rMax.value(at: 4))
    }

    @Test("gives up when nothing is finite any more")
    func neverFinite() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), steps: 200)
        run.engine = HookedEngine.poisoned(atSteps: Set(30..<200))
        run.configuration.onNonFinite = .skip
        let (events, error) = try await run.events()
        #expect(events.skips.count == TrainingLimits.skipsInARow)
        #expect(
            error as? TrainingError
                == .neverFinite(
                    step: 30 + TrainingLimits.skipsInARow, path: "bn1", batches: TrainingLimits.skipsInARow,
                    checkpoint: run.folder!.last.path))
        // The averages of batch renorm are those of the 30 batches that were finite.
        #expect(
            try run.folder!.arrays(\.last)["bn1.num_batches_tracked"] == NDArray(scalar: Int64(30)))
    }
}
