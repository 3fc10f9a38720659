import Foundation
import Renorm
import Testing

/// Moving averages that are measured anew.
@Suite struct RecalibrationTests {
    /// A normalization of the images themselves.
    private func model(_ normalization: Normalization) throws -> Model {
        let network = Sequential {
            normalization.named("bn")
            GlobalAveragePool()
            Dense(3).named("fc")
        }
        return try Model(network, input: [8, 8, 1], seed: 3)
    }

    private func loader(_ steps: Int) throws -> BatchLoader {
        let dataset = try TinyData.dataset(64)
        return BatchLoader(
            dataset: dataset, scaling: try InputScaling(of: dataset),
            sampler: try BatchSampler(.shuffled, dataset: dataset, batchSize: 4, seed: 1), to: steps)
    }

    /// Mean and unbiased variance of each batch's pixels, and their means over the batches, as `update_bn` has them.
    private func direct(_ steps: Int) throws -> (mean: Double, variance: Double, deviation: Double) {
        let loader = try loader(steps)
        defer { loader.cancel() }
        var sums = (0.0, 0.0, 0.0)
        for _ in 0..<steps {
            let values = try #require(try loader.next()).images.doubles
            let mean = values.reduce(0, +) / Double(values.count)
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            sums.0 += mean
            sums.1 += squares / Double(values.count - 1)
            sums.2 += (squares / Double(values.count) + 1e-5).squareRoot()
        }
        return (sums.0 / Double(steps), sums.1 / Double(steps), sums.2 / Double(steps))
    }

    private func measured(_ normalization: Normalization, steps: Int, _ engine: any Engine) throws
        -> Variables
    {
        let model = try model(normalization)
        let recalibration = try Recalibration(model, stage: 0, batch: 4, precision: .f32, engine: engine)
        let loader = try loader(steps)
        defer { loader.cancel() }
        return try recalibration.averages(
            of: engine.makeStore(model.variables), on: { try loader.next()?.images }, step: 0,
            isCancelled: { false })
    }

    @Test(arguments: engines.indices)
    func batchNormalizationTakesTheMeanOverBatches(_ engine: Int) throws {
        let expected = try direct(9)
        let found = try measured(Normalization(.batch), steps: 9, engines[engine])
        #expect(Set(found.paths) == ["bn.running_mean", "bn.running_var"])
        #expect(abs(found["bn.running_mean"]!.value.doubles[0] - expected.mean) < 1e-5)
        #expect(abs(found["bn.running_var"]!.value.doubles[0] - expected.variance) < 1e-5)
    }

    /// As batch normalization, of deviations.
    @Test func withinLimitsTheSame() throws {
        let found = try measured(TinyRun.renorm, steps: 9, ReferenceEngine())
        let expected = try direct(9)
        #expect(abs(found["bn.running_mean"]!.value.doubles[0] - expected.mean) < 1e-5)
        #expect(abs(found["bn.running_std"]!.value.doubles[0] - expected.deviation) < 1e-4)
    }

    /// Its own filter, whose averages of all batches agree with the population's within what these leave open.
    @Test func gainsThatTuneThemselvesAreFollowed() throws {
        let found = try measured(Normalization(.batchRenorm), steps: 60, ReferenceEngine())
        let expected = try direct(60)
        #expect(Set(found.paths) == ["bn.running_mean", "bn.running_std"])
        #expect(abs(found["bn.running_mean"]!.value.doubles[0] - expected.mean) < 0.1)
        #expect(abs(found["bn.running_std"]!.value.doubles[0] - expected.deviation) < 0.1)
    }

    @Test func whatIsFrozenStays() throws {
        var model = try model(Normalization(.batch))
        model.overrides = [.freeze("bn")]
        let recalibration = try Recalibration(
            model, stage: 0, batch: 4, precision: .f32, engine: ReferenceEngine())
        let loader = try loader(3)
        defer { loader.cancel() }
        let found = try recalibration.averages(
            of: ReferenceEngine().makeStore(model.variables), on: { try loader.next()?.images }, step: 0,
            isCancelled: { false })
        #expect(found.paths.isEmpty)
    }

    /// The state that is saved for use has them, the state to go on from does not, and training is the same.
    @Test func aRunIsSavedWithThem() async throws {
        let folder = try TemporaryFolder()
        func run(_ name: String, _ examples: Int, validation: Int) async throws -> RunFolder {
            var run = try TinyRun(folder.appending(name), normalization: Normalization(.batch))
            run.configuration.options.parameterAveragingRate = 0.1
            run.configuration.recalibration = examples
            run.configuration.validation = validation
            try await run.finish()
            return run.folder!
        }
        for validation in [20, 0] {
            let plain = try await run("plain \(validation)", 0, validation: validation)
            let measured = try await run("measured \(validation)", 48, validation: validation)
            #expect(try (plain.arrays(\.last) == measured.arrays(\.last)) == true)
            let (one, other) = try (plain.arrays(\.model), measured.arrays(\.model))
            let sameStep = try plain.record(\.model).step == measured.record(\.model).step
            for (path, value) in one where sameStep {
                let isAverage = path.hasSuffix("running_mean") || path.hasSuffix("running_var")
                #expect((other[path] == value) == !isAverage, "\(path)")
            }
            if validation == 20 {
                // What was saved is what was evaluated.
                let trained = try TrainedModel(reading: measured.best)
                let dataset = try TinyData.dataset(120)
                let (_, held) = try dataset.split(validation: 20, seed: 7)
                let evaluation = try await Evaluator(ReferenceEngine()).evaluate(trained, on: held)
                #expect(abs(evaluation.loss - trained.record.best!.loss) < 1e-6)
            }
        }
    }
}
