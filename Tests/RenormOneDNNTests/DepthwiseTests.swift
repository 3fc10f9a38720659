import Renorm
import RenormTestSupport
import Testing

import RenormOneDNN

/// Depthwise convolutions of our own inside the engine: which are chosen, what they give, and how their weights lie.
@Suite struct DepthwiseTests {
    /// Sizes that blocks of columns divide or not, a padding on each side of its own.
    static let operations: [OperationCase] = {
        let shapes: [(x: TensorShape, stride: Int, padding: [Int])] = [
            ([2, 9, 8, 24], 1, [1, 1, 1, 1]), ([2, 10, 11, 17], 1, [0, 1, 2, 0]),
            ([3, 7, 7, 32], 1, [1, 1, 1, 1]), ([2, 17, 18, 16], 2, [1, 1, 1, 1]),
            ([1, 20, 16, 33], 2, [0, 1, 0, 1]), ([2, 14, 14, 8], 2, [1, 1, 1, 1]),
            ([2, 2, 2, 48], 1, [1, 1, 1, 1]), ([2, 4, 3, 20], 2, [2, 2, 1, 1]),
        ]
        return shapes.map { x, stride, padding in
            let options = ConvolutionOptions(strides: [stride, stride], padding: padding, groups: x[3])
            let values = [
                randomArray(x), randomArray([x[3], 1, 3, 3], seed: 2), randomArray([x[3]], seed: 3),
            ]
            return OperationCase("depthwise \(x), stride \(stride), padding \(padding)", at: values) {
                try $0[0].convolution($0[1], bias: $0[2], options: options)
            }
        }
    }()

