import Renorm
import RenormTestSupport
import Testing

import RenormOneDNN

/// Activations of bf16 against the reference, which rounds after every operation.
@Suite struct BF16Tests {
    /// Without AVX-512 the engine refuses bf16.
    static let isPossible = (try? OneDNNEngine(threads: 1))?.multipliesBF16 ?? true

    /// A case with its activations rounded to bf16: the first argument, or all of them.
    private static func rounded(_ operation: OperationCase, all: Bool = false) -> OperationCase {
        OperationCase(
            "bf16 " + operation.description, at: operation.values, labels: operation.labels,
            derivative: operation.derivative, weights: operation.weights
        ) { arguments in
            let converted = arguments.enumerated().map { index, argument in
                (all || index == 0) && argument.type == .f32 ? argument.converted(to: .bf16) : argument
            }
            return try operation.function(converted).converted(to: .f32)
        }
    }

    /// Without normalizations of two values, whose gradient is all cancellation, and without what has vectors alone,
    /// which are f32.
    static let cases =
        (OperationCase.convolutions + OperationCase.poolings
        + OperationCase.normalizations.filter { $0.values[0].shape.rank == 4 && $0.values[0].shape[1] > 1 })
        .map { rounded($0) } + OperationCase.shapes.map { rounded($0, all: true) }

    /// Rounding is 2⁻⁹ of a value; weights are rounded too, and sums of rounded terms add up.
    @Test(.enabled(if: isPossible, "this processor does not multiply bf16"), arguments: cases)
    func agreesWithReference(_ operation: OperationCase) throws {
        let expected = try operation.results(on: ReferenceEngine(precision: .f32))
        // Without instructions for bf16 all but direct convolutions are computed in f32.
        for (threads, algorithm, isFused) in [
            (1, .auto, false), (2, .auto, true), (2, .direct, true), (2, .winograd, true),
        ] as [(Int, ConvolutionAlgorithm, Bool)] {
            let engine = try OneDNNEngine(threads: threads, convolution: algorithm, isFused: isFused)
            let found = try operation.results(on: engine)
            for (name, value) in expected {
                let problem = mismatch(
                    found[name]!, value, tolerance: 1.5e-2, absolute: 1e-6,
                    of: "\(name), \(algorithm), \(isFused ? "fused" : "not fused")")
                #expect(problem == nil)
            }
        }
    }

    /// Without instructions for bf16 its 3×3 convolutions are those of f32, which Winograd's algorithm computes; direct ones stay.
    @Test(
        .enabled(if: isPossible, "this processor does not multiply bf16"),
        arguments: [ConvolutionAlgorithm.auto, .direct])
    func whatIsEmulatedIsComputedInF32(_ algorithm: ConvolutionAlgorithm) throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [4, 16, 16, 64]).converted(to: .bf16)
        let weight = builder.input("weight", shape: [64, 64, 3, 3])
        let y = try x.convolution(weight, options: ConvolutionOptions(padding: [1, 1, 1, 1]))
        builder.fetch(y.converted(to: .f32), as: "y")
        let engine = try OneDNNEngine(threads: 2, convolution: algorithm)
        let executable = try #require(engine.compile(builder.graph) as? OneDNNExecutable)
        let names = executable.measurements.map(\.name).filter { $0.hasPrefix("convolution") }
        let isInF32 = algorithm == .auto && engine.bf16Arithmetic == .emulated
        #expect(names.count == 1 && names[0].contains("winograd") == isInF32, "\(names)")
    }

    /// A mean over 1×1 pixels, as at the end of a network on small images, adds nothing but widens.
    @Test(.enabled(if: isPossible, "this processor does not multiply bf16"), arguments: [false, true])
    func aSumOfOneValueIsThatValueInF32(isFused: Bool) throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [3, 1, 1, 5]).converted(to: .bf16)
        builder.fetch(try x.mean(axes: [1, 2]), as: "mean")
        builder.fetch(try x.reduce(.maximum, axes: [1]), as: "maximum")
        let values = (0..<15).map { Float($0) * 0.37 - 2 }
        let engine = try OneDNNEngine(threads: 1, isFused: isFused)
        let results = try engine.compile(builder.graph).run(
            ["x": NDArray(values, shape: [3, 1, 1, 5])], on: engine.makeStore(Variables()))
        let rounded = values.map { Float(BFloat16(nearestTo: Double($0)).asDouble) }
        for name in ["mean", "maximum"] {
            #expect(results[name]?.type == .f32 && results[name]?.floats == rounded, "\(name)")
        }
    }

    /// In f64 nothing is rounded, so the two precisions are one graph.
    @Test func precisionIsOnlyRounding() throws {
        let model = try Model(
            Small(classes: 5, width: 0.25, normalization: Normalization(.batchRenorm)), input: [12, 12, 1])
        let engine = ReferenceEngine(precision: .f64)
        func stepped(_ precision: Precision) throws -> Variables {
            let step = try TrainingGraph(
                model, batch: 6,
                options: TrainingOptions(learningRate: .constant(0.1), precision: precision))
            let store = try engine.makeStore(step.initialState(of: model))
            let executable = try engine.compile(step.graph)
            var results: [NDArray] = []
            let feeds = [randomArray([6, 12, 12, 1], type: .f32), randomLabels(6, classes: 5)]
            for index in 0..<2 { try executable.run(feeds, step: index, on: store, into: &results) }
            return try store.read()
        }
        #expect(try stepped(.bf16) == stepped(.f32))
    }

    /// Parameters, gradients and statistics of a step stay f32; activations halve.
    @Test(
        .enabled(if: isPossible, "this processor does not multiply bf16"),
        arguments: [.batch, .batchRenorm, .group(4)] as [any NormalizationKind])
    func aStepIsNearThatInF32(_ kind: any NormalizationKind) throws {
        let model = try Model(
            ResNet(
                blocks: [1, 1], bottlenecks: false, classes: 5, stem: .cifar,
                normalization: Normalization(kind)), input: [16, 16, 3])
        let engine = try OneDNNEngine(threads: 2)
        func step(_ precision: Precision) throws -> (results: [NDArray], state: Variables, bytes: Int) {
            let graph = try TrainingGraph(
                model, batch: 16,
                options: TrainingOptions(
                    optimizer: .sgd(nesterov: true), learningRate: .constant(0.1), precision: precision))
            let store = try engine.makeStore(graph.initialState(of: model))
            let executable = try engine.compile(graph.graph) as! OneDNNExecutable
            var results: [NDArray] = []
            let feeds = [randomArray([16, 16, 16, 3], type: .f32), randomLabels(16, classes: 5)]
            try executable.run(feeds, step: 0, on: store, into: &results)
            return (results, try store.read(), executable.plannedByteCount)
        }
        let (exact, rounded) = (try step(.f32), try step(.bf16))
        #expect(rounded.results != exact.results)
        for (found, expected) in zip(rounded.results, exact.results) {
            #expect(mismatch(found, expected, tolerance: 0.03) == nil)
        }
        for (path, variable) in exact.state {
            #expect(rounded.state[path]!.value.type == variable.value.type)
            #expect(
                mismatch(rounded.state[path]!.value, variable.value, tolerance: 0.1, absolute: 0.01, of: path)
                    == nil)
        }
        // Emulated, a convolution has its operands in f32 while it runs: much of a network as small as this one.
        let limit = engine.bf16Arithmetic == .native ? 0.75 : 0.85
        #expect(Double(rounded.bytes) < limit * Double(exact.bytes))
    }
}
