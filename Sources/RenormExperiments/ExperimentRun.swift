import RenormEngines
import RenormImages
import RenormLayers
import RenormTraining

/// One run of an experiment, on the calling thread.
final class ExperimentRun {
    private let trainer: Trainer
    private let data: Experiment.Data
    private let cell: Experiment.Cell
    private let curveEvery: Int
    private let plan: TrainingPlan
    private let staged: StagedSteps
    private let deployed: EvaluationPass
    private let normalizations: [NormalizationRecord]

    init(_ trainer: Trainer, _ data: Experiment.Data, cell: Experiment.Cell, curveEvery: Int) throws {
        self.trainer = trainer
        self.data = data
        self.cell = cell
        self.curveEvery = curveEvery
        plan = try TrainingPlan(trainer)
        normalizations = try trainer.model.tracedNormalizations()
        guard !trainer.configuration.statisticsBySource else {
            throw TrainingError.option(
                name: "statistics by source", found: "them in an experiment",
                expected: "them in a run of its own")
        }
        staged = try StagedSteps(
            plan, on: trainer.engine, state: plan.initialState(of: trainer.model))
        deployed = try EvaluationPass(
            trainer.model, engine: trainer.engine,
            options: EvaluationOptions(precision: trainer.configuration.precisionOfEvaluations))
    }

    func result(
        progress: (Int) -> Void, isCancelled: @escaping () -> Bool
    ) throws -> ExperimentResult {
        let steps = trainer.configuration.steps
        let loader = plan.loader(scaling: data.scaling)
        defer { loader.cancel() }
        var curve: [ExperimentResult.CurvePoint] = []
        var (time, made, right) = (Duration.zero, 0, [Double]())
        var notFinite: String?
        while made < steps, notFinite == nil {
            if isCancelled() { throw CancellationError() }
            let start = ContinuousClock.now
            _ = try staged.enterStage(of: made)
            guard let outcome = try staged.run(loader, step: made) else { break }
            time += ContinuousClock.now - start
            switch outcome {
            case .notFinite(let path): notFinite = path
            case .updated(let result):
                made += 1
                if made > steps * 9 / 10 { right.append(result.accuracy) }
                progress(made)
                if made % curveEvery == 0 {
                    let accuracy = try measure(deployed, data.alongTheWay, isCancelled).evaluation.accuracy
                    let gains = try normalizations.reports { try staged.store.read($0) }
                    curve.append(
                        ExperimentResult.CurvePoint(
                            step: made, accuracy: accuracy, gains: gains.isEmpty ? nil : gains))
                }
            }
        }
        let measured = try measure(deployed, data.measured, isCancelled)
        let evaluation = measured.evaluation
        return ExperimentResult(
            cell, steps: made, notFinite: notFinite, notFiniteAsDeployed: measured.notFinite,
            accuracy: evaluation.accuracy, loss: evaluation.loss,
            accuracyAsTrained: try batchAccuracy(cell.setting.sampling, isCancelled),
            accuracyOfBatches: try batchAccuracy(.shuffled, isCancelled),
            trainingAccuracy: right.reduce(0, +) / Double(max(right.count, 1)), curve: curve,
            gains: try normalizations.reports { try staged.store.read($0) }, seconds: time.seconds)
    }

    /// A network that is not finite is a result like another: it classifies nothing rightly.
    private func measure(
        _ pass: EvaluationPass, _ dataset: Dataset, _ isCancelled: () -> Bool
    ) throws -> DetailedEvaluation {
        try pass.measure(
            dataset, scaling: data.scaling, on: staged.store, stopsAtNotFinite: false,
            isCancelled: isCancelled)
    }

    /// With the statistics of batches in a given order.
    private func batchAccuracy(_ sampling: Sampling, _ isCancelled: () -> Bool) throws -> Double? {
        guard trainer.model.hasStatistics else { return nil }
        var options = EvaluationOptions(
            statistics: .batch, batchSize: trainer.configuration.batchSize, sampling: sampling,
            precision: trainer.configuration.precisionOfEvaluations)
        options.examplesOfBlock = cell.setting.examples
        let pass = try EvaluationPass(trainer.model, engine: trainer.engine, options: options)
        return try measure(pass, data.inBatches, isCancelled).evaluation.accuracy
    }
}
