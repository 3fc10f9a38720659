import Foundation
import Renorm
import Synchronization
import Testing

/// What is seen of normalizations in training: the right numbers, at no cost in bits.
@Suite struct WatchTests {
    private static let kinds = [
        TinyRun.renorm, Normalization(.batchRenorm), Normalization(.batch),
        Normalization(.batch(averagingRate: 0.02, examples: 4)), Normalization(.batchRenorm(examples: 4)),
    ]

    /// What a run has fed and left behind, by step.
    private final class Record: Sendable {
        let images = Mutex<[Int: NDArray]>([:])
        let states = Mutex<[Int: Variables]>([:])
    }

    private func watching(_ run: TinyRun, _ record: Record) -> TinyRun {
        var run = run
        run.engine = HookedEngine(
            base: run.engine,
            before: { step, feeds in
                let images = feeds.first { $0.shape.rank == 4 }!
                record.images.withLock { $0[step] = images }
            },
            after: { step, store in
                let state = try store.read()
                record.states.withLock { $0[step] = state }
            })
        return run
    }

    /// The same, by two tracings side by side of which one has a single layer at inference.
    private func difference(
        of path: String, _ run: TinyRun, state: Variables, images: NDArray, step: Int
    ) throws -> (whole: Double, channels: [Double], moments: [Double]) {
        var model = try run.configuration.architecture!.makeModel(seed: 0)
        for variable in model.variables.paths { model.variables[variable]?.value = state[variable]!.value }
        // Averages stand still in both, for what is compared is one step.
        let training = Phase(statistics: .batch, corrects: true, updatesStatistics: false, dropout: false)
        var switched = model
        switched.overrides.append(Override(PathPattern(path), phase: .inference))
        let builder = GraphBuilder()
        let input = builder.input("images", shape: images.shape)
        let one = try model.trace(input, on: builder, phase: training)
        let other = try switched.trace(input, on: builder, phase: training)
        try builder.fetchDifference(of: one.taps.tap(at: path), from: other.taps.tap(at: path))
        try builder.fetch([.moments], of: one.taps.tap(at: "conv" + path.dropFirst(2)))
        let engine = ReferenceEngine()
        let runner = try GraphRunner(builder.graph.orderedByResults(), on: engine)
        runner.feed("images", images)
        try runner.run(step: step, on: engine.makeStore(model.variables))
        return (
            try runner.result("\(path) difference").doubles[0],
            try runner.result("\(path) differences").doubles,
            try runner.result("conv\(path.dropFirst(2)) moments").doubles
        )
    }

