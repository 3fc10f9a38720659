import Foundation
import Renorm
import RenormTestSupport
import Testing

import RenormOneDNN

/// A step on N small batches of b examples is a step on one batch of N · b that is normalized in groups of b.
@Suite struct AccumulationTests {
    /// What is trained and how; the small batch has 4 examples.
    struct Case: Sendable, CustomStringConvertible {
        var normalization: Normalization
        var options: TrainingOptions

        var description: String { "\(normalization.summary), \(options.optimizer.name)" }
    }

    static let sgd = TrainingOptions(
        optimizer: .sgd(momentum: 0.9, nesterov: true), learningRate: .linear([(0, 0.05), (4, 0.01)]),
        weightDecay: 0.01, labelSmoothing: 0.1, clipNorm: 0.5, parameterAveragingRate: 0.3)
    static let adam = TrainingOptions(
        optimizer: .adamW(epsilon: 1e-3), learningRate: .constant(0.01), weightDecay: 0.1)
    static let limits = Limits.ramp(from: 0, rMax: 3, at: 2, dMax: 5, at: 2)
    static let cases = [
        Case(normalization: Normalization(.batch), options: sgd),
        Case(normalization: Normalization(.batch), options: adam),
        Case(normalization: Normalization(.batchRenorm(.limits(limits))), options: sgd),
        Case(normalization: Normalization(.batchRenorm(.limits(limits))), options: adam),
        Case(normalization: Normalization(.batchRenorm(.limits(limits), examples: 2)), options: sgd),
        Case(normalization: Normalization(.group(2)), options: sgd),
        Case(normalization: Normalization(.group(2)), options: adam),
    ]
    static let small = 4

    static func model(_ normalization: Normalization) throws -> Model {
        try Model(Small(classes: 3, width: 0.125, normalization: normalization), input: [8, 8, 1])
    }

    static func images(_ step: Int, count: Int) -> NDArray {
        randomArray([count, 8, 8, 1], seed: UInt64(step + 1), mean: 0.4, deviation: 1.3, type: .f32)
    }

    static func labels(_ step: Int, count: Int) -> NDArray {
        randomLabels(count, classes: 3, seed: UInt64(step + 1))
    }

