import Foundation
import RenormGraphs
import RenormLayers

/// The checkpoint that a run goes on from, checked against what was asked for.
struct Resumption {
    let checkpoint: Checkpoint
    let progress: TrainingProgress

    /// `nil` if the run starts from the beginning.
    ///
    /// - Throws: What makes the checkpoint unusable. Nothing is overwritten then.
    init?(
        _ trainer: Trainer, _ plan: TrainingPlan, expected: Variables, _ channel: EventChannel
    ) throws {
        guard trainer.resumes, let folder = trainer.folder else { return nil }
        guard folder.hasCheckpoint else {
            channel.send(.startedAnew(folder: folder.url))
            return nil
        }
        let file = try VariablesFile(reading: folder.last)
        let record = try CheckpointRecord(in: file)
        try Resumption.check(record, trainer, plan, path: folder.last.path)
        let bounds = try trainer.model.statisticBounds().coveringAverages
        checkpoint = Checkpoint(
            variables: try file.variables(exactly: expected, bounds: bounds), record: record)
        var progress = TrainingProgress(resuming: record)
        progress.best = Resumption.best(in: folder, record, channel)
        self.progress = progress
        channel.send(.resumed(step: record.step, from: folder.last))
        for change in try ConfigurationDifference.between(
            saved: record.environment, given: plan.environment)
        {
            channel.send(
                .warning(
                    "the run began with \(change.option) \(change.saved) and goes on with \(change.given), so its "
                        + "last bits may differ from a run that was never stopped"))
        }
    }

    private static func check(
        _ record: CheckpointRecord, _ trainer: Trainer, _ plan: TrainingPlan, path: String
    ) throws {
        var differences = try trainer.configuration.differences(fromSaved: record.configuration)
        differences += try ConfigurationDifference.between(
            saved: record.overrides, given: trainer.model.overrides, prefix: "overrides")
        differences += try ConfigurationDifference.between(
            saved: record.data.forResuming, given: plan.data.forResuming, prefix: "data.")
        if let names = plan.sources?.names, let saved = record.domains, names != saved {
            differences.append(
                ConfigurationDifference(
                    option: "data.sources", saved: saved.joined(separator: ", "),
                    given: names.joined(separator: ", ")))
        }
        // What layers of a user's own say, which no configuration names.
        if trainer.configuration.architecture == nil {
            differences += try ConfigurationDifference.between(
                saved: record.schedules, given: plan.schedules, prefix: "schedules.")
        }
        guard differences.isEmpty else {
            throw TrainingError.otherRun(path: path, differences: differences)
        }
        guard record.step <= trainer.configuration.steps else {
            throw TrainingError.alreadyFurther(
                path: path, step: record.step, steps: trainer.configuration.steps)
        }
    }

    /// The best state is the one in the folder: it may be later than the last checkpoint, when the run was killed
    /// between the two.
    private static func best(
        in folder: RunFolder, _ record: CheckpointRecord, _ channel: EventChannel
    ) -> BestState? {
        guard record.data.validation > 0 else { return nil }
        guard FileManager.default.fileExists(atPath: folder.best.path) else {
            if record.best != nil {
                channel.send(
                    .warning("\(folder.best.path) is gone; the best state is chosen from here on only"))
            }
            return nil
        }
        do {
            return try CheckpointRecord(in: VariablesFile(reading: folder.best)).best
        } catch {
            channel.send(
                .warning(
                    "\(folder.best.path) cannot be read, so the best state is chosen from here on only: \(error)"
                )
            )
            return nil
        }
    }
}
