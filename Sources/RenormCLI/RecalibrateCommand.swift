import ArgumentParser
import Foundation
import Renorm

/// `renorm recalibrate`.
struct RecalibrateCommand: AsyncParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "recalibrate",
        abstract: "Measure a network's moving averages anew, its weights as they are.",
        discussion: """
            Training pictures pass without gradients, and need no labels. --estimator training averages what batches give, drawn as in training; population takes \
            the exact statistics of all pictures, layer after layer. Which is better is for 'renorm doctor' to say: with batch \
            renormalization on biased batches the population's can cost many points. What is frozen stays as it is, and so does the network that \
            is there: the new one is written beside it.

            Examples:
              renorm recalibrate runs/a
              renorm recalibrate runs/a --estimator population --examples 10000
              renorm evaluate runs/a/recalibrated.safetensors
            """)

    @OptionGroup var trained: TrainedNetworkOptions

    @Option(Row("The most training pictures to measure on, chosen by the seed.", .atLeast(2), valueName: "n"))
    var examples = 4000

    @Option(
        Row(
            "Whose averages: \(Recalibrator.Estimator.expected)."))
    var estimator = Recalibrator.Estimator.training

    @Option(
        Row(
            "The file to write. (default: recalibrated.safetensors in the run's folder)", isInFiles: false,
            valueName: "file"))
    var output: FilePath?

    func run() async throws {
        for text in try NeedlessOption.warnings(trained.computing.needless) { warn("warning: \(text)") }
        let source = try trained.network.network(of: trained.run, mends: true)
        let target = try place(source)
        guard target.standardizedFileURL != source.run?.saved.model.standardizedFileURL else {
            throw UsageError(
                "--output: found the file of the network itself, '\(target.path.visible)'; expected another, so that it stays as it is. "
                    + "Name another file.")
        }
        let pictures = try TrainingPictures(of: source, trained, atMost: examples, wantsHeldOut: false)
        let own = pictures.training.sample(examples, seed: trained.seed)
        let engine = try trained.computing.make()
        let classifier = source.classifier
        let model = try Recalibrator(engine, workers: trained.reading.workers).recalibrate(
            classifier.model, by: estimator, on: own, scaling: classifier.preparation.scaling,
            history: pictures.history)
        if var changed = source.run?.trained {
            changed.model = model
            try changed.write(to: target)
        } else {
            var changed = classifier
            changed.model = model
            try changed.write(to: target)
        }
        let done = Recalibrated(
            estimator: estimator.rawValue, examples: own.count, data: own.name, file: target.path)
        switch trained.printed.log {
        case .json: try JSONPrinter().print(done)
        case .human:
            try say(
                "Measured the averages anew on \(own.count.grouped) pictures of \(own.name.visible) (estimator \(estimator.rawValue))."
            )
            try say(
                "Wrote \(target.path.visible). Use it in place of a run: renorm evaluate \(target.path.shellQuoted)"
            )
        }
    }

    /// Where the new network goes.
    private func place(_ source: WeightsOptions.Source) throws -> URL {
        if let output { return output.url }
        guard let run = source.run else {
            throw UsageError(
                "--output: found none; expected the file to write, since \(source.name.visible) is of no run. Say --output FILE."
            )
        }
        return run.saved.folder.url.appendingPathComponent("recalibrated.safetensors")
    }
}

/// How a network was recalibrated.
struct Recalibrated: Encodable {
    var estimator: String
    var examples: Int
    var data: String
    var file: String
}
