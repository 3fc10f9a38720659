import ArgumentParser
import Foundation
import Renorm

/// `renorm evaluate`.
struct EvaluateCommand: AsyncParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a trained network on test images.",
        discussion: """
            With --statistics batch, normalizations use the moments of each batch as in training (without batch renorm's \
            correction), which shows what a network loses or gains between training and inference. Then the order of the \
            images and the size of the groups matter.

            Without --data a network is measured on the test images of the data that its run was trained on, by the run's \
            config.yml. That other images than the run's own are measured on is said on standard error. Other pictures that \
            nothing parts into train, val and test are all measured; the run's own, wherever they are now, are split as for it.

            Examples:
              renorm evaluate runs/a
              renorm evaluate runs/a --data images:newer --output newer.csv
              renorm evaluate runs/a --statistics batch --sampling label-blocks:25x2
              renorm evaluate --model resnet18 --weights resnet18-f37072fd.pth --data images:val --class-names names.txt
            """)

    @Argument(help: "The folder of a run, or one of its .safetensors files; or say --weights.")
    var run: String?

    @OptionGroup var network: WeightsOptions
    @OptionGroup var domain: DomainOptions

    @OptionGroup var images: DataOptions

    @Option(Row<Int>.labelOffset)
    var labelOffset: Int?

    @Option(Row("The statistics that normalize: moving, or batch."))
    var statistics = Phase.Statistics.moving

    @Option(
        Row(
            "Examples at a time. (default: at most 250, in whole groups or label blocks; with --statistics batch and without groups as trained)",
            .atLeast(1)))
    var batchSize: Int?

    @Option(Row("The order of examples: \(Sampling.expected)."))
    var sampling = Sampling.sequential

    @Option(
        Row("With --statistics batch: examples normalized together. (default: as trained)", .atLeast(1)))
    var normExamples: Int?

    @Option(Row("The seed of a random order."))
    var seed: UInt64 = 0

    @Option(
        Row(
            "Write a CSV file with a line for each image: path (or number), class, prediction, probabilities.",
            isInFiles: false, valueName: "file"))
    var output: FilePath?

    @OptionGroup var reading: LoadingOptions
    @OptionGroup var arithmetic: PrecisionOptions
    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions
    @OptionGroup var printed: OutputOptions

    func validate() throws {
        try checkBounds()
        if normExamples != nil, statistics == .moving {
            throw ValidationError(
                "--norm-examples: found it with the moving statistics, which need no groups; expected --statistics batch. "
                    + "Add that, or leave this option out.")
        }
    }

    func run() async throws {
        var warnings = try NeedlessOption.warnings(needless)
        let source = try domain.choosing(network.network(of: run))
        let (classifier, trained) = (source.classifier, source.run?.trained)
        warnings += try needless(for: classifier.model).map(\.message)
        for text in warnings { warn("warning: \(text)") }
        let engine = try computing.make()
        let precision = try arithmetic.value(for: trained, on: engine)
        let pictures = try source.pictureOptions(images)
        let sources = try images.data.isEmpty ? source.ownData() : images.data
        try NeedlessOption.warnings(NeedlessOption.aboutPictures(values, sources: sources))
        let test = try loading(sources, isGiven: !images.data.isEmpty) {
            try DataSource.load(
                $0, .test, classNames: classifier.classNames,
                labelOffset: labelOffset ?? trained?.record.data.labelOffset ?? 0,
                framing: classifier.preparation.framing,
                pictures: pictures, observe: DataProgress().observe)
        }
        let framed = try test.framed(as: classifier.preparation)
        if framed.size != test.size {
            warn(
                "note: the images of \(test.name.visible) are \(test.size), and are brought to \(framed.size) as the network prepares pictures"
            )
        }
        for text in try NeedlessOption.warnings(
            NeedlessOption.order(sampling, "--sampling", sources: test.sources.count, hasGroups: true))
        {
            warn("warning: \(text)")
        }
        let isOwn = trained?.record.data.isTest(test)
        if let trained, isOwn == false { warn("warning: \(otherImages(test, trained.record.data))") }
        let evaluator = Evaluator(
            engine,
            options: EvaluationOptions(
                statistics: statistics, batchSize: batchSize, sampling: sampling,
                examplesTogether: normExamples, seed: seed, precision: precision),
            workers: reading.workers)
        let measurement = try await measure(evaluator, source, framed)
        let evaluation = measurement.evaluation
        switch printed.log {
        case .json:
            try JSONPrinter().print(
                evaluation, measurement.confusion, set: "test", step: trained?.step ?? 0,
                data: MeasuredData(name: test.name, fingerprint: test.fingerprintText, isOwn: isOwn),
                arithmetic: precision)
        case .human:
            try say(
                "\(evaluation.accuracy.percent) of \(evaluation.examples.grouped) test images of \(test.name.visible) right, "
                    + "loss \(evaluation.loss.formatted(4)) (\(statistics.rawValue) statistics\(precision == .f32 ? "" : ", \(precision.rawValue)"))"
            )
            let text = EvaluationText(evaluation, measurement.confusion)
            for line in [text.summary, ""] + text.classes + [""] + text.confusions { try say(line) }
        }
    }
}

