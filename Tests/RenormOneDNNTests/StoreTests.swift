import Renorm
import RenormTestSupport
import Testing

/// Variables in the engine's memory: several executables on one store, layouts, guards.
@Suite struct StoreTests {
    let engine: OneDNNEngine

    init() throws { engine = try OneDNNEngine(threads: 2) }

    private func model() throws -> Model {
        try Architecture(
            name: "small", classes: 5, input: [8, 8, 3], normalization: Normalization(.batchRenorm)
        ).makeModel(seed: 1)
    }

    private func training(batch: Int) throws -> Graph {
        try TrainingGraph(model(), batch: batch, options: TrainingOptions(learningRate: .constant(0.05)))
            .graph
    }

    private func feeds(_ batch: Int, seed: Int) -> [NDArray] {
        [
            randomArray([batch, 8, 8, 3], seed: UInt64(seed), type: .f32),
            randomLabels(batch, classes: 5, seed: UInt64(seed)),
        ]
    }

    @Test func readsWhatWasWritten() throws {
        var variables = Variables()
        variables["weight"] = Variable(kind: .parameter, value: randomArray([3, 5], type: .f32))
        variables["steps"] = Variable(kind: .counter, value: NDArray(scalar: Int64(12345)))
        let store = try engine.makeStore(variables)
        #expect(try store.read() == variables)
        let before = store.version
        var more = Variables()
        more["bias"] = Variable(kind: .statistic, value: randomArray([5], type: .f32))
        more["weight"] = Variable(kind: .parameter, value: randomArray([3, 5], seed: 2, type: .f32))
        try store.write(more)
        #expect(store.version > before)
        #expect(try store.read() == variables.merging(more))
        #expect(try store.read("bias") == more["bias"]!.value)
    }

