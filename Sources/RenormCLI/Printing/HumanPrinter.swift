import Foundation
import Renorm

/// Tells a person what happens in a run: a progress bar on a terminal, plain lines elsewhere.
final class HumanPrinter: EventPrinter, @unchecked Sendable {
    // Events come one after another from one task, so nothing here is shared.
    private let run: String
    private let title: String
    private var progress = ProgressBar()
    private var steps = 0
    /// What the images of an epoch are cut into.
    private var unit = "batch"
    private var test: EvaluationReport?

    /// - Parameter normalization: What the network's normalizations are called, where the options say to keep them.
    init(_ options: TrainOptions, normalization: String) {
        let norm = options.normalization.norm
        run = options.run
        title = "\(options.network.model), \(norm.isKept ? normalization : norm.description)".visible
    }

    func print(_ event: TrainingEvent) throws(ReportingError) {
        show(event)
        if let failure = progress.failure { throw failure }
    }

    private func show(_ event: TrainingEvent) {
        switch event {
        case .started(let description):
            steps = description.steps
            if description.accumulation > 1 { unit = "step" }
            start(description)
        case .warning(let text):
            say("warning: \(text.visible)")
        case .resumed(let step, let url):
            say("Going on from step \(step.grouped) (\(url.lastPathComponent.visible)).")
        case .startedAnew(let folder):
            say("There is no checkpoint in \(folder.path.visible) yet: starting anew.")
        case .droppedIncompleteBatch(let examples):
            say("The last \(examples) images of each epoch do not fill a \(unit) and are left out of it.")
        case .stage(let report):
            say(
                "step \(report.step.grouped)  stage \(report.stage) of \(report.stages): \(report.parts.visible), "
                    + "\(report.trainedParameters.grouped) parameters are trained"
                    + (report.statisticsAreFrozen ? ", statistics stand still" : ""))
        case .step(let report):
            progress.update(
                completed: report.step, total: steps, unitsPerSecond: report.imagesPerSecond, unit: "images",
                detail: "loss \(report.loss.formatted(4))")
        case .watch:
            // What should be known of it comes as a warning.
            break
        case .skipped(let report):
            say(
                "Step \(report.step): '\(report.path.visible)' is not finite; this batch was skipped (\(report.total) so far)."
            )
        case .evaluation(let report) where report.set == .validation:
            let mark = report.isBest ? ", the best so far" : ""
            say(
                "step \(report.step.grouped)  validation: \(report.evaluation.accuracy.percent) right, "
                    + "loss \(report.evaluation.loss.formatted(4))\(mark)" + readings(report.normalizations))
        case .evaluation(let report):
            test = report
        case .checkpoint:
            break
        case .stoppedEarly(let stop):
            stoppedEarly(stop)
        case .finished(let summary):
            finish(summary)
        case .interrupted(let how):
            interrupted(how)
        }
    }

    /// From where to where what the layers report is.
    private func readings(_ reports: [NormalizationReport]) -> String {
        let labels = reports.first?.readings.all.map { ($0.name, $0.label) } ?? []
        return labels.map { name, label in
            let values = reports.compactMap { $0.readings[name] }
            return "; \(label) \((values.min() ?? 0).formatted(3)) to \((values.max() ?? 0).formatted(3))"
        }.joined()
    }

    func close() { progress.finish() }

    private func start(_ description: RunDescription) {
        let engine = description.environment.engine
        let examples =
            description.accumulation == 1
            ? "\(description.batchSize)" : "\(description.accumulation) × \(description.batchSize)"
        say(
            """
            \(title), \(description.parameterCount.grouped) parameters, on \(description.data.name.visible): \
            \(description.data.training.grouped) images to train on, \(description.data.validation.grouped) held out
            \(description.steps.grouped) steps of \(examples), \
            \(description.stepsPerEpoch.grouped) an epoch; \(engine.name) \(engine.version), \(engine.threads) \
            thread\(engine.threads == 1 ? "" : "s"), \(engine.instructionSet)\(engine.convolution == .auto ? "" : ", \(engine.convolution.rawValue) convolutions")
            """)
        if let cache = description.cache { say("Decoded pictures are kept: \("\(cache)".visible).") }
    }

    private func stoppedEarly(_ stop: EarlyStop) {
        close()
        let evaluations = "\(stop.evaluations) evaluation\(stop.evaluations == 1 ? "" : "s")"
        say(
            (stop.bestStep.map { "\(evaluations) since step \($0.grouped) found nothing better" }
                ?? "\(evaluations) found nothing finite")
                + ": training ends after step \(stop.step.grouped) of \(steps.grouped) (--patience).")
    }

    private func finish(_ summary: TrainingSummary) {
        close()
        if let test = summary.test {
            say(
                "Test accuracy \(test.accuracy.percent) on \(test.examples.grouped) images, loss "
                    + "\(test.loss.formatted(4)), with the state of step \(summary.chosenStep.grouped).")
            if let confusion = self.test?.confusion { say(EvaluationText(test, confusion)) }
        }
        if summary.skippedBatches > 0 { say("\(summary.skippedBatches) batches were skipped: not finite.") }
        say(
            "\(summary.trainingSeconds.formatted(1)) s of training, \(summary.seconds.formatted(1)) s in all. "
                + "Saved in \(run.visible); try: \(SuggestedCommands.evaluate(run))")
    }

    /// The table of many classes is left to `renorm evaluate`.
    private func say(_ text: EvaluationText) {
        say(text.summary)
        let classes = text.isShort ? text.classes + [""] : []
        for line in [""] + classes + text.confusions + [""] { say(line) }
    }

    private func interrupted(_ how: Interruption) {
        close()
        say(
            "Stopped after step \(how.step.grouped) of \(steps.grouped); the state is saved. Go on with:\n"
                + "  \(SuggestedCommands.resume(run))")
    }

    private func say(_ text: String) { progress.print(text) }
}