extension EvaluateCommand {
    /// What has no effect beside other options.
    private var needless: [NeedlessOption] {
        var result = computing.needless
        if statistics == .moving, sampling != .sequential, !sampling.repeatsExamples {
            result.append(
                NeedlessOption(
                    "--sampling", "\(sampling) with the moving statistics, to which the order is all one",
                    expected: "--statistics batch with it", "Add that, or leave this option out"))
        }
        if seed != 0, !sampling.isRandomInEvaluation {
            result.append(
                NeedlessOption(
                    "--seed", "\(seed) with --sampling \(sampling), which draws nothing",
                    expected: "a random order with it", "Leave it out, or choose one with --sampling"))
        }
        if let labelOffset, images.data.allSatisfy({ $0.classNames != nil }) {
            let data = images.data.isEmpty ? "the run's own data" : "data that name their classes"
            result.append(
                NeedlessOption(
                    "--label-offset", "\(labelOffset) with \(data)", expected: "--data idx:DIR with it",
                    "Leave it out, or name such data"))
        }
        return result
    }

    /// What has no effect on this network, but may have on others.
    private func needless(for model: Model) throws -> [NeedlessOption] {
        guard statistics == .batch else { return [] }
        guard try model.isBatchwise else {
            return [
                NeedlessOption(
                    "--statistics", "batch with a network that normalizes no examples together",
                    expected: "one trained with --norm batch or batch-renorm",
                    "The moving statistics give the same result")
            ]
        }
        return NeedlessOption.order(
            sampling, "--sampling", sources: 0,
            hasGroups: try normExamples != nil || model.commonGroupSize() != nil)
    }

    /// Measures the network and, where that is asked for, writes down what it says of each image.
    private func measure(
        _ evaluator: Evaluator, _ source: WeightsOptions.Source, _ test: Dataset
    ) async throws -> DetailedEvaluation {
        var evaluator = evaluator
        evaluator.options.trainedBatchSize = source.run?.trained.record.configuration.batchSize
        let (model, scaling) = (source.classifier.model, source.classifier.preparation.scaling)
        let predictions = output.map { _ in PredictionFile(of: test) }
        var each: (@Sendable (ExampleResult) throws -> Void)?
        if let predictions { each = { predictions.add($0) } }
        let measurement =
            if domain.domain == nil, let trained = source.run?.trained, trained.record.domains != nil {
                try await evaluator.measure(trained, on: test, each: each)
            } else {
                try await evaluator.measure(model, on: test, scaling: scaling, each: each)
            }
        if let output { try predictions?.write(to: output.url) }
        return measurement
    }

    /// That the images are not those of the run.
    private func otherImages(_ test: Dataset, _ own: DataDescription) -> String {
        func described(_ count: Int, _ fingerprint: String?) -> String {
            "\(count.grouped)" + (fingerprint.map { " of fingerprint \($0)" } ?? "")
        }
        return "the test images of \(test.name) are not those that the run was measured on at its end: found "
            + "\(described(test.count, test.fingerprintText)), expected \(described(own.test, own.testFingerprint)) of "
            + "\(own.name). "
            + (images.data.isEmpty
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
