import Renorm
import RenormTestSupport
import Testing

/// Functions of all sorts between layers, and a layer that is called twice.
private struct Functions: Layer {
    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let y = try scope.apply("conv", Convolution(4, kernel: 1), to: (x * 2).relu())
        let z = try scope.apply("none", Normalization(.none), to: y.relu()).relu()
        let pooled = try scope.apply("pool", GlobalAveragePool(), to: (y + z).relu())
        let shared = scope.sharing()
        let once = try shared.apply("fc", Dense(4), to: pooled)
        return try shared.apply("fc", Dense(4), to: once.relu())
    }
}

@Suite struct TapTests {
    private func traced(
        _ layer: any Layer, input: TensorShape = [8, 8, 2], phase: Phase = .inference
    ) throws -> (Model.Traced, Graph) {
        let builder = GraphBuilder()
        let model = try Model(layer, input: input)
        let images = builder.input("images", shape: TensorShape([4] + input.dimensions))
        let traced = try model.trace(images, on: builder, phase: phase)
        return (traced, builder.graph)
    }

    @Test(arguments: [Phase.inference, .training])
    func everyActivationHasAPathAndARole(_ phase: Phase) throws {
        let (traced, graph) = try traced(
            Small(classes: 3, width: 0.25, normalization: Normalization(.batchRenorm)), phase: phase)
        var expected = ["images input"]
        for index in 1...5 {
            expected += ["conv\(index) output", "bn\(index) normalized", "bn\(index).relu output"]
            if index % 2 == 0 { expected.append("pool\(index / 2) output") }
        }
        expected += ["avgpool output", "fc output"]
        #expect(traced.taps.map { "\($0.path) \($0.role)" } == expected)
        // The graph's text says the same, and the last is the network's result.
        for tap in traced.taps.dropFirst() {
            #expect(graph[tap.tensor.id].path == tap.path && graph[tap.tensor.id].role == tap.role)
        }
        #expect(traced.taps.last?.tensor.id == traced.output.id)
    }

