import Renorm
import RenormTestSupport
import Testing

/// Values that go from store to store inside the engine.
@Suite struct StoreCopyTests {
    let engine: OneDNNEngine

    init() throws { engine = try OneDNNEngine(threads: 2) }

    /// Training packs weights and their averages; what evaluation copies of them is what reading and writing gives, whichever
    /// of the two stores is packed, and so is what a network makes of it.
    @Test func packedWeightsAreCopied() throws {
        let model = try Architecture(
            name: "small", classes: 5, input: [8, 8, 3], normalization: Normalization(.batch)
        ).makeModel(seed: 1)
        let training = try TrainingGraph(
            model, batch: 4,
            options: TrainingOptions(learningRate: .constant(0.05), parameterAveragingRate: 0.2))
        let store = try engine.makeStore(training.initialState(of: model))
        let step = try GraphRunner(training.graph, on: engine)
        let evaluation = try engine.compile(model.graph(batch: 3))
        let images = ["images": randomArray([3, 8, 8, 3], seed: 9, type: .f32)]
        let averages = try engine.makeStore(model.variables)
        let origins = Dictionary(
            uniqueKeysWithValues: model.variables.paths.map { path in
                let average = TrainingGraph.averagePath(of: path)
                return (path, training.graph.variables[average] == nil ? path : average)
            })
        #expect(origins["conv3.weight"] == "average.conv3.weight")
        for number in 0..<3 {
            step.feed("images", randomArray([4, 8, 8, 3], seed: UInt64(number), type: .f32))
            step.feed("labels", randomLabels(4, classes: 5, seed: UInt64(number)))
            try step.run(step: number, on: store)
            try averages.copy(origins, from: store)
            var expected = Variables()
            for (path, variable) in model.variables {
                expected[path] = Variable(kind: variable.kind, value: try store.read(origins[path]!))
            }
            #expect(try averages.read() == expected)
            let found = try evaluation.run(images, on: averages)
            #expect(try found == evaluation.run(images, on: engine.makeStore(expected)))
        }
        // Back into the packed store.
        let values = model.variables.filter { $1.kind == .parameter }
        try store.copy(
            Dictionary(uniqueKeysWithValues: values.paths.map { ($0, $0) }), from: engine.makeStore(values))
        for (path, variable) in values { #expect(try store.read(path) == variable.value) }
    }

    @Test func whatDoesNotFitChangesNothing() throws {
        var (a, b) = (Variables(), Variables())
        a["weight"] = Variable(kind: .parameter, value: randomArray([3, 5], type: .f32))
        a["bias"] = Variable(kind: .parameter, value: randomArray([5], type: .f32))
        b["weight"] = Variable(kind: .average, value: randomArray([3, 5], seed: 2, type: .f32))
        b["bias"] = Variable(kind: .average, value: randomArray([3], type: .f32))
        let (target, source) = (try engine.makeStore(a), try engine.makeStore(b))
        let version = target.version
        for (origins, path, found, expected) in [
            (["weight": "weight", "bias": "bias"], "bias", "[3]", "[5]"),
            (["weight": "weight", "bias": "none"], "none", "missing", "[5]"),
            (["weight": "weight", "slope": "bias"], "slope", "missing", "a variable of the store"),
        ] {
            #expect(throws: EngineError.variable(path: path, found: found, expected: expected)) {
                try target.copy(origins, from: source)
            }
        }
        #expect(throws: EngineError.foreignStore(engine: "onednn")) {
            try target.copy(["weight": "weight"], from: ReferenceEngine().makeStore(b))
        }
        #expect(try target.read() == a && target.version == version)
    }
}
