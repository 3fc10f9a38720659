import Foundation
import Renorm
import Testing

/// A run that was stopped in whatever way and went on ends with the same bits as one that was not.
@Suite struct ResumeTests {
    static let normalizations = [TinyRun.renorm, Normalization(.batch(examples: 4)), Normalization(.layer)]

    /// Two runs' results: every array of every file.
    private func expectEqualResults(_ a: RunFolder, _ b: RunFolder) throws {
        for file in [\RunFolder.last, \.best, \.model] {
            #expect(try a.arrays(file) == b.arrays(file))
            let (one, other) = (try a.record(file), try b.record(file))
            #expect(one.step == other.step)
            #expect(one.best == other.best)
            #expect(one.validation == other.validation)
            #expect(one.test == other.test)
            #expect(one.skippedBatches == other.skippedBatches)
        }
    }

    private func uninterrupted(_ run: TinyRun, _ folder: URL) async throws -> RunFolder {
        var run = run
        if let hooked = run.engine as? HookedEngine { run.engine = hooked.base }
        run.folder = RunFolder(folder)
        let summary = try await run.finish()
        #expect(summary.steps == run.configuration.steps)
        return RunFolder(folder)
    }

    @Test("cancelled in the middle of r_max's warm-up", arguments: engines.indices, [1, 4, 7, 10, 19])
    func cancelled(engine: Int, step: Int) async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.engine = engines[engine]
        let events = try await run.interrupt(afterStep: step)
        let interruption = try #require(events.interruption)
        // The step under way when the task was cancelled may have been about to start, or be made.
        #expect([step, step + 1].contains(interruption.step))
        #expect(interruption.checkpoint == run.folder?.last)
        #expect(try run.folder?.record(\.last).step == interruption.step)
        try await run.finish(resumes: true)
        try expectEqualResults(
            run.folder!, await uninterrupted(run, folder.appending("whole")))
    }

    @Test(arguments: engines.indices, normalizations)
    func killed(engine: Int, normalization: Normalization) async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), normalization: normalization)
        run.configuration.options.parameterAveragingRate = 0.2
        run.engine = HookedEngine.dying(atStep: 11, engines[engine])
        let (_, error) = try await run.events()
        #expect(error is HookedEngine.Killed)
        #expect(try run.folder?.record(\.last).step == 8)
        run.engine = engines[engine]
        let (events, none) = try await run.events(resumes: true)
        #expect(none == nil)
        #expect(events.steps.map(\.step) == Array(9...20))
        guard case .resumed(8, from: run.folder!.last) = events[0] else {
            Issue.record("first event: \(events[0])")
            return
        }
        try expectEqualResults(run.folder!, await uninterrupted(run, folder.appending("whole")))
    }

    @Test(
        "every optimizer's memory is saved",
        arguments: [
            Optimizer.sgd(momentum: 0.9, nesterov: true), .adamW(), .rmsProp(momentum: 0.5),
        ])
    func optimizers(optimizer: Optimizer) async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.configuration.options.optimizer = optimizer
        run.configuration.options.learningRate = .constant(0.003)
        run.engine = HookedEngine.dying(atStep: 13)
        _ = try await run.events()
        run.engine = ReferenceEngine()
        try await run.finish(resumes: true)
        try expectEqualResults(run.folder!, await uninterrupted(run, folder.appending("whole")))
    }

    @Test("killed between the best checkpoint and the last")
    func killedAfterBest() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.configuration.evaluateEvery = 1
        run.configuration.checkpointEvery = 9
        run.engine = HookedEngine.dying(atStep: 17)
        _ = try await run.events()
        #expect(try run.folder!.record(\.last).step == 9)
        run.engine = ReferenceEngine()
        try await run.finish(resumes: true)
        try expectEqualResults(run.folder!, await uninterrupted(run, folder.appending("whole")))
    }

    @Test("killed before the first checkpoint: starts anew and says so")
    func beforeFirstCheckpoint() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.configuration.evaluateEvery = 2
        run.configuration.checkpointEvery = 50
        run.engine = HookedEngine.dying(atStep: 6)
        _ = try await run.events()
        #expect(!run.folder!.hasCheckpoint)
        run.engine = ReferenceEngine()
        let (events, error) = try await run.events(resumes: true)
        #expect(error == nil)
        guard case .startedAnew(let url) = events[0] else {
            Issue.record("first event: \(events[0])")
            return
        }
        #expect(url == run.folder?.url)
        #expect(events.steps.first?.step == 1)
        try expectEqualResults(run.folder!, await uninterrupted(run, folder.appending("whole")))
    }

    @Test("interrupted again and again")
    func manyTimes() async throws {
        let folder = try TemporaryFolder()
        let run = try TinyRun(folder.appending("run"))
        var step = 0
        var rounds = 0
        while step < run.configuration.steps {
            let events = try await run.interrupt(afterStep: step + 3, resumes: true)
            rounds += 1
            guard let interruption = events.interruption else { break }
            step = interruption.step
        }
        #expect(rounds >= 2)
        try await run.finish(resumes: true)
        try expectEqualResults(run.folder!, await uninterrupted(run, folder.appending("whole")))
    }

    @Test("dropout in layers of a user's own")
    func dropout() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun()
        run.configuration.architecture = nil
        run.configuration.checkpointEvery = 3
        let model = try Model(OwnLayers(), input: [8, 8, 1], seed: 3)
        func trainer(_ name: String, _ engine: any Engine, resumes: Bool = false) -> Trainer {
            Trainer(
                model: model, configuration: run.configuration, engine: engine, training: run.training,
                folder: RunFolder(folder.appending(name)), resumes: resumes)
        }
        await #expect(throws: HookedEngine.Killed.self) {
            try await trainer("run", HookedEngine.dying(atStep: 10)).run()
        }
        try await trainer("run", ReferenceEngine(), resumes: true).run()
        try await trainer("whole", ReferenceEngine()).run()
        let (a, b) = (RunFolder(folder.appending("run")), RunFolder(folder.appending("whole")))
        #expect(try a.arrays(\.last) == b.arrays(\.last))
        #expect(try a.arrays(\.model) == b.arrays(\.model))
        #expect(throws: TrainingError.unknownLayers(path: a.model.path)) {
            try TrainedModel(reading: a.model)
        }
        #expect(try TrainedModel(reading: a.model, layer: OwnLayers()).model.variables.count == 7)
    }

    @Test("a finished run goes on for more steps under the same schedules")
    func extended() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), steps: 8)
        try await run.finish()
        run.configuration.steps = 20
        try await run.finish(resumes: true)
        let whole = try await uninterrupted(run, folder.appending("whole"))
        #expect(try run.folder!.arrays(\.last) == whole.arrays(\.last))
    }

    @Test("a finished run that goes on has nothing to do but to measure and save again")
    func finished() async throws {
        let folder = try TemporaryFolder()
        let run = try TinyRun(folder.appending("run"))
        try await run.finish()
        /// The files but the history, in which this is another session.
        func states() throws -> [String: Data] {
            try contents(of: run.folder!.url).filter { $0.key != run.folder!.history.lastPathComponent }
        }
        let (before, history) = (try states(), try RunHistory(reading: run.folder!))
        let (events, error) = try await run.events(resumes: true)
        #expect(error == nil)
        #expect(events.steps.isEmpty)
        #expect(events.evaluations.map(\.set) == [.test])
        #expect(try states() == before)
        let after = try RunHistory(reading: run.folder!)
        #expect(after.evaluations(on: .test).map(\.step) == history.evaluations(on: .test).map(\.step))
        #expect(after.stretches.map(\.step) == history.stretches.map(\.step))
    }

    @Test("a best checkpoint that is gone or damaged is said, and chosen anew", arguments: [true, false])
    func lostBest(isGone: Bool) async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.engine = HookedEngine.dying(atStep: 9)
        _ = try await run.events()
        let best = run.folder!.best
        if isGone {
            try FileManager.default.removeItem(at: best)
        } else {
            try Data(contentsOf: best).prefix(100).write(to: best)
        }
        run.engine = ReferenceEngine()
        let (events, error) = try await run.events(resumes: true)
        #expect(error == nil)
        #expect(events.warnings.count == 1)
        #expect(events.warnings[0].contains("best.safetensors"))
        #expect(events.evaluations.first?.isBest == true)
        #expect(try run.folder!.record(\.best).step >= 10)
    }
}

/// A network outside the zoo, with dropout.
struct OwnLayers: Layer {
    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var y = try scope.apply("conv", Convolution(4, kernel: 3, bias: false), to: x)
        y = try scope.apply("bn", Normalization(.batch), to: y).relu()
        y = try scope.apply("drop", Dropout(0.3), to: y)
        y = try scope.apply("pool", GlobalAveragePool(), to: y)
        return try scope.apply("head", Dense(3, bias: false), to: y)
    }
}
