import Foundation
import Renorm
import Testing

/// Models measured on labelled examples.
@Suite struct EvaluationTests {
    /// A trained network, the examples, and how to scale them.
    private func trained(_ normalization: Normalization) async throws -> (Model, Dataset, InputScaling) {
        let folder = try TemporaryFolder()
        let run = try TinyRun(folder.appending("run"), normalization: normalization)
        try await run.finish()
        let trained = try TrainedModel(reading: run.folder!.model)
        return (trained.model, run.test!, trained.scaling)
    }

    private func evaluate(
        _ model: Model, _ data: Dataset, _ scaling: InputScaling, _ options: EvaluationOptions
    ) async throws -> Evaluation {
        try await Evaluator(ReferenceEngine(), options: options).evaluate(model, on: data, scaling: scaling)
    }

    @Test("moving statistics: any batch and any order give the same")
    func invariance() async throws {
        let (model, data, scaling) = try await trained(TinyRun.renorm)
        let one = try await evaluate(model, data, scaling, EvaluationOptions(batchSize: 1))
        for batchSize in [7, 8, 30, 64] {
            for sampling in [Sampling.sequential, .shuffled, .sorted] {
                let other = try await evaluate(
                    model, data, scaling, EvaluationOptions(batchSize: batchSize, sampling: sampling))
                #expect(other.accuracy == one.accuracy)
                #expect(other.classes == one.classes)
                #expect(abs(other.loss - one.loss) < 1e-6)
                #expect(other.examples == 30)
            }
        }
    }

    @Test("batch statistics depend on the batch; groups within it do not on the batch's size")
    func batchStatistics() async throws {
        let (model, data, scaling) = try await trained(Normalization(.batch))
        func loss(_ batchSize: Int, together: Int?, _ sampling: Sampling = .sequential) async throws -> Double
        {
            let result = try await evaluate(
                model, data, scaling,
                EvaluationOptions(
                    statistics: .batch, batchSize: batchSize, sampling: sampling, examplesTogether: together))
            #expect(result.examples == 30)
            return result.loss
        }
        let groups = try await loss(6, together: 6)
        #expect(abs(try await loss(12, together: 6) - groups) < 1e-6)
        #expect(abs(try await loss(30, together: 6) - groups) < 1e-6)
        #expect(abs(try await loss(6, together: nil) - groups) < 1e-6)
        #expect(abs(try await loss(30, together: nil) - groups) > 1e-4)
        #expect(abs(try await loss(6, together: 6, .sorted) - groups) > 1e-4)
        // 30 = 3 · 8 + 6: two whole groups of 4 … and a rest of 2, normalized alone.
        let rest = try await loss(8, together: 4)
        #expect(abs(try await loss(4, together: nil) - rest) < 1e-6)
        // Without a size or groups a batch is a block of labels.
        let blocks = try await evaluate(
            model, data, scaling,
            EvaluationOptions(statistics: .batch, sampling: .labelBlocks(labels: 2, each: 4)))
        #expect(blocks.examples == 24)
        let moving = try await evaluate(model, data, scaling, EvaluationOptions())
        #expect(abs(moving.loss - groups) > 1e-4)
    }