    /// A step that follows others gives the same bits as one that a run which goes on begins with: neither may compute with
    /// weights that lie otherwise.
    @Test(arguments: [(28, 8), (28, 2), (12, 4)], [1, 2])
    func goesOnWithTheSameBits(size: (side: Int, batch: Int), threads: Int) throws {
        let shape: TensorShape = [64, size.side, size.side, 1]
        let pixels = (0..<shape.elementCount).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 5) }
        let dataset = try Dataset(
            name: "pixels", images: NDArray(pixels, shape: shape), labels: (0..<64).map { Int32($0 % 3) },
            classNames: ["a", "b", "c"])
        let model = try Model(
            Small(classes: 3, width: 0.25, normalization: Normalization(.batchRenorm(.limits(Self.limits)))),
            input: [size.side, size.side, 1])
        let graph = try TrainingGraph(model, batch: size.batch, accumulation: 2, options: Self.sgd)
        let engine = try OneDNNEngine(threads: threads)
        let sampler = try BatchSampler(.shuffled, dataset: dataset, batchSize: 2 * size.batch, seed: 1)
        func states(_ initial: Variables, from first: Int, to end: Int) throws -> [Variables] {
            let store = try engine.makeStore(initial)
            let step = try TrainingStep(graph, on: engine)
            let loader = try BatchLoader(
                dataset: dataset, scaling: InputScaling(of: dataset), sampler: sampler, from: first, parts: 2)
            return try (first..<end).map { number in
                _ = try step.run(loader, step: number, on: store)
                return try store.read()
            }
        }
        let whole = try states(graph.initialState(of: model), from: 0, to: 3)
        #expect(try states(whole[0], from: 1, to: 3) == Array(whole.dropFirst()))
    }

    /// The variables after some steps, and what each step said: loss and norm of the gradients.
    private func accumulated(_ setting: Case, _ count: Int, steps: Int, on engine: any Engine) throws -> (
        Variables, said: [Double]
    ) {
        let model = try Self.model(setting.normalization)
        let training = try TrainingGraph(
            model, batch: Self.small, accumulation: count, options: setting.options)
        let store = try engine.makeStore(training.initialState(of: model))
        let gather = try engine.compile(training.graph)
        let update = try engine.compile(#require(training.update))
        var said: [Double] = []
        for step in 0..<steps {
            let images = Self.images(step, count: count * Self.small)
            let labels = Self.labels(step, count: count * Self.small)
            var loss = 0.0
            for place in 0..<count {
                let rows = place * Self.small..<(place + 1) * Self.small
                let feeds = [
                    "images": images.rows(rows), "labels": labels.rows(rows),
                    "place": NDArray(scalar: Float(place)),
                ]
                loss += try gather.run(feeds, step: step, on: store)["loss"]!.doubles[0] / Double(count)
            }
            said += [loss, try update.run(step: step, on: store)["gradient_norm"]!.doubles[0]]
        }
        return (try store.read().filter { $1.kind != .accumulator }, said)
    }

    private func whole(_ setting: Case, _ count: Int, steps: Int, on engine: any Engine) throws -> (
        Variables, said: [Double]
    ) {
        var normalization = setting.normalization
        normalization.examples = normalization.examples ?? Self.small
        let model = try Self.model(normalization)
        let batch = count * Self.small
        let training = try TrainingGraph(model, batch: batch, options: setting.options)
        let store = try engine.makeStore(training.initialState(of: model))
        let executable = try engine.compile(training.graph)
        var said: [Double] = []
        for step in 0..<steps {
            let results = try executable.run(
                ["images": Self.images(step, count: batch), "labels": Self.labels(step, count: batch)],
                step: step, on: store)
            said += [results["loss"]!.doubles[0], results["gradient_norm"]!.doubles[0]]
        }
        return (try store.read(), said)
    }

    private func expectEqual(
        _ setting: Case, _ count: Int, steps: Int, on engine: any Engine, tolerance: Double
    ) throws {
        let (found, said) = try accumulated(setting, count, steps: steps, on: engine)
        let (expected, expectedSaid) = try whole(setting, count, steps: steps, on: engine)
        #expect(Set(found.paths) == Set(expected.paths))
        for (path, variable) in expected {
            #expect(found[path]?.kind == variable.kind)
            let problem = mismatch(
                found[path]!.value, variable.value, tolerance: tolerance, absolute: tolerance * 1e-2, of: path
            )
            #expect(problem == nil)
        }
        for (a, b) in zip(said, expectedSaid) { #expect(abs(a - b) <= tolerance * abs(b)) }
    }

    @Test("in f64, to its rounding", arguments: cases, [2, 3, 4])
    func reference(_ setting: Case, count: Int) throws {
        try expectEqual(
            setting, count, steps: 4, on: ReferenceEngine(precision: .f64), tolerance: 1e-11)
    }

    @Test("on the fast engine, to the rounding of f32", arguments: cases, [2, 3, 4])
    func oneDNN(_ setting: Case, count: Int) throws {
        try expectEqual(setting, count, steps: 3, on: OneDNNEngine(threads: 2), tolerance: 2e-4)
    }

    @Test(
        "the first step of batch renorm sets the averages by the mean of its small batches, r = 1 and d = 0")
    func firstStep() throws {
        let setting = Case(
            normalization: Normalization(.batchRenorm(.limits(.open))), options: Self.sgd)
        try expectEqual(setting, 3, steps: 1, on: ReferenceEngine(precision: .f64), tolerance: 1e-12)
        let (found, _) = try accumulated(setting, 3, steps: 1, on: ReferenceEngine(precision: .f64))
        #expect(found["bn1.num_batches_tracked"]?.value.doubles == [1])
        #expect(found["bn1.running_mean"]!.value.doubles.contains { $0 != 0 })
    }

    @Test("automatic limits: statistics get the mean of what each small batch makes of those before the step")
    func automaticLimits() throws {
        let (count, engine) = (3, ReferenceEngine(precision: .f64))
        let setting = Case(normalization: Normalization(.batchRenorm), options: Self.sgd)
        let (before, _) = try accumulated(setting, count, steps: 2, on: engine)
        let (found, said) = try accumulated(setting, count, steps: 3, on: engine)
        let single = try TrainingGraph(
            Self.model(setting.normalization), batch: Self.small, options: setting.options)
        let executable = try engine.compile(single.graph)
        let (images, labels) = (
            Self.images(2, count: count * Self.small), Self.labels(2, count: count * Self.small)
        )
        var (sums, loss) = ([String: [Double]](), 0.0)
        for place in 0..<count {
            let store = try engine.makeStore(before)
            let rows = place * Self.small..<(place + 1) * Self.small
            loss +=
                try executable.run(
                    ["images": images.rows(rows), "labels": labels.rows(rows)], step: 2, on: store)["loss"]!
                .doubles[0] / Double(count)
            for (path, variable) in try store.read() where variable.kind == .statistic {
                let values = variable.value.doubles
                sums[path] = zip(sums[path] ?? values.map { _ in 0 }, values).map { $0 + $1 / Double(count) }
            }
        }
        #expect(sums["bn1.gains"] != nil)
        #expect(abs(said[4] - loss) < 1e-12 * loss)
        for (path, values) in sums {
            for (a, b) in zip(found[path]!.value.doubles, values) {
                #expect(abs(a - b) < 1e-11 * max(abs(b), 1))
            }
        }
    }

    @Test("dropout draws anew for each small batch, and the same for the same")
    func dropout() throws {
        let model = try Model(OwnLayers(), input: [8, 8, 1])
        let training = try TrainingGraph(
            model, batch: 4, accumulation: 2, options: TrainingOptions(learningRate: .constant(0.1)), seed: 5)
        let engine = ReferenceEngine()
        let store = try engine.makeStore(training.initialState(of: model))
        let gather = try engine.compile(training.graph)
        func loss(_ step: Int, _ place: Int) throws -> NDArray {
            let feeds = [
                "images": Self.images(0, count: 4), "labels": Self.labels(0, count: 4),
                "place": NDArray(scalar: Float(place)),
            ]
            return try gather.run(feeds, step: step, on: store)["loss"]!
        }
        let all = try [(0, 0), (0, 1), (1, 0), (1, 1)].map { try loss($0.0, $0.1) }
        for (index, one) in all.enumerated() {
            for other in all[..<index] { #expect(one != other) }
        }
        #expect(try loss(0, 1) == all[1])
    }

    @Test("weights are packed once a step, not for each small batch")
    func packing() throws {
        let engine = try OneDNNEngine(threads: 2)
        let model = try Self.model(Normalization(.batch))
        let training = try TrainingGraph(model, batch: 4, accumulation: 3, options: Self.sgd)
        let store = try engine.makeStore(training.initialState(of: model))
        let gather = try #require(engine.compile(training.graph) as? OneDNNExecutable)
        let update = try engine.compile(#require(training.update))
        for step in 0..<4 {
            for place in 0..<3 {
                let feeds = [
                    "images": Self.images(step, count: 4), "labels": Self.labels(step, count: 4),
                    "place": NDArray(scalar: Float(place)),
                ]
                _ = try gather.run(feeds, step: step, on: store)
                #expect(gather.preparations == step + 1)
            }
            _ = try update.run(step: step, on: store)
        }
    }

    @Test("a step of many small batches takes the memory of one")
    func memory() throws {
        let engine = try OneDNNEngine(threads: 2)
        let model = try Model(
            ResNet(
                blocks: [1, 1], bottlenecks: false, classes: 5, stem: .cifar,
                normalization: Normalization(.batchRenorm)), input: [32, 32, 3])
        func planned(_ batch: Int, _ accumulation: Int) throws -> Int {
            let graph = try TrainingGraph(
                model, batch: batch, accumulation: accumulation, options: Self.sgd)
            let graphs = [graph.graph] + (graph.update.map { [$0] } ?? [])
            return try graphs.reduce(0) { try $0 + engine.compile($1).plannedByteCount }
        }
        let one = try planned(4, 1)
        let eight = try planned(4, 8)
        // Two graphs: the second holds the gradients and changes of all variables once more.
        #expect(Double(eight) < 1.4 * Double(one), "\(one) \(eight)")
        #expect(try planned(32, 1) > 4 * eight)
    }
}

/// The same in runs.
@Suite struct AccumulatedRunTests {
    private func run(_ folder: URL?, _ engine: any Engine, steps: Int = 20) throws -> TinyRun {
        var run = try TinyRun(folder, steps: steps)
        run.engine = engine
        run.configuration.batchSize = 4
        run.configuration.accumulation = 2
        run.configuration.options.parameterAveragingRate = 0.2
        return run
    }

    @Test("a run is the run on whole batches, augmentation, epochs and reports included")
    func equalsGroups() async throws {
        let folder = try TemporaryFolder()
        let engine = ReferenceEngine(precision: .f64)
        let accumulated = try run(folder.appending("accumulated"), engine)
        var grouped = try TinyRun(
            folder.appending("grouped"),
            normalization: Normalization(.batchRenorm(.limits(TinyRun.limits), examples: 4)))
        grouped.engine = engine
        grouped.configuration.options.parameterAveragingRate = 0.2
        let (events, error) = try await accumulated.events()
        let (expected, _) = try await grouped.events()
        #expect(error == nil)
        #expect(events.steps.map(\.step) == expected.steps.map(\.step))
        #expect(events.steps.map(\.epoch) == expected.steps.map(\.epoch))
        #expect(events.steps.map(\.accuracy) == expected.steps.map(\.accuracy))
        #expect(events.steps.map(\.normalization) == expected.steps.map(\.normalization))
        #expect(events.steps.map(\.learningRate) == expected.steps.map(\.learningRate))
        for (a, b) in zip(events.steps, expected.steps) {
            #expect(abs(a.loss - b.loss) < 1e-9 * b.loss)
            #expect(abs(a.gradientNorm - b.gradientNorm) < 1e-8 * b.gradientNorm)
        }
        let (found, wanted) = (
            try accumulated.folder!.arrays(\.last), try grouped.folder!.arrays(\.last)
        )
        #expect(Set(found.keys) == Set(wanted.keys))
        for (path, array) in wanted {
            #expect(mismatch(found[path]!, array, tolerance: 1e-8, absolute: 1e-9, of: path) == nil)
        }
    }

    @Test("killed and resumed: the same bits", arguments: engines.indices)
    func resumed(engine: Int) async throws {
        let folder = try TemporaryFolder()
        var broken = try run(folder.appending("run"), engines[engine])
        // In the second small batch of step 11, when the accumulators are half full.
        broken.engine = HookedEngine(
            base: engines[engine],
            before: { step, feeds in
                if step == 10, feeds.first?.doubles == [1] { throw HookedEngine.Killed() }
            })
        let (_, error) = try await broken.events()
        #expect(error is HookedEngine.Killed)
        #expect(try broken.folder!.record(\.last).step == 8)
        broken.engine = engines[engine]
        try await broken.finish(resumes: true)
        let whole = try run(folder.appending("whole"), engines[engine])
        try await whole.finish()
        for file in [\RunFolder.last, \.best, \.model] {
            #expect(try broken.folder!.arrays(file) == whole.folder!.arrays(file))
        }
    }

    @Test("a small batch that is not finite leaves the whole step undone", arguments: engines.indices)
    func notFinite(engine: Int) async throws {
        let folder = try TemporaryFolder()
        func poisoned(_ name: String, place: Float) throws -> TinyRun {
            var result = try run(folder.appending(name), engines[engine])
            result.configuration.onNonFinite = .skip
            result.engine = HookedEngine(
                base: engines[engine],
                before: { step, feeds in
                    guard step == 6, feeds.first?.doubles == [Double(place)] else { return }
                    feeds[1].withMutableValues(of: Float.self) { $0[5] = .nan }
                })
            return result
        }
        let (first, second) = (try poisoned("first", place: 0), try poisoned("second", place: 1))
        for each in [first, second] {
            let (events, error) = try await each.events()
            #expect(error == nil)
            #expect(events.skips.map(\.step) == [7])
            #expect(events.skips.map(\.path) == ["bn1"])
            #expect(events.steps.map(\.step) == Array(1...20).filter { $0 != 7 })
        }
        // Nothing of the finite half is left, and the next step meets its own batches.
        #expect(try first.folder!.arrays(\.last) == second.folder!.arrays(\.last))

        var stopped = try poisoned("stopped", place: 1)
        stopped.configuration.onNonFinite = .stop
        let (_, error) = try await stopped.events()
        #expect(
            error as? TrainingError
                == .notFinite(step: 7, path: "bn1", checkpoint: stopped.folder!.last.path))
        var six = try run(folder.appending("six"), engines[engine], steps: 20)
        six.configuration.checkpointEvery = 6
        six.engine = HookedEngine.dying(atStep: 6, engines[engine])
        _ = try await six.events()
        #expect(try stopped.folder!.arrays(\.last) == six.folder!.arrays(\.last))
    }

    @Test("another number of small batches is refused by name; a checkpoint from before there was one is not")
    func refused() async throws {
        let folder = try TemporaryFolder()
        var run = try run(folder.appending("run"), ReferenceEngine(), steps: 4)
        try await run.finish()
        #expect(!(try run.folder!.arrays(\.last).keys.contains { $0.contains("accumulated") }))
        run.configuration.accumulation = 4
        let (_, error) = try await run.events(resumes: true)
        #expect("\(error!)".contains("accumulation: saved 2, given 4"))

        let encoded = try Data(JSONCoder.encode(TinyRun().configuration).utf8)
        var old = try #require(JSONSerialization.jsonObject(with: encoded) as? [String: Any])
        #expect(old.removeValue(forKey: "accumulation") != nil)
        var options = try #require(old["options"] as? [String: Any])
        #expect(options.removeValue(forKey: "precision") != nil)
        old["options"] = options
        let decoded = try JSONCoder.decode(
            TrainingConfiguration.self, from: JSONSerialization.data(withJSONObject: old))
        #expect(decoded == (try TinyRun().configuration))
    }

    @Test func epochsCountSteps() {
        func steps(_ accumulation: Int) -> Int {
            TrainingConfiguration.steps(
                epochs: 3, examples: 120, validation: 20, batchSize: 4, accumulation: accumulation)
        }
        #expect(steps(1) == 75)
        #expect(steps(2) == 36)
        #expect(steps(3) == 24)
    }
}