    @Test func refusesWhatDoesNotFit() throws {
        var variables = Variables()
        variables["weight"] = Variable(kind: .parameter, value: randomArray([3, 5], type: .f32))
        let store = try engine.makeStore(variables)
        variables["weight"]!.value = randomArray([5, 3], type: .f32)
        #expect(throws: EngineError.variable(path: "weight", found: "[3, 5]", expected: "[5, 3]")) {
            try store.write(variables)
        }
        #expect(
            throws: EngineError.variable(path: "none", found: "missing", expected: "a variable of the store")
        ) {
            try store.read("none")
        }
        let step = try engine.compile(training(batch: 4))
        var results: [NDArray] = []
        #expect(
            throws: EngineError.variable(path: "conv1.weight", found: "missing", expected: "[32, 3, 3, 3]")
        ) { try step.run(feeds(4, seed: 1), step: 0, on: store, into: &results) }
        #expect(throws: EngineError.foreignStore(engine: "onednn")) {
            let other = try ReferenceEngine().makeStore(training(batch: 4).initialVariables(seed: 1))
            try step.run(feeds(4, seed: 1), step: 0, on: other, into: &results)
        }
    }

    /// Training with two batch sizes and evaluating between gives, to the bit, what the same executables give when each
    /// run gets a store of its own: layouts, bindings and prologues follow the store.
    @Test func executablesShareAStore() throws {
        let graphs = try [training(batch: 4), training(batch: 7), model().graph(batch: 3)]
        let shared = try graphs.map { try engine.compile($0) }
        let alone = try graphs.map { try engine.compile($0) }
        let store = try engine.makeStore(graphs[0].initialVariables(seed: 1))
        var expected = try store.read()
        for (position, choice) in [2, 0, 2, 1, 0, 2, 1, 2].enumerated() {
            let feeds = choice == 2 ? [feeds(3, seed: position)[0]] : feeds([4, 7][choice], seed: position)
            let own = try engine.makeStore(expected)
            var (a, b): ([NDArray], [NDArray]) = ([], [])
            let version = store.version
            try alone[choice].run(feeds, step: position, on: own, into: &a)
            try shared[choice].run(feeds, step: position, on: store, into: &b)
            #expect((store.version > version) == (choice != 2))
            #expect(a == b)
            let before = expected
            expected = try own.read()
            #expect((expected != before) == (choice != 2))
            #expect(try store.read() == expected)
        }
    }

    /// A store whose weights training has packed reads, writes and evaluates as one that never saw training.
    @Test func packedWeightsReadAndWrite() throws {
        let graph = try training(batch: 4)
        let store = try engine.makeStore(graph.initialVariables(seed: 1))
        var results: [NDArray] = []
        try engine.compile(graph).run(feeds(4, seed: 1), step: 0, on: store, into: &results)
        let trained = try store.read()
        let other = graph.initialVariables(seed: 9)
        try store.write(other)
        #expect(try store.read() == other)
        try store.write(trained)
        #expect(try store.read() == trained)

        let evaluation = try engine.compile(model().graph(batch: 3))
        var (packed, plain): ([NDArray], [NDArray]) = ([], [])
        try evaluation.run([feeds(3, seed: 2)[0]], step: 0, on: store, into: &packed)
        try evaluation.run([feeds(3, seed: 2)[0]], step: 0, on: engine.makeStore(trained), into: &plain)
        #expect(packed == plain)
    }

    /// A graph that needs the order of a weight's axes, between graphs that pack it.
    @Test func weightsUnpackForGraphsThatNeedTheirOrder() throws {
        let graph = try training(batch: 4)
        let store = try engine.makeStore(graph.initialVariables(seed: 1))
        let step = try engine.compile(graph)
        var results: [NDArray] = []
        try step.run(feeds(4, seed: 1), step: 0, on: store, into: &results)

        let builder = GraphBuilder()
        let specification = graph.variables["conv3.weight"]!
        let weight = try builder.variable(specification)
        builder.fetch(try weight.transposed([2, 3, 1, 0]), as: "transposed")
        try builder.update("conv3.weight", to: weight * 2)
        let before = try store.read("conv3.weight")
        let transposed = try engine.compile(builder.graph).run(on: store)["transposed"]!
        #expect(transposed == before.transposed([2, 3, 1, 0]))
        #expect(try store.read("conv3.weight").floats == before.floats.map { 2 * $0 })

        let reference = ReferenceEngine(precision: .f64)
        let expectedStore = try reference.makeStore(store.read())
        var expected: [NDArray] = []
        try reference.compile(graph).run(feeds(4, seed: 2), step: 1, on: expectedStore, into: &expected)
        try step.run(feeds(4, seed: 2), step: 1, on: store, into: &results)
        #expect(mismatch(results[0], expected[0], tolerance: 1e-4) == nil)
    }

    @Test func nothingIsUpdatedUnlessAllIsFinite() throws {
        let graph = try training(batch: 4)
        let store = try engine.makeStore(graph.initialVariables(seed: 1))
        let step = try engine.compile(graph)
        var results: [NDArray] = []
        try step.run(feeds(4, seed: 1), step: 0, on: store, into: &results)
        let (before, version) = (try store.read(), store.version)
        var poisoned = feeds(4, seed: 2)
        poisoned[0].withMutableValues(of: Float.self) { $0[70] = .nan }
        #expect(throws: EngineError.notFinite(path: graph.guards[0].path, step: 7)) {
            try step.run(poisoned, step: 7, on: store, into: &results)
        }
        #expect(store.version == version)
        #expect(try store.read() == before)
        try step.run(feeds(4, seed: 2), step: 7, on: store, into: &results)
        #expect(store.version > version)
        #expect(results[0].floats[0].isFinite)
    }

    @Test func labelsOutsideTheClassesAreNamed() throws {
        let graph = try training(batch: 4)
        let store = try engine.makeStore(graph.initialVariables(seed: 1))
        let step = try engine.compile(graph)
        var wrong = feeds(4, seed: 1)
        wrong[1] = NDArray([0, 1, 5, 2] as [Int32], shape: [4])
        var results: [NDArray] = []
        #expect(throws: EngineError.label(index: 2, found: 5, classes: 5)) {
            try step.run(wrong, step: 0, on: store, into: &results)
        }
    }

    /// What depends on variables alone is computed when they have changed, and only then.
    @Test func prologueRunsWhenVariablesChange() throws {
        let model = try model()
        let executable = try #require(engine.compile(model.graph(batch: 2)) as? OneDNNExecutable)
        let store = try engine.makeStore(model.variables)
        let images = [feeds(2, seed: 1)[0]]
        var results: [NDArray] = []
        executable.isMeasuring = true
        func spent() -> Double {
            executable.measurements.reduce(0) { $0 + ($1.name.hasPrefix("reorder") ? $1.seconds : 0) }
        }
        try executable.run(images, step: 0, on: store, into: &results)
        let (first, once) = (results[0], spent())
        #expect(once > 0)
        try executable.run(images, step: 0, on: store, into: &results)
        #expect(spent() == once)
        #expect(results[0] == first)
        try store.write(
            model.variables.mapValues { path, variable in
                path.hasSuffix("conv2.weight")
                    ? Variable(kind: variable.kind, value: randomArray(variable.value.shape, type: .f32))
                    : variable
            })
        try executable.run(images, step: 0, on: store, into: &results)
        #expect(spent() > once)
        #expect(results[0] != first)
    }
}