    @Test("groups that the model was trained with are kept, and a rest is a group of its own")
    func groupsOfTheModel() async throws {
        let (model, data, scaling) = try await trained(Normalization(.batchRenorm(examples: 4)))
        let whole = try await evaluate(
            model, data, scaling, EvaluationOptions(statistics: .batch, batchSize: 8))
        let single = try await evaluate(
            model, data, scaling, EvaluationOptions(statistics: .batch, batchSize: 4))
        #expect(abs(whole.loss - single.loss) < 1e-6)
        #expect(whole.examples == 30)
        // Without a size a batch is whole groups: at most 250 in 4.
        let byItself = try await evaluate(model, data, scaling, EvaluationOptions(statistics: .batch))
        #expect(abs(byItself.loss - whole.loss) < 1e-6)
        let blocks = try await evaluate(
            model, data, scaling,
            EvaluationOptions(statistics: .batch, sampling: .labelBlocks(labels: 1, each: 4)))
        #expect(blocks.examples == 28)
        await #expect(throws: ImagesError.groupSize(group: 4, batch: 6)) {
            try await evaluate(model, data, scaling, EvaluationOptions(statistics: .batch, batchSize: 6))
        }
    }

    @Test(
        "with batch statistics a run's model is normalized in batches of training where nothing else is asked for"
    )
    func batchesOfTraining() async throws {
        let folder = try TemporaryFolder()
        let run = try TinyRun(folder.appending("run"))
        try await run.finish()
        let trained = try TrainedModel(reading: run.folder!.chosen())
        let size = trained.record.configuration.batchSize
        func loss(_ batchSize: Int?) async throws -> Double {
            let options = EvaluationOptions(statistics: .batch, batchSize: batchSize)
            return try await Evaluator(ReferenceEngine(), options: options)
                .evaluate(trained, on: run.test!).loss
        }
        #expect(try await loss(nil) == loss(size))
        #expect(try await loss(nil) != loss(30))
    }

    @Test("frozen parts keep their moving averages whatever statistics are asked for")
    func frozenParts() async throws {
        var (model, data, scaling) = try await trained(Normalization(.batch))
        model.overrides.append(.freeze(.all))
        let a = try await evaluate(model, data, scaling, EvaluationOptions(statistics: .batch, batchSize: 5))
        let b = try await evaluate(model, data, scaling, EvaluationOptions(batchSize: 30))
        #expect(abs(a.loss - b.loss) < 1e-6)
        #expect(a.accuracy == b.accuracy)
    }

    @Test("layer normalization has no batch statistics")
    func layerNormalization() async throws {
        let (model, data, scaling) = try await trained(Normalization(.layer))
        let a = try await evaluate(model, data, scaling, EvaluationOptions(statistics: .batch, batchSize: 5))
        let b = try await evaluate(model, data, scaling, EvaluationOptions(batchSize: 30))
        #expect(abs(a.loss - b.loss) < 1e-6)
        #expect(a.accuracy == b.accuracy)
    }

    @Test("probabilities are those of the evaluation")
    func probabilities() async throws {
        let folder = try TemporaryFolder()
        let run = try TinyRun(folder.appending("run"))
        try await run.finish()
        let trained = try TrainedModel(reading: run.folder!.chosen())
        let evaluator = Evaluator(ReferenceEngine(), options: EvaluationOptions(batchSize: 7))
        let evaluation = try await evaluator.evaluate(trained, on: run.test!)
        let predictor = try Predictor(trained, engine: ReferenceEngine(), batchSize: 7)
        let probabilities = try predictor.probabilities(of: run.test!.images)
        #expect(probabilities.count == 30)
        var loss = 0.0
        var correct = 0
        for (row, label) in zip(probabilities, run.test!.labels) {
            #expect(abs(row.reduce(0, +) - 1) < 1e-12)
            loss -= log(row[Int(label)]) / 30
            if row.firstIndex(of: row.max()!) == Int(label) { correct += 1 }
        }
        #expect(abs(loss - evaluation.loss) < 1e-6)
        #expect(Double(correct) / 30 == evaluation.accuracy)
        #expect(throws: TrainingError.self) {
            try Predictor(trained, engine: ReferenceEngine(), batchSize: 0)
        }
        #expect(
            throws: TrainingError.imageShape(data: "the input", found: [8, 7, 1], expected: [8, 8, 1])
        ) {
            try predictor.probabilities(of: NDArray(zeros: [2, 8, 7, 1], type: .u8))
        }
    }

    @Test("NaN is never a right answer, but an error that names where it comes from")
    func notANumber() async throws {
        var (model, data, scaling) = try await trained(Normalization(.layer))
        model.variables["fc.bias"]?.value = NDArray(repeating: Float.nan, shape: [3])
        await #expect(throws: TrainingError.notFiniteOn(data: "tiny test", path: "fc.bias")) {
            try await evaluate(model, data, scaling, EvaluationOptions())
        }
    }

    /// Whatever the others of a batch are; the size of the batch may change the last digits.
    @Test(arguments: engines.indices)
    func aPredictionDoesNotDependOnTheOtherImages(engine: Int) async throws {
        let folder = try TemporaryFolder()
        let run = try TinyRun(folder.appending("run"), steps: 5)
        try await run.finish()
        let trained = try TrainedModel(reading: run.folder!.chosen())
        func predict(_ places: [Int], batchSize: Int) throws -> [[Double]] {
            try Predictor(trained, engine: engines[engine], batchSize: batchSize).probabilities(
                of: run.training.subset(places).images)
        }
        let together = try predict(Array(0..<8), batchSize: 8)
        #expect(try predict([20, 1, 30, 31, 4, 32, 33, 34], batchSize: 8)[4] == together[4])
        let alone = try predict(Array(0..<8), batchSize: 1)
        for (one, other) in zip(alone.joined(), together.joined()) { #expect(abs(one - other) < 1e-5) }
    }
}
