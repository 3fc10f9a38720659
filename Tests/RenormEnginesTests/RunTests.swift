import RenormArrays
import RenormEngines
import RenormGraphs
import RenormTestSupport
import Testing

private func parameter(_ path: String, _ shape: TensorShape = [2]) -> VariableSpecification {
    VariableSpecification(
        path: path, kind: .parameter, shape: shape, initializer: .constant(0), isTrainable: true)
}

private func variables(_ values: [(String, [Float])]) -> Variables {
    var result = Variables()
    for (path, value) in values {
        result[path] = Variable(kind: .parameter, value: NDArray(value, shape: [value.count]))
    }
    return result
}

@Suite(.serialized) struct RunTests {
    let engine = ReferenceEngine()

    // MARK: Updates

    @Test func updatesReadTheValuesFromBeforeTheStepAndTwoMaySwap() throws {
        let builder = GraphBuilder()
        let (a, b) = (try builder.variable(parameter("a")), try builder.variable(parameter("b")))
        try builder.update("a", to: b)
        try builder.update("b", to: a)
        builder.fetch(a, as: "a before")
        let store = try engine.makeStore(variables([("a", [1, 2]), ("b", [3, 4])]))
        let results = try engine.compile(builder.graph).run(on: store)
        #expect(results["a before"]!.floats == [1, 2])
        #expect(try store.read("a").floats == [3, 4])
        #expect(try store.read("b").floats == [1, 2])
    }

    @Test func anUpdateReadsItsOwnOldValueInEveryStepAnew() throws {
        let builder = GraphBuilder()
        let a = try builder.variable(parameter("a"))
        try builder.update("a", to: a * 2)
        let store = try engine.makeStore(variables([("a", [1, -3])]))
        let executable = try engine.compile(builder.graph)
        for step in 0..<5 { _ = try executable.run(step: step, on: store) }
        #expect(try store.read("a").floats == [32, -96])
        #expect(store.version == 5)
    }