    @Test(arguments: operations)
    func agreesWithReference(_ operation: OperationCase) throws {
        let expected = try operation.results(on: ReferenceEngine(precision: .f64))
        for algorithm in ConvolutionAlgorithm.allCases {
            var known: [String: NDArray]?
            for threads in [1, 2, 3] {
                let engine = try OneDNNEngine(threads: threads, convolution: algorithm)
                let found = try operation.results(on: engine)
                for (name, value) in expected {
                    let problem = mismatch(found[name]!, value, tolerance: 5e-5, absolute: 1e-6, of: name)
                    #expect(problem == nil, "\(algorithm)")
                }
                if algorithm != .direct { #expect(found == known ?? found, "\(threads) threads") }
                known = found
            }
        }
    }

    // MARK: In a network

    private static let input: TensorShape = [14, 14, 3]

    private func model() throws -> Model {
        let layer = Sequential {
            unit(Convolution(24, kernel: 1, bias: false)).named("stem")
            unit(.depthwise(kernel: 3, stride: 1, padding: .all(1), bias: false)).named("whole")
            unit(.depthwise(kernel: 3, stride: 2, padding: .all(1), bias: false)).named("half")
            unit(.depthwise(kernel: 3, stride: 1, padding: .all(1), bias: false)).named("last")
            GlobalAveragePool()
            Dense(5).named("head")
        }
        return try Model(layer, input: Self.input)
    }

    private func unit(_ convolution: Convolution) -> ConvolutionUnit {
        ConvolutionUnit(convolution, Normalization(.batchRenorm), activation: ReLU6())
    }

    private func training(precision: Precision = .f32) throws -> Graph {
        let options = TrainingOptions(
            optimizer: .sgd(momentum: 0.9), learningRate: .constant(0.05), weightDecay: 0.001,
            precision: precision)
        return try TrainingGraph(model(), batch: 6, options: options).graph
    }

    private func feeds(_ step: Int) -> [NDArray] {
        [
            randomArray(TensorShape([6] + Self.input.dimensions), seed: UInt64(20 + step), type: .f32),
            randomLabels(6, classes: 5, seed: UInt64(step)),
        ]
    }

    private func names(_ graph: Graph, _ algorithm: ConvolutionAlgorithm) throws -> [String] {
        let engine = try OneDNNEngine(threads: 2, convolution: algorithm)
        let executable = try #require(engine.compile(graph) as? OneDNNExecutable)
        #expect(try executable.accesses().violation == nil)
        return executable.measurements.map(\.name)
    }

    /// Forward to 7×7 from 14×14 is oneDNN's, everything else ours; all of it is oneDNN's if that is asked for.
    @Test func theRuleDecides() throws {
        let graph = try training()
        func count(_ names: [String], _ name: String) -> Int { names.filter { $0 == name }.count }
        for algorithm in [ConvolutionAlgorithm.auto, .winograd] {
            let names = try names(graph, algorithm)
            #expect(count(names, "convolution depthwise") == 2)
            #expect(count(names, "convolutionInputGradient depthwise") == 3)
            #expect(count(names, "convolutionWeightGradient depthwise") == 3)
            // For a weight and its gradient no other layout is made, but for the one convolution that is oneDNN's.
            #expect(names.filter { $0.hasPrefix("reorder") }.count <= 3, "\(names)")
        }
        #expect(try names(graph, .direct).allSatisfy { !$0.hasSuffix("depthwise") })
    }

    @Test func aTrainingStepAgreesWithReference() throws {
        let graph = try training()
        let initial = graph.initialVariables(seed: 3)
        let reference = ReferenceEngine(precision: .f64)
        let (expectedStep, expectedStore) = (
            try reference.compile(graph), try reference.makeStore(initial)
        )
        let runs = try [1, 2].map { threads in
            let engine = try OneDNNEngine(threads: threads)
            return (try engine.compile(graph), try engine.makeStore(initial))
        }
        for step in 0..<3 {
            var expected: [NDArray] = []
            try expectedStep.run(feeds(step), step: step, on: expectedStore, into: &expected)
            for (executable, store) in runs {
                var found: [NDArray] = []
                try executable.run(feeds(step), step: step, on: store, into: &found)
                for (index, output) in executable.outputs.enumerated() {
                    #expect(
                        mismatch(found[index], expected[index], tolerance: 1e-3, of: output.name) == nil)
                }
            }
        }
        for (path, variable) in try expectedStore.read() {
            for (_, store) in runs {
                let found = try store.read(path)
                #expect(
                    mismatch(found, variable.value, tolerance: 2e-3, absolute: 1e-5, of: path) == nil)
            }
        }
    }

    @Test(.enabled(if: BF16Tests.isPossible, "this processor does not multiply bf16"))
    func halvesTrain() throws {
        let graph = try training(precision: .bf16)
        let initial = graph.initialVariables(seed: 3)
        var losses: [NDArray] = []
        for engine in [try OneDNNEngine(threads: 2), try OneDNNEngine(threads: 2, convolution: .direct)] {
            let (executable, store) = (try engine.compile(graph), try engine.makeStore(initial))
            var results: [NDArray] = []
            for step in 0..<3 { try executable.run(feeds(step), step: step, on: store, into: &results) }
            losses.append(results[0])
        }
        #expect(mismatch(losses[0], losses[1], tolerance: 2e-2, of: "loss") == nil)
        #expect(try names(graph, .auto).filter { $0.hasSuffix("depthwise") }.count == 9)
    }

    /// Weights that training has in our layout are read, written and evaluated as if they were plain; an engine with oneDNN's own
    /// convolutions takes them as they are.
    @Test func weightsReadAndWrite() throws {
        let engine = try OneDNNEngine(threads: 2)
        let graph = try training()
        let store = try engine.makeStore(graph.initialVariables(seed: 1))
        #expect(try store.read() == graph.initialVariables(seed: 1))
        var results: [NDArray] = []
        try engine.compile(graph).run(feeds(1), step: 0, on: store, into: &results)
        let trained = try store.read()
        let other = graph.initialVariables(seed: 9)
        try store.write(other)
        #expect(try store.read() == other)
        try store.write(trained)
        #expect(try store.read() == trained)

        let image = randomArray(TensorShape([3] + Self.input.dimensions), seed: 8, type: .f32)
        let evaluation = try model().graph(batch: 3)
        var (packed, plain, direct): ([NDArray], [NDArray], [NDArray]) = ([], [], [])
        let executable = try engine.compile(evaluation)
        try executable.run([image], step: 0, on: store, into: &packed)
        try executable.run([image], step: 0, on: engine.makeStore(trained), into: &plain)
        #expect(packed == plain)
        let ofOneDNN = try OneDNNEngine(threads: 2, convolution: .direct)
        try ofOneDNN.compile(evaluation).run([image], step: 0, on: store, into: &direct)
        for (a, b) in zip(packed, direct) { #expect(mismatch(a, b, tolerance: 1e-4) == nil) }
        #expect(try store.read() == trained)
    }

    /// Folded normalizations become a weight and a bias, and ReLU6 is applied as results are stored.
    @Test func inferenceIsFused() throws {
        let model = try model()
        let graph = try model.graph(batch: 3)
        let names = try names(graph, .auto)
        // The first may be one with the 1×1 convolution before it.
        let ours = names.filter { $0 == "convolution depthwise" || $0.hasPrefix("convolution, depthwise") }
        #expect(ours.count == 2)
        let variables = graph.initialVariables(seed: 4)
        let image = randomArray(TensorShape([3] + Self.input.dimensions), seed: 8, deviation: 8, type: .f32)
        let (engine, reference) = (try OneDNNEngine(threads: 2), ReferenceEngine(precision: .f64))
        var (found, expected): ([NDArray], [NDArray]) = ([], [])
        try engine.compile(graph).run([image], step: 0, on: engine.makeStore(variables), into: &found)
        try reference.compile(graph).run(
            [image], step: 0, on: reference.makeStore(variables), into: &expected)
        for (a, b) in zip(found, expected) { #expect(mismatch(a, b, tolerance: 1e-4) == nil) }
    }

    // MARK: After a 1×1 convolution

    /// In inference oneDNN computes both in one pass, where it has one (of one image, for one thread); what lies between exists only if it is asked for.
    @Test(arguments: [1, 2], [false, true])
    func aPairIsOnePass(_ stride: Int, _ isRequested: Bool) throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [1, 112, 112, 16])
        let weights = [
            builder.input("w1", shape: [64, 16, 1, 1]), builder.input("w2", shape: [64, 1, 3, 3]),
            builder.input("b", shape: [64]),
        ]
        let between = try x.convolution(weights[0], bias: weights[2]).relu6()
        let options = ConvolutionOptions(
            strides: [stride, stride], padding: [1, 1, 1, stride == 1 ? 1 : 0], groups: 64)
        if isRequested { builder.fetch(between, as: "between") }
        builder.fetch(
            try between.convolution(weights[1], bias: weights[2], options: options).relu6(), as: "y")
        var image = randomArray(x.shape, deviation: 3, type: .f32)
        image.withMutableValues(of: Float.self) { values in
            values[16 * (112 * 50 + 30)] = .nan
            values[16 * (112 * 90 + 60) + 3] = .infinity
        }
        let feeds = [
            "x": image, "w1": randomArray([64, 16, 1, 1], seed: 2, type: .f32),
            "w2": randomArray([64, 1, 3, 3], seed: 3, type: .f32),
            "b": randomArray([64], seed: 4, type: .f32),
        ]
        let reference = ReferenceEngine()
        let expected = try reference.compile(builder.graph).run(
            feeds, on: reference.makeStore(Variables()))
        for algorithm in [ConvolutionAlgorithm.auto, .direct] {
            let engine = try OneDNNEngine(threads: 1, convolution: algorithm)
            let executable = try #require(engine.compile(builder.graph) as? OneDNNExecutable)
            #expect(try executable.accesses().violation == nil)
            let isJoined = executable.measurements.contains {
                $0.name.hasPrefix("convolution, depthwise jit")
            }
            #expect(!isJoined || !isRequested && algorithm == .auto)
            if stride == 2, !isRequested, algorithm == .auto,
                engine.description.instructionSet.contains("avx")
            {
                #expect(isJoined)
            }
            let found = try executable.run(feeds, on: engine.makeStore(Variables()))
            for (name, value) in expected {
                #expect(mismatch(found[name]!, value, tolerance: 1e-4, absolute: 1e-4, of: name) == nil)
            }
        }
    }
}
