import Foundation
import RenormGraphs

extension TrainingRun {
    /// Saves the state to go on from.
    func saveLast(_ reason: CheckpointReport.Reason) throws {
        guard let folder = trainer.folder else { return }
        try flushHistory()
        try checkpoint().write(to: folder.last)
        progress.savedAt = progress.step
        channel.send(
            .checkpoint(CheckpointReport(url: folder.last, reason: reason, step: progress.step)))
    }

    /// Keeps the state as the best.
    func saveBest() throws {
        guard let folder = trainer.folder else {
            bestCheckpoint = try checkpointForInference()
            return
        }
        try checkpointForInference().write(to: folder.best)
        channel.send(
            .checkpoint(CheckpointReport(url: folder.best, reason: .best, step: progress.step)))
    }

    /// Measures the chosen state on the test set and saves it for use.
    func finish() throws -> TrainingSummary {
        var chosen = try chosenModel()
        if let test = trainer.test {
            let pass = try EvaluationPass(
                chosen.model, engine: trainer.engine, options: evaluationOptions,
                workers: trainer.workers)
            let store = try trainer.engine.makeStore(chosen.model.variables)
            let measurement = try pass.measure(
                chosen.parts(of: test, on: store), scaling: scaling, on: store,
                stopsAtNotFinite: true, isCancelled: { shouldStop })
            if let path = measurement.notFinite {
                try leaveOut(.test, of: chosen.step, path)
            } else {
                chosen.record.test = measurement.evaluation
                channel.send(
                    .evaluation(
                        EvaluationReport(
                            set: .test, step: chosen.step, evaluation: measurement.evaluation, isBest: false,
                            confusion: measurement.confusion)))
            }
        }
        if let folder = trainer.folder {
            try chosen.write(to: folder.model)
            channel.send(
                .checkpoint(CheckpointReport(url: folder.model, reason: .model, step: chosen.step)))
        }
        return TrainingSummary(
            steps: progress.step, chosenStep: chosen.step, validation: chosen.record.validation,
            test: chosen.record.test, skippedBatches: progress.skippedBatches,
            seconds: (ContinuousClock.now - start).seconds, trainingSeconds: trainingTime.seconds,
            model: trainer.folder?.model)
    }

    /// The state with the best result on the validation set or, without one, the last.
    private func chosenModel() throws -> TrainedModel {
        if let folder = trainer.folder, progress.best != nil {
            return try TrainedModel(reading: folder.best, layer: trainer.model.layer)
        }
        let chosen = try bestCheckpoint ?? checkpointForInference()
        var model = trainer.model
        model.variables = chosen.variables.forInference(model.variables.paths).inStoredTypes
        return try TrainedModel(model: model, record: chosen.record).unstacked()
    }

    private func checkpoint() throws -> Checkpoint {
        Checkpoint(variables: try variablesToSave(), record: record)
    }

    /// The state as it is used: with moving averages that were measured anew, if they were.
    private func checkpointForInference() throws -> Checkpoint {
        Checkpoint(variables: try variablesForInference(), record: record)
    }

    private var record: CheckpointRecord {
        var record = CheckpointRecord(
            step: progress.step,
            position: EpochPosition(step: progress.step, stepsPerEpoch: plan.sampler.stepsPerEpoch),
            configuration: configuration, overrides: trainer.model.overrides, schedules: plan.schedules,
            scaling: scaling, data: plan.data, environment: plan.environment, best: progress.best,
            evaluatedAt: progress.evaluatedAt, evaluationsSinceBest: progress.evaluationsSinceBest,
            skippedBatches: progress.skippedBatches, skipsInARow: progress.skipsInARow,
            validation: progress.evaluatedAt == progress.step ? progress.validation : nil)
        record.domains = plan.sources?.names
        return record
    }
}