    @Test func blocksHaveTheirSumsAndTheirOwnPaths() throws {
        let layer = ResNet(
            blocks: [1, 1], bottlenecks: false, classes: 3, stem: .cifar, normalization: Normalization(.batch)
        )
        let (traced, _) = try traced(layer)
        let paths = traced.taps.map(\.path)
        #expect(Set(paths).count == paths.count)
        #expect(
            paths.filter { $0.hasPrefix("layer2") } == [
                "layer2.0.conv1", "layer2.0.bn1", "layer2.0.2", "layer2.0.conv2", "layer2.0.bn2",
                "layer2.0.downsample.0", "layer2.0.downsample.1", "layer2.0.add", "layer2.0.6",
            ])
        // A block gives what its last ReLU does.
        #expect(
            try traced.taps.tap(at: "layer2.0").tensor.id == traced.taps.tap(at: "layer2.0.6").tensor.id)
        #expect(try traced.taps.tap(at: "bn1.relu").tensor.shape == [4, 8, 8, 64])
        let error = #expect(throws: GraphError.self) { try traced.taps.tap(at: "layer9") }
        #expect(
            error?.description.hasPrefix("There is no activation 'layer9'; expected one of: images, conv1")
                == true)
    }

    @Test func functionsAreNamedAfterWhatTheyAreCalledOn() throws {
        let (traced, _) = try traced(Functions())
        #expect(
            traced.taps.map(\.path) == [
                "images", "images.multiply", "images.multiply.relu", "conv", "conv.relu", "conv.relu.relu",
                "add", "add.relu", "pool", "fc", "fc.relu", "fc_1",
            ])
        // What gives its input is no activation of its own, but can be asked for.
        #expect(
            try traced.taps.tap(at: "none").tensor.id == traced.taps.tap(at: "conv.relu").tensor.id)
    }

    @Test func vectorsThatAreNormalizedAreNormalized() throws {
        let layer = Sequential {
            GlobalAveragePool().named("pool")
            Normalization(.batch).named("bn")
        }
        let (traced, _) = try traced(layer)
        let tap = try traced.taps.tap(at: "bn")
        #expect(tap.role == .normalized && tap.tensor.shape == [4, 2])
    }

    @Test(arguments: TestEngine.allCases)
    func statisticsAreThoseOfTheActivation(_ engine: TestEngine) throws {
        let model = try Model(
            Small(classes: 3, width: 0.25, normalization: Normalization(.batch)), input: [8, 8, 2], seed: 5)
        let builder = GraphBuilder()
        let images = builder.input("images", shape: [4, 8, 8, 2])
        let traced = try model.trace(images, on: builder, phase: .inference)
        for path in ["bn1", "bn2.relu", "fc"] {
            let tap = try traced.taps.tap(at: path)
            builder.fetch(tap.tensor, as: path)
            try builder.fetch(ActivationStatistic.allCases, of: tap)
        }
        let results = try engine.make().compile(builder.graph.orderedByResults()).run(
            ["images": randomArray([4, 8, 8, 2]).converted(to: engine.type)],
            on: engine.make().makeStore(model.variables))
        let tolerance = engine.tolerance(double: 1e-12, float: 1e-5)
        for path in ["bn1", "bn2.relu", "fc"] {
            let values = try #require(results[path])
            let channels = values.shape[-1]
            func each(_ of: ([Double]) -> Double) -> NDArray {
                let all = values.doubles
                return vector(
                    (0..<channels).map { channel in
                        of(stride(from: channel, to: all.count, by: channels).map { all[$0] })
                    })
            }
            func mean(_ x: [Double]) -> Double { x.reduce(0, +) / Double(x.count) }
            func variance(_ x: [Double]) -> Double {
                let center = mean(x)
                return mean(x.map { ($0 - center) * ($0 - center) })
            }
            func check(_ name: String, _ expected: NDArray) throws {
                let found = try #require(results["\(path) \(name)"]).converted(to: .f64)
                #expect(mismatch(found, expected, tolerance: tolerance, absolute: 1e-7, of: name) == nil)
            }
            try check(
                "moments",
                NDArray(each(mean).doubles + each(variance).doubles, shape: [2, channels]))
            try check("minimum", each { $0.min()! })
            try check("maximum", each { $0.max()! })
            try check("zeros", each { Double($0.count { $0 == 0 }) })
        }
        #expect(results["bn2.relu zeros"]!.doubles.reduce(0, +) > 0)
    }

    /// Inference, and inference with the batch's statistics, over the same variables in one graph.
    @Test(arguments: TestEngine.allCases)
    func twoPhasesStandInOneGraph(_ engine: TestEngine) throws {
        let layer = ResNet(
            blocks: [1, 1], bottlenecks: false, classes: 3, stem: .cifar,
            normalization: Normalization(.batchRenorm))
        let model = try Model(layer, input: [8, 8, 2], seed: 6)
        let builder = GraphBuilder()
        let images = builder.input("images", shape: [4, 8, 8, 2])
        let (moving, batch) = (
            try model.trace(images, on: builder, phase: .inference),
            try model.trace(images, on: builder, phase: .batchStatistics)
        )
        #expect(moving.taps.map(\.path) == batch.taps.map(\.path))
        #expect(moving.taps.map(\.role) == batch.taps.map(\.role))
        let paths = ["bn1", "layer1.0.add", "layer2.0", "fc"]
        for path in paths {
            let (a, b) = (try batch.taps.tap(at: path), try moving.taps.tap(at: path))
            builder.fetch(a.tensor, as: "batch \(path)")
            builder.fetch(b.tensor, as: "moving \(path)")
            try builder.fetchDifference(of: a, from: b, as: path)
        }
        try builder.fetchDifference(of: moving.taps[0], from: batch.taps[0])
        #expect(builder.graph.variables.keys == (try model.graph(batch: 4).variables.keys))
        let feed = randomArray([4, 8, 8, 2], mean: 0.5).converted(to: engine.type)
        let results = try engine.make().compile(builder.graph.orderedByResults()).run(
            ["images": feed], on: engine.make().makeStore(model.variables))
        let tolerance = engine.tolerance(double: 1e-12, float: 2e-5)
        for (name, phase) in [("moving", Phase.inference), ("batch", .batchStatistics)] {
            let alone = try model.output(feed, phase: phase, engine: engine.make())
            #expect(mismatch(results["\(name) fc"]!, alone, tolerance: tolerance, of: name) == nil)
        }
        func norm(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        for path in paths {
            let (a, b) = (results["batch \(path)"]!.doubles, results["moving \(path)"]!.doubles)
            let found = results["\(path) difference"]!.doubles[0]
            let expected = norm(zip(a, b).map { $0 - $1 }) / norm(b)
            #expect(expected > 0.01)
            #expect(abs(found / expected - 1) < engine.tolerance(double: 1e-12, float: 1e-4), "\(path)")
            let channels = results["\(path) differences"]!
            let part = { (x: [Double]) in
                norm(stride(from: 1, to: x.count, by: channels.shape[0]).map { x[$0] })
            }
            let second = part(zip(a, b).map { $0 - $1 }) / part(b)
            #expect(
                abs(channels.doubles[1] / second - 1) < engine.tolerance(double: 1e-12, float: 1e-4),
                "\(path)")
        }
        #expect(results["images difference"]!.doubles == [0])
        #expect(results["images differences"]!.doubles == [0, 0])
    }

    /// A training step beside inference: one updates the statistics that the other reads from before the step.
    @Test func trainingAndInferenceStandInOneGraph() throws {
        let layer = Small(
            classes: 3, width: 0.25,
            normalization: Normalization(.batchRenorm(.limits(.paper(fullyOpenAt: 10)))))
        let model = try Model(layer, input: [8, 8, 2], seed: 7)
        let builder = GraphBuilder()
        let images = builder.input("images", shape: [4, 8, 8, 2])
        builder.fetch(try model.trace(images, on: builder, phase: .inference).output, as: "inference")
        builder.fetch(try model.trace(images, on: builder, phase: .training).output, as: "training")
        let engine = ReferenceEngine(precision: .f64)
        let store = try engine.makeStore(model.variables)
        let feed = randomArray([4, 8, 8, 2])
        let results = try engine.compile(builder.graph).run(["images": feed], on: store)
        let (alone, after) = try model.run(feed, phase: .training)
        #expect(results["training"] == alone)
        #expect(results["inference"] == (try model.output(feed)))
        #expect(try store.read() == after)
        // Two that update the same statistics cannot both be right.
        let error = #expect(throws: GraphError.self) {
            try model.trace(images, on: builder, phase: .training)
        }
        #expect(error?.description.contains("a second update") == true)
    }
}