    @Test("against taps of both modes", arguments: kinds.indices)
    func differencesAreThoseOfTheLayer(_ kind: Int) async throws {
        let record = Record()
        var run = try TinyRun(normalization: Self.kinds[kind])
        run.configuration.watchEvery = 5
        let (events, error) = try await watching(run, record).events()
        #expect(error == nil)
        let watches = events.watches
        #expect(watches.map(\.step) == [5, 10, 15, 20])
        for watch in watches {
            #expect(watch.layers.map(\.path) == ["bn1", "bn2", "bn3", "bn4", "bn5"])
            let (step, before) = (watch.step - 1, record.states.withLock { $0[watch.step - 2]! })
            let images = try #require(record.images.withLock { $0[step] })
            for layer in watch.layers {
                let found = try difference(of: layer.path, run, state: before, images: images, step: step)
                #expect(abs(layer.difference - found.whole) < 2e-3 * max(found.whole, 0.1), "\(layer.path)")
                let worst = layer.worstChannel
                #expect(
                    abs(worst.difference - found.channels[worst.channel]) < 0.01 * max(worst.difference, 0.1))
            }
        }
    }

    /// Ioffe's formulas, on moments that a tap gives.
    @Test func correctionsAndLagsAreThePapers() async throws {
        let record = Record()
        var run = try TinyRun()
        run.configuration.watchEvery = 6
        let (events, _) = try await watching(run, record).events()
        for watch in events.watches {
            let (step, before) = (watch.step - 1, record.states.withLock { $0[watch.step - 2]! })
            let images = try #require(record.images.withLock { $0[step] })
            let layer = watch.layers[2]
            let moments = try difference(of: "bn3", run, state: before, images: images, step: step).moments
            let channels = moments.count / 2
            let (mean, deviation) = (
                before["bn3.running_mean"]!.value.doubles, before["bn3.running_std"]!.value.doubles
            )
            let lags = (0..<channels).map { (moments[$0] - mean[$0]) / deviation[$0] }
            let scales = (0..<channels).map { (moments[channels + $0] + 1e-5).squareRoot() / deviation[$0] }
            let (rMax, dMax) = (TinyRun.limits.rMax.value(at: step), TinyRun.limits.dMax.value(at: step))
            func isClose(_ distribution: Distribution?, _ values: [Double]) -> Bool {
                guard let distribution else { return false }
                return abs(distribution.minimum - values.min()!) < 2e-3
                    && abs(distribution.maximum - values.max()!) < 2e-3
            }
            #expect(isClose(layer.meanLag, lags) && isClose(layer.scaleLag, scales))
            let r = scales.map { min(max($0, 1 / rMax), rMax) }
            let d = lags.map { min(max($0, -dMax), dMax) }
            #expect(isClose(layer.r, r) && isClose(layer.d, d))
            if step > 4 {
                let isAt = scales.filter { $0 >= rMax || $0 <= 1 / rMax }
                #expect(abs(layer.rAtLimit! - Double(isAt.count) / Double(channels)) < 1e-3)
            } else {
                #expect(layer.rAtLimit == nil && layer.dAtLimit == nil, "limits are closed")
            }
            let drift = (lags.reduce(0) { $0 + $1 * $1 } / Double(channels)).squareRoot()
            #expect(abs(layer.drift - drift) < 1e-3 * max(drift, 1))
        }
    }

    @Test func gainsComeAlong() async throws {
        var run = try TinyRun(normalization: Normalization(.batchRenorm))
        run.configuration.watchEvery = 10
        let (events, _) = try await run.events()
        let report = try #require(events.watches.last)
        let evaluation = try #require(events.evaluations.last { $0.set == .validation })
        #expect(
            report.layers.map { $0.readings["mean"] } == evaluation.normalizations.map { $0.readings["mean"] }
        )
    }

    @Test("no bit of a run changes", arguments: engines.indices, kinds.indices)
    func bitsStay(_ engine: Int, _ kind: Int) async throws {
        let folder = try TemporaryFolder()
        for (name, change) in [
            ("plain", { _ in }), ("accumulated", { $0.accumulation = 2 }),
            (
                "recomputed",
                {
                    $0.options.memory = .small; $0.options.recomputes = true
                }
            ),
        ] as [(String, (inout TrainingConfiguration) -> Void)] {
            var run = try TinyRun(
                folder.appending("\(name) watched"), normalization: Self.kinds[kind], steps: 10)
            run.engine = engines[engine]
            run.configuration.options.parameterAveragingRate = 0.2
            change(&run.configuration)
            var plain = run
            plain.folder = RunFolder(folder.appending(name))
            run.configuration.watchEvery = 1
            let (events, error) = try await run.events()
            #expect(error == nil)
            #expect(events.watches.count == 10)
            try await plain.finish()
            for file in [\RunFolder.last, \.best, \.model] {
                let (one, other) = try (run.folder!.arrays(file), plain.folder!.arrays(file))
                #expect((one == other) == true, "\(name) \(file)")
            }
        }
    }

    @Test("statistics by source: each batch is compared with its own source's averages")
    func sources() async throws {
        var run = try TinyRun(normalization: Normalization(.batch))
        let parts = [try TinyData.dataset(64), try TinyData.dataset(64, seed: 3, name: "other")]
        run.training = try Dataset(joining: parts)
        run.configuration.sampling = .sourceBlocks(batches: 1)
        run.configuration.statisticsBySource = true
        run.configuration.watchEvery = 2
        let (events, error) = try await run.events()
        #expect(error == nil)
        #expect(events.watches.count == 10)
        #expect(
            events.watches.allSatisfy { $0.layers.count == 5 && $0.layers.allSatisfy(\.difference.isFinite) })
    }

    @Test func normalizationsWithoutAveragesHaveNothingToWatch() async throws {
        var run = try TinyRun(normalization: Normalization(.group(2)))
        run.configuration.watchEvery = 2
        let (events, error) = try await run.events()
        #expect(error == nil && events.watches.isEmpty)
        #expect(events.warnings.contains { $0.contains("nothing to watch") })
    }

    @Test("a layer is warned of once, also when the run goes on", arguments: engines.indices)
    func warnings(_ engine: Int) async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(
            folder.appending("run"), normalization: Normalization(.batch(averagingRate: 0.0005)), steps: 20)
        run.configuration.watchEvery = 1
        run.configuration.checkpointEvery = 1
        run.engine = HookedEngine.dying(atStep: 12, engines[engine])
        let (first, _) = try await run.events()
        let said = first.watches.flatMap(\.warnings)
        let stale = said.filter { $0.reason == .staleAverages }
        #expect(!stale.isEmpty && stale.allSatisfy { $0.step > 3 })
        #expect(Set(said.map { "\($0.layer) \($0.reason)" }).count == said.count)
        for warning in said { #expect(first.warnings.contains { $0.contains(warning.message) }) }
        run.engine = engines[engine]
        let (second, error) = try await run.events(resumes: true)
        #expect(error == nil)
        let again = second.watches.flatMap(\.warnings).filter { new in
            said.contains { $0.layer == new.layer && $0.reason == new.reason }
        }
        #expect(again.isEmpty, "\(again)")
        // What the folder has is what was said.
        let history = try RunHistory(reading: run.folder!)
        #expect(history.watches.map(\.step) == Array(1...20))
        #expect(history.watches.prefix(12).elementsEqual(first.watches))
    }

    @Test("quantiles are NumPy's")
    func quantiles() throws {
        // numpy.quantile([3, 1, 4, 1, 5, 9, 2, 6], levels)
        let distribution = try #require(Distribution([3, 1, 4, 1, 5, 9, 2, 6]))
        #expect(
            distribution.quantiles == [1, 1, 1, 1, 1.75, 2.8, 3.5, 4.2, 5.25, 6.9, 7.95, 8.79, 9])
        #expect(Distribution([]) == nil)
        let json = try JSONCoder.encode(distribution)
        #expect(try JSONCoder.decode(Distribution.self, from: json) == distribution)
        #expect(throws: DecodingError.self) { try JSONCoder.decode(Distribution.self, from: "[1,2,3]") }
        #expect(throws: DecodingError.self) {
            try JSONCoder.decode(Distribution.self, from: "[1,2,3,4,5,6,7,6,9,10,11,12,13]")
        }
    }

    @Test func watchingMayBeginWhenARunGoesOn() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.engine = HookedEngine.dying(atStep: 11)
        _ = try await run.events()
        run.engine = ReferenceEngine()
        run.configuration.watchEvery = 4
        let (events, error) = try await run.events(resumes: true)
        #expect(error == nil)
        #expect(events.watches.map(\.step) == [12, 16, 20])
    }
}

extension [TrainingEvent] {
    fileprivate var watches: [WatchReport] {
        compactMap { if case .watch(let report) = $0 { report } else { nil } }
    }
}
