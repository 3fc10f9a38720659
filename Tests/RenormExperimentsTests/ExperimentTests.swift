import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Experiments from Swift code: nothing here is read from text.
@Suite struct ExperimentTests {
    @Test func everyCellIsARun() async throws {
        let experiment = TinyExperiment.experiment()
        let data = try TinyExperiment.data()
        try experiment.check(data)
        #expect(experiment.cells.count == 8 && Set(experiment.cells.map(\.key)).count == 8)
        let engine = try OneDNNEngine(threads: 1)
        for cell in experiment.cells.prefix(2) {
            let result = try await experiment.run(cell, data, on: engine)
            #expect(result.steps == 6 && result.notFinite == nil)
            #expect(result.curve.map(\.step) == [3, 6])
            #expect(result.accuracyAsTrained != nil && result.accuracyOfBatches != nil)
            #expect(result.gains.count == (cell.contender.name == "batch" ? 0 : 5))
            #expect(
                result.gains.allSatisfy {
                    $0.readings.all.count == 2
                        && $0.readings.all.allSatisfy { (0.002...1).contains($0.value) }
                })
            let again = try await experiment.run(cell, data, on: engine)
            #expect(again.accuracy == result.accuracy && again.loss == result.loss)
        }
    }

    /// A setting's groups are drawn the same for everybody, whatever is normalized together.
    @Test(arguments: [
        (Normalization(.layer), false), (Normalization(.batch(examples: 2)), true),
        (Normalization(.batch(examples: 8)), true),
    ])
    func groupsAreTheSettings(normalization: Normalization, hasAverages: Bool) async throws {
        var experiment = TinyExperiment.experiment()
        experiment.contenders = [Experiment.Contender("only", normalization: normalization)]
        let data = try TinyExperiment.data()
        try experiment.check(data)
        let result = try await experiment.run(experiment.cells[1], data, on: OneDNNEngine(threads: 1))
        #expect(result.setting == "one label" && result.steps == 6)
        #expect((result.accuracyAsTrained != nil) == hasAverages)
    }

    /// A contender's layer, and its and a setting's training options, are what is trained.
    @Test func anythingCanBeCompared() async throws {
        struct Plain: Layer {
            func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
                try scope.apply("fc", Dense(3), to: scope.apply("flat", Flatten(), to: x))
            }
        }
        var experiment = TinyExperiment.experiment(seeds: [0])
        experiment.model = "networks of our own"
        experiment.contenders = [
            Experiment.Contender("plain", layer: Plain()),
            Experiment.Contender("plain, still") { recipe in
                recipe.layer = Plain()
                recipe.configuration.options.learningRate = .constant(0)
                recipe.configuration.options.optimizer = .adamW()
            },
            Experiment.Contender("small") { recipe in
                recipe.architecture.name = "small:0.125"
                recipe.architecture.normalization = Normalization(.group(2))
                recipe.configuration.steps = 1
            },
        ]
        experiment.settings = [
            Experiment.Setting("fours", sampling: .shuffled, batchSize: 8) { recipe in
                recipe.configuration.augmentation = .standard
                recipe.configuration.steps = 4
            }
        ]
        let data = try TinyExperiment.data()
        try experiment.check(data)
        #expect(try !experiment.hasGroups(in: experiment.settings[0], data))
        var results: [ExperimentResult] = []
        for cell in experiment.cells {
            results.append(try await experiment.run(cell, data, on: OneDNNEngine(threads: 1)))
        }
        #expect(results.map(\.steps) == [4, 4, 1])
        #expect(results.allSatisfy { $0.accuracyAsTrained == nil && $0.gains.isEmpty })
        // Without a learning rate a network keeps the values it starts with, which the seed alone gives.
        let start = try Model(Plain(), input: [8, 8, 1], seed: 0)
        let evaluation = try await Evaluator(OneDNNEngine(threads: 1)).evaluate(
            start, on: data.measured, scaling: data.scaling)
        #expect(results[1].loss == evaluation.loss && results[0].loss != evaluation.loss)
    }

    @Test func whatIsNotFiniteEndsARunAndIsSaid() async throws {
        var experiment = TinyExperiment.experiment()
        experiment.learningRate = 1e30
        let engine = try OneDNNEngine(threads: 1)
        let result = try await experiment.run(experiment.cells[0], try TinyExperiment.data(), on: engine)
        #expect(result.steps < 6 && result.notFinite != nil)
    }

    /// What is not finite only as deployed does not end a run: its result says so.
    @Test func whatIsNotFiniteAsDeployedIsSaid() async throws {
        struct Overflow: Layer {
            func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
                try scope.phase.statistics == .moving ? x * 3e38 * 3e38 : x
            }
        }
        struct Spoiled: Layer {
            func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
                let x = try scope.apply("bn", Normalization(.batch), to: x)
                let y = try scope.apply("overflow", Overflow(), to: x)
                return try scope.apply("fc", Dense(3), to: scope.apply("flat", Flatten(), to: y))
            }
        }
        var experiment = TinyExperiment.experiment()
        experiment.contenders = [Experiment.Contender("spoiled", layer: Spoiled())]
        let result = try await experiment.run(
            experiment.cells[0], TinyExperiment.data(), on: OneDNNEngine(threads: 1))
        #expect(result.steps == 6 && result.notFinite == nil)
        #expect(result.notFiniteAsDeployed == "overflow")
        #expect(result.accuracy == 0 && result.loss == nil)
        #expect(result.accuracyAsTrained! > 0)
    }

    /// What batches cannot be made of is said before any run.
    @Test func evaluationsAreChecked() throws {
        var experiment = TinyExperiment.experiment()
        experiment.settings = [
            Experiment.Setting("blocks", sampling: .labelBlocks(labels: 4, each: 8), batchSize: 32)
        ]
        #expect(throws: ImagesError.self) { try experiment.check(try TinyExperiment.data()) }
    }

    /// With several sources, the parts that are measured often are not all of the first one.
    @Test func partsAreOfAllSources() throws {
        let sources = [try TinyData.dataset(3000), try TinyData.dataset(3000, seed: 2)]
        let both = try Dataset(joining: sources)
        let data = try Experiment.Data(training: both, heldOut: 2000, test: both)
        for part in [data.inBatches, data.alongTheWay] {
            let ofSecond = part.sourceOfExamples.filter { $0 == 1 }.count
            #expect(abs(Double(ofSecond) / Double(part.count) - 0.5) < 0.1)
        }
        #expect(data.inBatches.count == 2560 && data.alongTheWay.count == 1000)
        #expect(
            try Experiment.Data(training: both, heldOut: 2000, test: both).inBatches.labels
                == data.inBatches.labels)
    }
}
