import ArgumentParser
import Foundation
import Renorm

/// `renorm evaluate`.
struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a trained network on test images.",
        discussion: """
            With --statistics batch, normalizations use the moments of each batch as in training (without batch renorm's \
            correction), which shows what a network loses or gains between training and inference. Then the order of the \
            images and the size of the groups matter.

            Examples:
              renorm evaluate runs/a
              renorm evaluate runs/a --statistics batch --sampling label-blocks:25x2
            """)

    @Argument(help: "The folder of a run, or one of its .safetensors files.")
    var run: String

    @Option(
        help: "Images: fashion-mnist, or idx:DIR. Repeated: sources of one dataset. (default: fashion-mnist)")
    var data: [String] = []

    @Option(help: "The statistics that normalize: moving, or batch.")
    var statistics = Phase.Statistics.moving

    @Option(
        help:
            "Examples at a time. (default: at most 250, in whole groups or label blocks; with --statistics batch and without groups as trained)"
    )
    var batchSize: Int?

    @Option(help: "The order of examples: \(Sampling.names).")
    var sampling = "sequential"

    @Option(help: "With --statistics batch: examples normalized together. (default: as trained)")
    var normExamples: Int?

    @Option(help: "The seed of a random order.")
    var seed: UInt64 = 0

    @Option(help: "Threads of the engine. (default: one a core)")
    var threads: Int?

    @Option(help: "onednn or reference.")
    var engine = EngineChoice.onednn

    @Option(help: "What is printed: human, or json, one object a line.")
    var log = LogFormat.human

    func validate() throws {
        if normExamples != nil, statistics == .moving {
            throw ValidationError(
                "--norm-examples: found it with the moving statistics, which need no groups; expected --statistics batch. "
                    + "Add that, or leave this option out.")
        }
        for (name, value) in [
            ("--batch-size", batchSize ?? 1), ("--norm-examples", normExamples ?? 1),
            ("--threads", threads ?? 1),
        ] where value < 1 {
            throw ValidationError("\(name): found \(value); expected at least 1. Change it.")
        }
    }

    func run() async throws {
        let trained = try TrainedModel(reading: savedModel(run))
        let sources = try (data.isEmpty ? ["fashion-mnist"] : data).map { try DatasetSource(parsing: $0) }
        let test = try DatasetSource.load(sources, .test, classNames: trained.classNames)
        let evaluator = Evaluator(
            try engine.makeEngine(threads: threads),
            options: EvaluationOptions(
                statistics: statistics, batchSize: batchSize, sampling: try Sampling(parsing: sampling),
                examplesTogether: normExamples, seed: seed))
        let evaluation = try await evaluator.evaluate(trained, on: test)
        switch log {
        case .json:
            try JSONPrinter().print(evaluation, set: "test", step: trained.step)
        case .human:
            try say(
                "\(evaluation.accuracy.percent) of \(evaluation.examples.grouped) test images right, "
                    + "loss \(evaluation.loss.formatted(4)) (\(statistics.rawValue) statistics)")
            let width = evaluation.classes.map(\.name.visible.count).max() ?? 0
            for result in evaluation.classes {
                let name = result.name.visible.padding(toLength: width, withPad: " ", startingAt: 0)
                try say("  \(name)  \(result.accuracy?.percent ?? "no examples")")
            }
        }
    }
}

/// The model that a path names: a file itself, or the chosen one of a run's folder.
func savedModel(_ path: String) throws -> URL {
    let url = URL(fileURLWithPath: path)
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
        return url
    }
    return try RunFolder(url).chosen()
}
