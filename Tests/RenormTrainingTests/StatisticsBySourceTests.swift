import Foundation
import Renorm
import Testing

/// Training with statistics by source: each source's averages are those that it alone would have given.
@Suite struct StatisticsBySourceTests {
    static let normalizations = [
        Normalization(.batch), Normalization(.batch(examples: 4)), Normalization(.batchRenorm),
        Normalization(.batchRenorm(examples: 4)), TinyRun.renorm,
    ]

    /// Two sources, of which the second is darker and turned inside out.
    private func sources(_ count: Int = 120) throws -> Dataset {
        let first = try TinyData.dataset(count, name: "bright")
        let dark = try TinyData.dataset(count, seed: 3, name: "dark")
        let pixels = dark.images.values(of: UInt8.self).map { UInt8((255 - Int($0)) / 3) }
        let second = try Dataset(
            name: "dark", images: NDArray(pixels, shape: dark.images.shape), labels: dark.labels,
            classNames: dark.classNames)
        return try Dataset(joining: [first, second])
    }

    private func makeRun(_ folder: URL? = nil, _ normalization: Normalization = Normalization(.batchRenorm))
        throws
        -> TinyRun
    {
        var run = try TinyRun(folder, normalization: normalization)
        run.training = try sources()
        run.test = try sources(30)
        run.configuration.sampling = .sourceBlocks(batches: 2)
        run.configuration.statisticsBySource = true
        return run
    }

    /// Steps with a learning rate of 0, of which statistics are all that remains.
    private func statistics(
        _ model: Model, _ engine: any Engine, _ batches: [(step: Int, images: NDArray, source: Int)],
        domains: Int?,
        accumulation: Int
    ) throws -> Variables {
        let options = TrainingOptions(learningRate: .constant(0), parameterAveragingRate: 0.5)
        let graph = try TrainingGraph(
            model, batch: 8, accumulation: accumulation, options: options, domains: domains)
        let store = try engine.makeStore(graph.initialState(of: model))
        let runner = try GraphRunner(graph.graph, on: engine)
        let update = try graph.update.map { try GraphRunner($0, on: engine) }
        for batch in batches {
            for place in 0..<accumulation {
                runner.feed("images", batch.images.rows(place * 8..<place * 8 + 8))
                runner.feed("labels", NDArray([Int32](repeating: 1, count: 8), shape: [8]))
                if let domains {
                    runner.feed(
                        "domain",
                        NDArray((0..<domains).map { $0 == batch.source ? Float(1) : 0 }, shape: [domains]))
                }
                if accumulation > 1 { runner.feed("place", NDArray(scalar: Float(place))) }
                try runner.run(step: batch.step, on: store)
            }
            try update?.run(step: batch.step, on: store)
        }
        return try store.read()
    }

    @Test(arguments: engines.indices, [1, 2])
    func eachSourceHasWhatItAloneWouldHave(engine: Int, accumulation: Int) throws {
        let engine = engines[engine]
        for normalization in Self.normalizations {
            let model = try Architecture(
                name: "small:0.125", classes: 3, input: [8, 8, 1], normalization: normalization
            ).makeModel(seed: 1)
            var random = Random(seed: 9, stream: "images")
            let batches = [0, 2, 0, 0, 2].enumerated().map { step, source in
                let values = (0..<16 * 64).map { _ in Float(random.normal() * Double(1 + source)) }
                return (step: step, images: NDArray(values, shape: [16, 8, 8, 1]), source: source)
            }
            let all = try statistics(model, engine, batches, domains: 3, accumulation: accumulation)
            for source in [0, 1, 2] {
                let alone = try statistics(
                    model, engine, batches.filter { $0.source == source }, domains: nil,
                    accumulation: accumulation)
                for (path, variable) in alone where [.statistic, .counter].contains(variable.kind) {
                    let own = all[path]!.value.rows(source..<source + 1).doubles
                    let gap = zip(own, variable.value.doubles).reduce(0) { max($0, abs($1.0 - $1.1)) }
                    #expect(gap <= 1e-5, "\(normalization.kind.word) \(path) of source \(source)")
                }
            }
            for (path, variable) in model.variables where variable.kind == .parameter {
                #expect(all[path]?.value == variable.value)
            }
        }
    }

    @Test(arguments: engines.indices, [Normalization(.batch), Normalization(.batchRenorm(examples: 4))])
    func goesOnToTheSameBits(engine: Int, normalization: Normalization) async throws {
        let folder = try TemporaryFolder()
        var run = try makeRun(folder.appending("run"), normalization)
        run.configuration.options.parameterAveragingRate = 0.2
        run.configuration.accumulation = normalization.examples == nil ? 2 : 1
        run.engine = HookedEngine.dying(atStep: 11, engines[engine])
        let (_, error) = try await run.events()
        #expect(error is HookedEngine.Killed)
        run.engine = engines[engine]
        try await run.finish(resumes: true)
        var whole = run
        whole.folder = RunFolder(folder.appending("whole"))
        try await whole.finish()
        for file in [\RunFolder.last, \.best, \.model] {
            let (one, other) = (try run.folder!.arrays(file), try whole.folder!.arrays(file))
            #expect((one == other) == true)
            #expect(try run.folder!.record(file).test == whole.folder!.record(file).test)
        }
    }

