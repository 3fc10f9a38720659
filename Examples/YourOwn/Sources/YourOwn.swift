// A normalization, a network and a source of pictures that Renorm does not have, used by their names with everything that it
// has: training, checkpoints, evaluation and comparisons. Run it with: swift run --package-path Examples/YourOwn

import Foundation
import Renorm

@main
struct YourOwn {
    static func main() async throws {
        NormalizationKinds.table.register(RootMeanSquare.self)
        Networks.table.register(
            "tower", argument: .optional("HEIGHT"),
            Network { request, height in
                Int(height ?? "3").map {
                    Tower(height: $0, classes: request.classes, normalization: request.normalization)
                }
            })
        DataSources.register("shapes", argument: .required("COUNT"), classNames: Shapes.classNames) {
            request in
            let count = Int(request.argument ?? "") ?? 300
            return request.part == .training
                ? try Shapes.dataset(count, seed: 1, name: "shapes")
                : try Shapes.dataset(150, seed: 2, name: "shapes, test")
        }

        let data = try DataSource(parsing: "shapes:600").load()
        let (training, test) = (data.training, data.test!)
        let engine: any Engine = (try? OneDNNEngine()) ?? ReferenceEngine()
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("your-own-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        try await train(on: training, test, engine, folder)

        // The run's file says the names; the tables say what they are.
        let trained = try TrainedModel(reading: RunFolder(folder).model)
        let evaluation = try await Evaluator(engine).evaluate(trained, on: test)
        print("read again: \(percent(evaluation.accuracy)) of \(evaluation.examples) right")

        try await compare(training, test, engine)
    }

    static func train(on training: Dataset, _ test: Dataset, _ engine: any Engine, _ folder: URL) async throws
    {
        let architecture = Architecture(
            name: "tower:3", classes: training.classCount, input: [20, 20, 1],
            normalization: try Normalization(parsing: "rms power=4"))
        let trainer = Trainer(
            model: try architecture.makeModel(seed: 0),
            configuration: TrainingConfiguration(
                architecture: architecture,
                options: TrainingOptions(learningRate: .cosine(from: 0.05, steps: 60)), steps: 60,
                batchSize: 20,
                validation: 100),
            engine: engine, training: training, test: test, folder: RunFolder(folder))
        let summary = try await trainer.run()
        print("tower:3 with rms power=4: \(percent(summary.test!.accuracy)) of the test pictures right")
    }

    static func compare(_ training: Dataset, _ test: Dataset, _ engine: any Engine) async throws {
        let experiment = Experiment(
            model: "tower:2",
            contenders: [
                Experiment.Contender("batch", normalization: Normalization(.batch)),
                Experiment.Contender("rms", normalization: try Normalization(parsing: "rms")),
            ],
            settings: [Experiment.Setting("fours", sampling: .shuffled, batchSize: 16, examples: 4)],
            seeds: [0],
            steps: 30)
        let data = try Experiment.Data(training: training, heldOut: 100, test: test)
        for cell in experiment.cells {
            let result = try await experiment.run(cell, data, on: engine)
            print("\(cell.contender.name) in \(cell.setting.name): \(percent(result.accuracy))")
        }
    }

    static func percent(_ part: Double) -> String { "\((part * 1000).rounded() / 10) %" }
}
