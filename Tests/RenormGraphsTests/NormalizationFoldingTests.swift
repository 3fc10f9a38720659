import Renorm
import RenormTestSupport
import Testing

@Suite struct NormalizationFoldingTests {
    private func residual(_ kind: any NormalizationKind, bias: Bool = false) throws -> Model {
        let normalization = Normalization(kind)
        let layers = Sequential {
            Convolution(6, kernel: 3, bias: bias).named("conv1")
            normalization.named("bn1")
            ReLU().named("relu")
            Residual {
                Convolution.depthwise(kernel: 3, bias: bias).named("conv2")
                normalization.named("bn2")
                ReLU6().named("relu6")
                Convolution(6, kernel: 1, bias: bias).named("conv3")
                normalization.named("bn3")
            }
            ReLU().named("last")
            GlobalAveragePool().named("pool")
            Dense(3).named("fc")
        }
        let model = try Model(layers, input: [8, 9, 3], seed: 4)
        // Averages, scales and shifts that matter.
        var result = model
        for (index, (path, variable)) in model.variables.enumerated() where path.contains("bn") {
            guard variable.kind != .counter else { continue }
            let vector = randomArray(variable.value.shape, seed: UInt64(index), deviation: 0.2)
            let isSpread = path.hasSuffix("var") || path.hasSuffix("std")
            result.variables[path]!.value = NDArray(
                vector.doubles.map { Float(isSpread ? 0.7 + abs($0) : $0) }, shape: vector.shape)
        }
        return result
    }

    private func operations(_ graph: Graph) -> [String] { graph.nodes.map(\.op.name) }

    @Test(arguments: [.batch, .batchRenorm, .frozen] as [any NormalizationKind], [false, true])
    func inferenceHasNoNormalizationLeft(_ kind: any NormalizationKind, _ bias: Bool) throws {
        let model = try residual(kind, bias: bias)
        let graph = try model.graph(batch: 2)
        let folded = graph.foldingNormalizations()
        #expect(operations(graph).filter { $0 == "affine" }.count == 3)
        #expect(!operations(folded).contains("affine"))
        #expect(operations(folded).filter { $0 == "convolution" }.count == 3)
        #expect(folded.inputs == graph.inputs && folded.variables.keys == graph.variables.keys)
        let images = randomArray([2, 8, 9, 3], mean: 0.4)
        let engine = ReferenceEngine(precision: .f64)
        func logits(_ graph: Graph, _ engine: any Engine, _ type: ElementType) throws -> NDArray {
            try engine.compile(graph).run(
                ["images": images.converted(to: type)], on: engine.makeStore(model.variables))["logits"]!
        }
        let expected = try logits(graph, engine, .f64)
        #expect(try mismatch(logits(folded, engine, .f64), expected, tolerance: 1e-12) == nil)
        #expect(try mismatch(logits(graph, OneDNNEngine(), .f32), expected, tolerance: 2e-6) == nil)
        #expect(try mismatch(logits(folded, OneDNNEngine(), .f32), expected, tolerance: 2e-6) == nil)
    }

    @Test func whatIsReadOrMovesStays() throws {
        let model = try residual(.batchRenorm)
        // In training moments move with the batch.
        let training = try model.graph(batch: 2, phase: .training)
        #expect(training.foldingNormalizations().nodes == training.nodes)
        // A requested convolution keeps its value.
        let builder = GraphBuilder()
        let images = builder.input("images", shape: [2, 8, 9, 3])
        builder.fetch(try model.trace(images, on: builder, phase: .inference).output, as: "logits")
        let convolution = builder.graph.nodes.firstIndex { $0.op.name == "convolution" }!
        builder.fetch(builder.tensor(NodeID(convolution)), as: "tap")
        let tapped = builder.graph
        #expect(operations(tapped.foldingNormalizations()).filter { $0 == "affine" }.count == 1)
        // Instance normalization has a vector for each example.
        let own = try residual(.instance).graph(batch: 2)
        #expect(own.foldingNormalizations().nodes == own.nodes)
    }

    /// Training packs a weight, folding needs its order: both work on one store, whoever comes first.
    @Test(arguments: [false, true])
    func sharesAStoreWithTraining(_ inferenceFirst: Bool) throws {
        let model = try Model(
            Small(classes: 4, width: 0.5, normalization: Normalization(.batchRenorm)), input: [12, 12, 1])
        let step = try TrainingGraph(model, batch: 4, options: TrainingOptions(learningRate: .constant(0.1)))
        let images = randomArray([4, 12, 12, 1], type: .f32)
        func run(_ engine: any Engine) throws -> [NDArray] {
            let store = try engine.makeStore(step.initialState(of: model))
            let training = try engine.compile(step.graph)
            let inference = try engine.compile(model.graph(batch: 4))
            var logits: [NDArray] = []
            var results: [NDArray] = []
            func infer() throws {
                try inference.run([images], step: 0, on: store, into: &results)
                logits.append(results[0].converted(to: .f64))
            }
            if inferenceFirst { try infer() }
            for index in 0..<3 {
                try training.run(
                    [images, randomLabels(4, classes: 4)], step: index, on: store, into: &results)
                try infer()
            }
            return logits
        }
        for (found, expected) in zip(try run(OneDNNEngine()), try run(ReferenceEngine(precision: .f64))) {
            #expect(mismatch(found, expected, tolerance: 1e-3) == nil)
        }
    }
}