    @Test func aGuardThatIsNotFiniteLeavesEveryVariableAndTheVersionUntouched() throws {
        let builder = GraphBuilder()
        let (a, b) = (try builder.variable(parameter("a")), try builder.variable(parameter("b")))
        let x = builder.input("x", shape: [2])
        try builder.update("a", to: a + 1)
        try builder.update("b", to: b + x)
        builder.guardFinite(a, path: "a")
        builder.guardFinite(try x.sum(), path: "layer1.bn")
        builder.guardFinite(x, path: "loss")
        let store = try engine.makeStore(variables([("a", [1, 2]), ("b", [3, 4])]))
        let before = try store.read()
        let executable = try engine.compile(builder.graph)
        for bad in [Float.nan, .infinity, -.infinity] {
            #expect(throws: EngineError.notFinite(path: "layer1.bn", step: 7)) {
                try executable.run(["x": NDArray([1, bad], shape: [2])], step: 7, on: store)
            }
            #expect(try store.read().isIdentical(to: before))
            #expect(store.version == 0)
        }
        _ = try executable.run(["x": NDArray([1, 1] as [Float], shape: [2])], on: store)
        #expect(try store.read("b").floats == [4, 5])
        #expect(store.version == 1)
    }

    @Test func aRunWithoutUpdatesLeavesTheVersion() throws {
        let builder = GraphBuilder()
        builder.fetch(try builder.variable(parameter("a")), as: "a")
        let store = try engine.makeStore(variables([("a", [1, 2])]))
        _ = try engine.compile(builder.graph).run(on: store)
        #expect(store.version == 0)
    }

    @Test func executablesShareAStore() throws {
        let training = GraphBuilder()
        try training.update("a", to: try training.variable(parameter("a")) + 1)
        let evaluation = GraphBuilder()
        evaluation.fetch(try evaluation.variable(parameter("a")), as: "a")
        let store = try engine.makeStore(variables([("a", [1, 2])]))
        let (train, evaluate) = (try engine.compile(training.graph), try engine.compile(evaluation.graph))
        _ = try train.run(on: store)
        #expect(try evaluate.run(on: store)["a"]!.floats == [2, 3])
        _ = try train.run(on: store)
        #expect(try evaluate.run(on: store)["a"]!.floats == [3, 4])
    }

    // MARK: Sources

    @Test func schedulesAndTheStepHaveTheRunsValues() throws {
        let builder = GraphBuilder()
        builder.fetch(try builder.schedule("rate", .linear([(0, 1), (10, 2)])), as: "rate")
        builder.fetch(try builder.schedule("limit", .constant(.infinity)), as: "limit")
        builder.fetch(builder.step, as: "step")
        let executable = try engine.compile(builder.graph)
        let store = try engine.makeStore(Variables())
        for step in [0, 5, 10, 50, 3] {
            let results = try executable.run(step: step, on: store)
            #expect(results["rate"]!.floats == [Float(1 + min(Double(step) / 10, 1))])
            #expect(results["limit"]!.floats == [.infinity])
            #expect(results["step"]!.floats == [Float(step)])
        }
    }

    @Test func countersAreWholeNumbersOutsideAndCountInside() throws {
        let builder = GraphBuilder()
        let counter = try builder.variable(
            VariableSpecification(path: "n", kind: .counter, shape: .scalar, initializer: .constant(0)))
        try builder.update("n", to: counter + 1)
        builder.fetch(counter, as: "n")
        for precision in ReferenceEngine.Precision.allCases {
            let engine = ReferenceEngine(precision: precision)
            let store = try engine.makeStore(builder.graph.initialVariables(seed: 1))
            let executable = try engine.compile(builder.graph)
            for step in 0..<3 {
                #expect(try executable.run(on: store)["n"]!.doubles == [Double(step)])
            }
            #expect(try store.read("n") == NDArray(scalar: Int64(3)))
        }
    }

    // MARK: Precision

    @Test func f64TakesFeedsOfEitherWidthAndReturnsF64() throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [2])
        let labels = builder.input("labels", shape: [2], type: .i32)
        let weight = try builder.variable(parameter("w"))
        try builder.update("w", to: weight / 3)
        builder.fetch(try x / 3, as: "third")
        builder.fetch(labels, as: "labels")
        let wide = ReferenceEngine(precision: .f64)
        let executable = try wide.compile(builder.graph)
        let store = try wide.makeStore(variables([("w", [1, 2])]))
        let fed = NDArray([1, 2] as [Int32], shape: [2])
        for feed in [NDArray([1, 2] as [Float], shape: [2]), NDArray([1, 2] as [Double], shape: [2])] {
            let results = try executable.run(["x": feed, "labels": fed], on: store)
            #expect(results["third"] == NDArray([1.0 / 3, 2.0 / 3], shape: [2]))
            #expect(results["labels"] == fed)
        }
        #expect(executable.outputs.map(\.type) == [.f64, .i32])
        #expect(try store.read("w") == NDArray([1.0 / 3 / 3, 2.0 / 3 / 3], shape: [2]))
        try store.write(variables([("w", [5, 6])]))
        #expect(try store.read("w") == NDArray([5.0, 6.0], shape: [2]))
    }

    @Test func f32RoundsAfterEveryOperationAndSumsInF64() throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [3])
        builder.fetch(try x + 1, as: "rounded")
        builder.fetch(try x.sum(), as: "sum")
        let results = try engine.compile(builder.graph).run(
            ["x": NDArray([1e8, 1, -1e8] as [Float], shape: [3])], on: engine.makeStore(Variables()))
        #expect(results["rounded"]!.floats == [1e8, 2, -1e8 + 1])
        #expect(results["sum"]!.floats == [1])
    }

    // MARK: Store

    @Test func aStoreReturnsWhatItWasGiven() throws {
        var given = variables([("b", [1, 2]), ("a", [3])])
        given["count"] = Variable(kind: .counter, value: NDArray(scalar: Int64(1) << 40))
        let store = try engine.makeStore(given)
        #expect(try store.read().isIdentical(to: given))
        try store.write(variables([("a", [4]), ("c", [5, 6])]))
        #expect(try store.read().paths == ["b", "a", "count", "c"])
        #expect(try store.read("a").floats == [4])
        #expect(store.version == 1)
    }

    // MARK: Plan

    @Test func onlyVariablesThatAreReadOrUpdatedAreNeeded() throws {
        let builder = GraphBuilder()
        _ = try builder.variable(parameter("unused"))
        builder.fetch(try builder.variable(parameter("read")), as: "y")
        _ = try builder.variable(parameter("updated"))
        try builder.update("updated", to: builder.constant(1, shape: [2]))
        let executable = try engine.compile(builder.graph)
        #expect(executable.variables.map(\.path) == ["read", "updated"])
        let store = try engine.makeStore(variables([("read", [1, 2]), ("updated", [0, 0])]))
        #expect(try executable.run(on: store)["y"]!.floats == [1, 2])
        #expect(try store.read("updated").floats == [1, 1])
    }

    @Test func plannedMemoryIsWhatLivesTogether() throws {
        let builder = GraphBuilder()
        var x = builder.input("x", shape: [1000])
        for _ in 0..<10 { x = x.unary(.tanh) }
        builder.fetch(x, as: "y")
        let chain = try engine.compile(builder.graph).plannedByteCount
        #expect(chain == 2 * 4000)
        let wide = try ReferenceEngine(precision: .f64).compile(builder.graph).plannedByteCount
        #expect(wide == 2 * 8000)
        // A value under another shape takes no memory of its own.
        builder.fetch(try x.reshaped(to: [10, 100]).stoppingGradient(), as: "z")
        #expect(try engine.compile(builder.graph).plannedByteCount == chain)
    }

    @Test func oneNodeCanBeFetchedGuardedAndUpdatedToAtOnce() throws {
        let builder = GraphBuilder()
        let next = try builder.variable(parameter("a")) + 1
        builder.fetch(next, as: "first")
        builder.fetch(next, as: "second")
        builder.guardFinite(next, path: "a")
        try builder.update("a", to: next)
        let store = try engine.makeStore(variables([("a", [1, 2])]))
        let results = try engine.compile(builder.graph).run(on: store)
        #expect(results["first"]!.floats == [2, 3])
        #expect(results["second"] == results["first"])
        #expect(try store.read("a") == results["first"])
    }

    @Test func theSameRunGivesTheSameBits() throws {
        for operation in OperationCase.all {
            #expect(try operation.results(on: engine) == operation.results(on: engine), "\(operation)")
        }
    }
}

extension Variables {
    /// Whether paths, kinds and every bit are the same.
    fileprivate func isIdentical(to other: Variables) -> Bool {
        self == other
            && zip(self, other).allSatisfy { $0.path == $1.path && $0.variable.value == $1.variable.value }
    }
}
