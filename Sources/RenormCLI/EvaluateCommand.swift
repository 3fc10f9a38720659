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

            Without --data a network is measured on the test images of the data that its run was trained on, by the run's \
            config.yml. That other images than the run's own are measured on is said on standard error.

            Examples:
              renorm evaluate runs/a
              renorm evaluate runs/a --statistics batch --sampling label-blocks:25x2
            """)

    @Argument(help: "The folder of a run, or one of its .safetensors files.")
    var run: String

    @Option(
        help: "Images: \(DataSources.formsText). Repeated: sources of one dataset. (default: the run's own)")
    var data: [String] = []

    @Option(
        help: ArgumentHelp("With --data: the label of the first class. (default: as trained)", valueName: "n")
    )
    var labelOffset: Int?

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
        try labelOffset.map { try LabelOptions.check(offset: $0) }
        for (name, value) in [
            ("--batch-size", batchSize ?? 1), ("--norm-examples", normExamples ?? 1),
            ("--threads", threads ?? 1),
        ] where value < 1 {
            throw ValidationError("\(name): found \(value); expected at least 1. Change it.")
        }
    }

    func run() async throws {
        let given = ConfigurationFile.names(in: CommandLine.arguments)
        _ = try NeedlessOption.warnings(needless(), given: given)
        let saved = try SavedRun(run)
        let trained = try TrainedModel(reading: saved.model)
        try NeedlessOption.warnings(needless(for: trained.model), given: []).forEach {
            warn("warning: \($0)")
        }
        let sources = try (data.isEmpty ? saved.dataSources(trained) : data)
            .map { try DataSource(parsing: $0) }
        let test = try loading(sources, isGiven: !data.isEmpty) {
            try DataSource.load(
                $0, .test, classNames: trained.classNames,
                labelOffset: labelOffset ?? trained.record.data.labelOffset ?? 0)
        }
        let isOwn = trained.record.data.isTest(test)
        if isOwn == false { warn("warning: \(otherImages(test, trained.record.data))") }
        let evaluator = Evaluator(
            try engine.makeEngine(threads: threads),
            options: EvaluationOptions(
                statistics: statistics, batchSize: batchSize, sampling: try Sampling(parsing: sampling),
                examplesTogether: normExamples, seed: seed))
        let evaluation = try await evaluator.evaluate(trained, on: test)
        switch log {
        case .json:
            try JSONPrinter().print(
                evaluation, set: "test", step: trained.step,
                data: MeasuredData(name: test.name, fingerprint: test.fingerprintText, isOwn: isOwn))
        case .human:
            try say(
                "\(evaluation.accuracy.percent) of \(evaluation.examples.grouped) test images of \(test.name.visible) right, "
                    + "loss \(evaluation.loss.formatted(4)) (\(statistics.rawValue) statistics)")
            let width = evaluation.classes.map(\.name.visible.count).max() ?? 0
            for result in evaluation.classes {
                let name = result.name.visible.padding(toLength: width, withPad: " ", startingAt: 0)
                try say("  \(name)  \(result.accuracy?.percent ?? "no examples")")
            }
        }
    }
}

extension EvaluateCommand {
    /// What has no effect beside other options.
    private func needless() throws -> [NeedlessOption] {
        var result = NeedlessOption.threads(threads, of: engine)
        func add(_ name: String, _ found: String, _ expected: String, _ remedy: String) {
            result.append(NeedlessOption(name: name, found: found, expected: expected, remedy: remedy))
        }
        let order = try Sampling(parsing: sampling)
        if statistics == .moving, order != .sequential, !order.repeatsExamples {
            add(
                "--sampling", "\(order) with the moving statistics, to which the order is all one",
                "--statistics batch with it", "Add that, or leave this option out")
        }
        if seed != 0, !order.isRandomInEvaluation {
            add(
                "--seed", "\(seed) with --sampling \(order), which draws nothing", "a random order with it",
                "Leave it out, or choose one with --sampling")
        }
        if let labelOffset, try data.allSatisfy({ try DataSource(parsing: $0).classNames != nil }) {
            add(
                "--label-offset",
                "\(labelOffset) with \(data.isEmpty ? "the run's own data" : "data that name their classes")",
                "--data idx:DIR with it", "Leave it out, or name such data")
        }
        if !data.isEmpty {
            result += NeedlessOption.order(order, "--sampling", sources: data.count, hasGroups: true)
        }
        return result
    }

    /// What has no effect on this network, but may have on others.
    private func needless(for model: Model) throws -> [NeedlessOption] {
        guard statistics == .batch else { return [] }
        guard try model.isBatchwise else {
            return [
                NeedlessOption(
                    name: "--statistics",
                    found: "batch with a network that normalizes no examples together",
                    expected: "one trained with --norm batch or batch-renorm",
                    remedy: "The moving statistics give the same result")
            ]
        }
        return NeedlessOption.order(
            try Sampling(parsing: sampling), "--sampling", sources: 0,
            hasGroups: try normExamples != nil || model.commonGroupSize() != nil)
    }

    /// That the images are not those of the run.
    private func otherImages(_ test: Dataset, _ own: DataDescription) -> String {
        func described(_ count: Int, _ fingerprint: String?) -> String {
            "\(count.grouped)" + (fingerprint.map { " of fingerprint \($0)" } ?? "")
        }
        return "the test images of \(test.name) are not those that the run was measured on at its end: found "
            + "\(described(test.count, test.fingerprintText)), expected \(described(own.test, own.testFingerprint)) of "
            + "\(own.name). "
            + (data.isEmpty
                ? "If that is not meant, name the run's own with --data."
                : "If that is not meant, leave --data out.")
    }
}

/// What an evaluation was made on.
struct MeasuredData: Encodable {
    var name: String
    var fingerprint: String
    /// Whether it is the run's own test set, if that is known.
    var isOwn: Bool?
}
