import Renorm
import RenormTestSupport
import Testing

import RenormOneDNN

/// Whole training steps against the reference.
@Suite struct TrainingStepTests {
    /// A model, its batch, and how it is optimized.
    struct Case: Sendable, CustomStringConvertible {
        var name: String
        var input: TensorShape
        var batch: Int
        var normalization: Normalization
        var optimizer = Optimizer.sgd(momentum: 0.9)
        var clipNorm: Double?
        var parameterAveragingRate: Double?
        /// Where the images begin: some have a sum so near 0 that rounding decides what a ReLU makes of it.
        var seed = 100

        var description: String { "\(name), \(normalization.summary), batch \(batch)" }

        func layer() throws -> any Layer {
            name == "resnet"
                ? ResNet(
                    blocks: [1, 1], bottlenecks: false, classes: 5, stem: .cifar, normalization: normalization
                )
                : try Architecture(name: name, classes: 5, input: input, normalization: normalization)
                    .makeLayer()
        }

        func graph(batch: Int? = nil) throws -> Graph {
            let options = TrainingOptions(
                optimizer: optimizer, learningRate: .linear([(0, 0.05), (4, 0.01)]), weightDecay: 0.001,
                labelSmoothing: 0.1, clipNorm: clipNorm, parameterAveragingRate: parameterAveragingRate)
            return try TrainingGraph(
                Model(layer(), input: input), batch: batch ?? self.batch, options: options
            ).graph
        }

        func feeds(step: Int, batch: Int? = nil) -> [NDArray] {
            let batch = batch ?? self.batch
            return [
                randomArray(
                    TensorShape([batch] + input.dimensions), seed: UInt64(seed + step), mean: 0.5, type: .f32),
                randomLabels(batch, classes: 5, seed: UInt64(step)),
            ]
        }
    }

    static let cases: [Case] = [
        Case(name: "small:0.5", input: [12, 12, 1], batch: 8, normalization: Normalization(.batchRenorm)),
        Case(
            name: "small:0.5", input: [9, 11, 3], batch: 8, normalization: Normalization(.batch),
            clipNorm: 0.5, parameterAveragingRate: 0.1),
        Case(
            name: "small:0.53", input: [8, 8, 3], batch: 4,
            normalization: Normalization(.batchRenorm(examples: 2)),
            optimizer: .adamW(epsilon: 1e-3)),
        Case(
            name: "small:0.25", input: [8, 8, 1], batch: 1, normalization: Normalization(.group(2)),
            optimizer: .rmsProp()),
        Case(name: "small:0.5", input: [8, 8, 1], batch: 4, normalization: Normalization(.layer)),
        Case(name: "small:0.5", input: [8, 8, 1], batch: 4, normalization: Normalization(.frozen)),
        Case(name: "resnet", input: [8, 8, 3], batch: 4, normalization: Normalization(.batchRenorm)),
        Case(name: "resnet", input: [8, 8, 3], batch: 4, normalization: Normalization(.batch), seed: 200),
    ]

    @Test(arguments: cases)
    func agreesWithReference(_ test: Case) throws {
        let graph = try test.graph()
        let initial = graph.initialVariables(seed: 3)
        let reference = ReferenceEngine(precision: .f64)
        let expectedStep = try reference.compile(graph)
        let expectedStore = try reference.makeStore(initial)
        let plans: [(Int, ConvolutionAlgorithm, Bool)] = [
            (1, .direct, false), (2, .direct, true), (1, .winograd, false), (2, .winograd, true),
            (2, .auto, true),
        ]
        let runs = try plans.map { threads, convolution, isFused in
            let engine = try OneDNNEngine(threads: threads, convolution: convolution, isFused: isFused)
            return (try engine.compile(graph), try engine.makeStore(initial))
        }
        for step in 0..<3 {
            var expected: [NDArray] = []
            try expectedStep.run(test.feeds(step: step), step: step, on: expectedStore, into: &expected)
            for (executable, store) in runs {
                var found: [NDArray] = []
                try executable.run(test.feeds(step: step), step: step, on: store, into: &found)
                for (index, output) in executable.outputs.enumerated() {
                    let problem = mismatch(
                        found[index], expected[index], tolerance: 1e-3, of: "step \(step), \(output.name)")
                    #expect(problem == nil)
                }
            }
        }
        let expected = try expectedStore.read()
        for (_, store) in runs {
            let found = try store.read()
            #expect(found.paths == expected.paths)
            for (path, variable) in expected {
                let problem = mismatch(
                    found[path]!.value, variable.value, tolerance: 2e-3, absolute: 1e-5, of: path)
                #expect(problem == nil)
            }
        }
    }
}
