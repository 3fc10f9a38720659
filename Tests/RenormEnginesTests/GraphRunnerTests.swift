import RenormArrays
import RenormEngines
import RenormGraphs
import RenormTestSupport
import Testing

/// Compiled graphs run by name.
@Suite struct GraphRunnerTests {
    let engine = ReferenceEngine()

    /// y = w · x and its sum, of two numbers; the loss is guarded.
    private func product() throws -> Graph {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [2])
        let factor = builder.input("factor", shape: .scalar)
        let y = try x * factor
        builder.fetch(y, as: "y")
        builder.fetch(try y.sum(), as: "sum")
        builder.guardFinite(try y.sum(), path: "loss")
        return builder.graph
    }

    @Test func whatIsFedStaysUntilSomethingElseIs() throws {
        for precision in ReferenceEngine.Precision.allCases {
            let engine = ReferenceEngine(precision: precision)
            let (runner, store) = (try GraphRunner(product(), on: engine), try engine.makeStore(Variables()))
            runner.feed("factor", NDArray(scalar: Float(3)))
            runner.feed("x", NDArray([1, 2] as [Float], shape: [2]))
            try runner.run(on: store)
            let first = try runner.result("y")
            #expect(first.doubles == [3, 6])
            #expect(try runner.number("sum") == 9)
            runner.feed("x", NDArray([5, 5] as [Float], shape: [2]))
            try runner.run(on: store)
            #expect(try runner.number("sum") == 30)
            // What was read stays as it was.
            #expect(first.doubles == [3, 6])
        }
    }

    @Test func whatIsNotFedIsNamed() throws {
        let (runner, store) = (try GraphRunner(product(), on: engine), try engine.makeStore(Variables()))
        #expect(throws: EngineError.missingFeed(name: "x", given: [])) { try runner.run(on: store) }
        runner.feed("x", NDArray(zeros: [2]))
        #expect(throws: EngineError.missingFeed(name: "factor", given: ["x"])) { try runner.run(on: store) }
        runner.feed("factor", NDArray(zeros: [1]))
        #expect(throws: EngineError.feed(name: "factor", found: "f32[1]", expected: "f32[]")) {
            try runner.run(on: store)
        }
    }

    @Test func whatIsNotFiniteIsNamedAndNoError() throws {
        let (runner, store) = (try GraphRunner(product(), on: engine), try engine.makeStore(Variables()))
        runner.feed("factor", NDArray(scalar: Float(1)))
        runner.feed("x", NDArray([1, .infinity] as [Float], shape: [2]))
        #expect(try runner.firstNotFinite(on: store) == "loss")
        runner.feed("x", NDArray([1, 2] as [Float], shape: [2]))
        #expect(try runner.firstNotFinite(on: store) == nil)
        runner.feed("x", NDArray(zeros: [3]))
        #expect(throws: EngineError.self) { try runner.firstNotFinite(on: store) }
    }

    /// Labels are checked wherever they are read, against the fewest classes.
    @Test func labelsOutOfRangeAreNamed() throws {
        let builder = GraphBuilder()
        let labels = builder.input("labels", shape: [3], type: .i32)
        builder.fetch(labels, as: "labels")
        let unread = try GraphRunner(builder.graph, on: engine)
        let store = try engine.makeStore(Variables())
        func feed(_ runner: GraphRunner, _ values: Int32...) {
            runner.feed("labels", NDArray(values, shape: [3]))
        }
        feed(unread, -1, 10, 3)
        try unread.run(on: store)
        let wide = builder.constant(0, shape: [3, 10])
        builder.fetch(try wide.rightAnswers(labels: labels), as: "right")
        #expect(builder.graph.inputs.map(\.classes) == [10])
        let runner = try GraphRunner(builder.graph, on: engine)
        feed(runner, 9, 10, -1)
        #expect(throws: EngineError.label(index: 1, found: 10, classes: 10)) { try runner.run(on: store) }
        feed(runner, 9, 0, -1)
        #expect(throws: EngineError.label(index: 2, found: -1, classes: 10)) { try runner.run(on: store) }
        feed(runner, 9, 0, 1)
        try runner.run(on: store)
        #expect(try runner.result("right").floats == [0, 1, 0])
        let narrow = builder.constant(0, shape: [3, 4])
        builder.fetch(try narrow.softmaxCrossEntropy(labels: labels), as: "loss")
        #expect(builder.graph.inputs.map(\.classes) == [4])
    }

    @Test func storesCopyFromEachOther() throws {
        for precision in ReferenceEngine.Precision.allCases {
            let engine = ReferenceEngine(precision: precision)
            var (a, b) = (Variables(), Variables())
            a["weight"] = Variable(kind: .parameter, value: randomArray([3, 5]))
            a["steps"] = Variable(kind: .counter, value: NDArray(scalar: Int64(1) << 40))
            b["average.weight"] = Variable(kind: .average, value: randomArray([3, 5], seed: 2))
            b["count"] = Variable(kind: .counter, value: NDArray(scalar: Int64(7)))
            b["small"] = Variable(kind: .average, value: randomArray([3]))
            let (target, source) = (try engine.makeStore(a), try engine.makeStore(b))
            try target.copy(["weight": "average.weight", "steps": "count"], from: source)
            #expect(try target.read("weight") == source.read("average.weight"))
            #expect(try target.read("steps") == NDArray(scalar: Int64(7)))
            #expect(try target.read().map(\.variable.kind) == [.parameter, .counter])
            #expect(target.version == 1 && source.version == 0)
            for (origins, path, found, expected) in [
                (["weight": "none", "steps": "count"], "none", "missing", "[3, 5]"),
                (["weight": "small", "steps": "count"], "small", "[3]", "[3, 5]"),
                (["bias": "small", "steps": "count"], "bias", "missing", "a variable of the store"),
            ] {
                #expect(throws: EngineError.variable(path: path, found: found, expected: expected)) {
                    try target.copy(origins, from: source)
                }
            }
            #expect(target.version == 1)
            let other = ReferenceEngine(precision: precision == .f32 ? .f64 : .f32)
            #expect(throws: EngineError.self) {
                try target.copy(["weight": "average.weight"], from: other.makeStore(b))
            }
        }
    }
}