    @Test func aSavedNetworkHasEachSourceAndAllTogether() async throws {
        let folder = try TemporaryFolder()
        let run = try makeRun(folder.appending("run"), Normalization(.batch))
        try await run.finish()
        let trained = try TrainedModel(reading: run.folder!.model)
        #expect(trained.domains.map(\.name) == ["bright", "dark"])
        // A state says the same.
        let state = try TrainedModel(reading: run.folder!.best)
        #expect((state.model.variables == trained.model.variables) == true)
        #expect((state.domains == trained.domains) == true)
        for record in try trained.model.tracedNormalizations() {
            func values(_ name: String, _ variables: Variables) -> [Double] {
                variables["\(record.path).\(name)"]!.value.doubles
            }
            let parts = trained.domains.map(\.statistics)
            let counts = parts.map { values("num_batches_tracked", $0)[0] }
            let weights = counts.map { $0 / counts.reduce(0, +) }
            #expect(values("num_batches_tracked", trained.model.variables) == [counts.reduce(0, +)])
            let mean = values("running_mean", trained.model.variables)
            let variance = values("running_var", trained.model.variables)
            for channel in mean.indices {
                // Σ w·E[x²] − (Σ w·E[x])².
                let means = parts.map { values("running_mean", $0)[channel] }
                let variances = parts.map { values("running_var", $0)[channel] }
                let first = zip(weights, means).reduce(0) { $0 + $1.0 * $1.1 }
                let second = weights.indices.reduce(0) {
                    $0 + weights[$1] * (variances[$1] + means[$1] * means[$1])
                }
                #expect(abs(mean[channel] - first) < 1e-5)
                #expect(abs(variance[channel] - (second - first * first)) < 1e-4)
            }
        }
        // Examples are evaluated with what their source has.
        let test = run.test!
        let evaluator = Evaluator(run.engine)
        let measured = try await evaluator.evaluate(trained, on: test)
        #expect(measured == trained.record.test)
        var right = 0
        for (source, domain) in trained.domains.enumerated() {
            let own = test.subset(
                test.sourceOfExamples.indices.filter { test.sourceOfExamples[$0] == source })
            let evaluation = try await evaluator.evaluate(
                domain.applied(to: trained.model), on: own, scaling: trained.scaling)
            right += evaluation.classes.reduce(0) { $0 + $1.correct }
        }
        #expect(Double(right) / Double(test.count) == measured.accuracy)
        // Those of a source that is not known, with what all together have.
        let other = try TinyData.dataset(30, seed: 8, name: "other")
        #expect(
            try await evaluator.evaluate(trained, on: other)
                == evaluator.evaluate(trained.model, on: other, scaling: trained.scaling))
    }

    @Test func eachExampleIsMeasuredUnderItsNumber() async throws {
        let folder = try TemporaryFolder()
        let run = try makeRun(folder.appending("run"))
        try await run.finish()
        let trained = try TrainedModel(reading: run.folder!.model)
        let seen = Seen()
        _ = try await Evaluator(run.engine).measure(trained, on: run.test!) { seen.add($0.index, $0.label) }
        #expect(seen.labels.count == run.test!.count)
        #expect(seen.labels.allSatisfy { Int(run.test!.labels[$0.key]) == $0.value })
    }

    @Test func whatCannotBeIsRefused() async throws {
        var mixed = try makeRun()
        mixed.configuration.sampling = .shuffled
        var single = try makeRun()
        single.training = try TinyData.dataset(120)
        let without = try makeRun(nil, Normalization(.layer))
        for (run, found) in [(mixed, "shuffled"), (single, "one source"), (without, "no averages")] {
            let (_, error) = try await run.events()
            #expect("\(try #require(error))".contains(found))
        }
    }

    @Test func namesAreThoseOfSources() throws {
        let one = try TinyData.dataset(3, name: "a/camera 1")
        let other = try TinyData.dataset(3, name: "a/camera 1, test")
        #expect(try Dataset(joining: [one, other]).domainNames == ["a_camera_1", "a_camera_1_2"])
    }
}

private final class Seen: @unchecked Sendable {
    // Added to by the one thread that evaluates.
    private(set) var labels: [Int: Int] = [:]
    func add(_ index: Int, _ label: Int) { labels[index] = label }
}
