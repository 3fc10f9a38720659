import Foundation
import Renorm
import Synchronization
import Testing

/// Statistics that stand still from a step on: to the bit, while parameters move, and the same when a run goes on.
@Suite struct FrozenStatisticsTests {
    private static let kinds = [
        TinyRun.renorm, Normalization(.batchRenorm), Normalization(.batch(examples: 4)),
    ]

    private final class States: Sendable {
        let all = Mutex<[Int: Variables]>([:])
    }

    @Test(arguments: engines.indices, kinds.indices)
    func statisticsStandAndParametersMove(_ engine: Int, _ kind: Int) async throws {
        let states = States()
        var run = try TinyRun(normalization: Self.kinds[kind])
        run.configuration.statisticsFrozenFrom = 13
        run.configuration.options.parameterAveragingRate = 0.5
        run.configuration.accumulation = engine == 0 ? 2 : 1
        run.engine = HookedEngine(
            base: engines[engine],
            after: { step, store in
                let state = try store.read()
                states.all.withLock { $0[step] = state }
            })
        let (events, error) = try await run.events()
        #expect(error == nil)
        let stages = events.compactMap { if case .stage(let report) = $0 { report } else { nil } }
        #expect(stages.map(\.step) == [0, 13] && stages.map(\.statisticsAreFrozen) == [false, true])
        let found = states.all.withLock { $0 }
        for (path, variable) in try #require(found[12]).ofKinds([.statistic, .counter]) {
            let last = try #require(found[19]?[path])
            #expect((last.value == variable.value) == true, "\(path) stands from step 13 on")
            if variable.kind == .statistic, !path.hasSuffix("gains") {
                #expect((found[11]![path]!.value == variable.value) == false, "\(path) moved before")
            }
            // What evaluations use comes to what training is normalized with: 0.5⁷ of the distance is left.
            let average = TrainingGraph.averagePath(of: path)
            guard let before = found[12]?[average], let after = found[19]?[average] else { continue }
            let distances = [before, after].map { average in
                zip(average.value.doubles, variable.value.doubles).map { abs($0 - $1) }.max() ?? 0
            }
            #expect(distances[1] <= distances[0] * 0.01 + 1e-6, "\(path)")
        }
        for (path, variable) in found[12]!.ofKinds([.parameter]) {
            #expect((found[19]![path]!.value == variable.value) == false, "\(path)")
        }
    }

    /// The loss of a step from there on is that of inference, which a tracing in that phase gives.
    @Test func trainingGivesWhatInferenceGives() async throws {
        let states = States()
        final class Feeds: Sendable { let all = Mutex<[Int: (images: NDArray, labels: NDArray)]>([:]) }
        let fed = Feeds()
        var run = try TinyRun()
        run.configuration.statisticsFrozenFrom = 8
        run.configuration.options.labelSmoothing = 0
        run.engine = HookedEngine(
            before: { step, feeds in
                let pair = (
                    images: feeds.first { $0.shape.rank == 4 }!, labels: feeds.first { $0.type == .i32 }!
                )
                fed.all.withLock { $0[step] = pair }
            },
            after: { step, store in
                let state = try store.read()
                states.all.withLock { $0[step] = state }
            })
        let (events, _) = try await run.events()
        for step in [8, 13, 19] {
            let state = states.all.withLock { $0[step - 1]! }
            let pair = fed.all.withLock { $0[step]! }
            var model = try run.configuration.architecture!.makeModel(seed: 0)
            for path in model.variables.paths { model.variables[path]?.value = state[path]!.value }
            let engine = ReferenceEngine()
            let graph = try EvaluationGraph(model, batch: 8, phase: .inference).graph
            let runner = try GraphRunner(graph, on: engine)
            runner.feed("images", pair.images)
            runner.feed("labels", pair.labels)
            try runner.run(on: engine.makeStore(model.variables))
            let losses = try runner.result("losses").doubles
            let loss = try #require(events.steps.first { $0.step == step + 1 }?.loss)
            #expect(abs(losses.reduce(0, +) / 8 - loss) < 1e-5)
        }
    }

    @Test("killed before, at and after the step", arguments: engines.indices, [12, 13, 14, 17])
    func resumes(_ engine: Int, _ step: Int) async throws {
        let folder = try TemporaryFolder()
        for (index, kind) in Self.kinds.enumerated() {
            var run = try TinyRun(folder.appending("run \(index)"), normalization: kind)
            run.configuration.statisticsFrozenFrom = 13
            run.configuration.unfreezing = try Unfreezing(parsing: "head for 4 steps, all")
            run.configuration.options.parameterAveragingRate = 0.2
            run.configuration.checkpointEvery = 1
            run.configuration.patience = 3
            run.engine = HookedEngine.dying(atStep: step, engines[engine])
            let (_, error) = try await run.events()
            #expect(error is HookedEngine.Killed)
            run.engine = engines[engine]
            let (events, none) = try await run.events(resumes: true)
            #expect(none == nil && events.steps.map(\.step) == Array(step + 1...20))
            var whole = run
            whole.folder = RunFolder(folder.appending("whole \(index)"))
            try await whole.finish()
            for file in [\RunFolder.last, \.best, \.model] {
                let (one, other) = try (run.folder!.arrays(file), whole.folder!.arrays(file))
                #expect((one == other) == true, "\(kind) \(file)")
                #expect(try run.folder!.record(file).overrides.isEmpty, "the schedule leaves nothing frozen")
            }
        }
    }

    @Test func anotherStepIsAnotherRun() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.configuration.statisticsFrozenFrom = 13
        run.engine = HookedEngine.dying(atStep: 6)
        _ = try await run.events()
        run.engine = ReferenceEngine()
        run.configuration.statisticsFrozenFrom = 15
        let (_, error) = try await run.events(resumes: true)
        #expect("\(try #require(error))".contains("statisticsFrozenFrom: saved 13, given 15"))
    }

    @Test(arguments: [0, -3, TrainingLimits.steps + 1])
    func stepsOutOfRangeAreRefused(_ step: Int) throws {
        var configuration = try TinyRun().configuration
        configuration.statisticsFrozenFrom = step
        #expect(throws: TrainingError.self) { try configuration.check() }
    }

    @Test func aNetworkWithoutAveragesIsRefused() async throws {
        var run = try TinyRun(normalization: Normalization(.layer))
        run.configuration.statisticsFrozenFrom = 5
        let (_, error) = try await run.events()
        #expect("\(try #require(error))".contains("keep no averages"))
    }

    @Test func aStepThatIsNeverReachedIsSaid() async throws {
        var run = try TinyRun()
        run.configuration.statisticsFrozenFrom = 50
        let (events, error) = try await run.events()
        #expect(error == nil && events.warnings.contains { $0.contains("frozen from step 50") })
    }
}
