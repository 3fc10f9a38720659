import Foundation
import RenormEngines
import RenormImages
import RenormLayers

/// One session of a run, from the first look at the data to the last event. It belongs to one thread.
final class TrainingRun {
    let trainer: Trainer
    let channel: EventChannel
    let plan: TrainingPlan
    let scaling: InputScaling
    private let step: TrainingStep
    let store: any Store
    var progress: TrainingProgress
    /// The best state, where there is no folder to keep it in.
    var bestCheckpoint: Checkpoint?
    let start = ContinuousClock.now
    /// The network's normalizations, for what they report.
    private let normalizations: [NormalizationRecord]
    private let lock: RunLock?
    var trainingTime = Duration.zero
    private var validationPass: EvaluationPass?
    private var averagedStore: (any Store)?
    /// Pictures that were named because they cannot be read.
    private var namedBroken = 0
    private var namedMessages: Set<String> = []

    var configuration: TrainingConfiguration { trainer.configuration }
    var shouldStop: Bool { channel.shouldStop }

    /// Plans the run and says how it starts.
    init(_ trainer: Trainer, _ channel: EventChannel) throws {
        self.trainer = trainer
        self.channel = channel
        plan = try TrainingPlan(trainer)
        normalizations = try trainer.model.tracedNormalizations()
        // What the engine refuses leaves no folder behind.
        step = try TrainingStep(plan.graph, on: trainer.engine)
        try trainer.configuration.precisionOfEvaluations.check(
            on: trainer.engine, option: "evaluation precision")
        lock = try trainer.folder?.take(resuming: trainer.resumes, record: trainer.record)
        try trainer.keepPictures()
        let initial = plan.graph.initialState(of: trainer.model)
        let accumulators = initial.ofKinds([.accumulator])
        let saved = initial.filter { $1.kind != .accumulator }
        if let resumption = try Resumption(trainer, plan, expected: saved, channel) {
            scaling = resumption.checkpoint.record.scaling
            progress = resumption.progress
            store = try trainer.engine.makeStore(resumption.checkpoint.variables.merging(accumulators))
        } else {
            scaling = try trainer.configuration.scaling ?? InputScaling(of: plan.training)
            progress = TrainingProgress()
            store = try trainer.engine.makeStore(initial)
        }
    }

    /// Makes all steps, and measures and saves the state that is chosen.
    func run() throws {
        defer { lock?.release() }
        announce()
        let end = try lastEvent()
        // Whoever reads it may start the next run in the folder at once.
        lock?.release()
        channel.send(end)
    }

    private func lastEvent() throws -> TrainingEvent {
        do {
            try makeSteps()
            if hasEnded { return .finished(try finish()) }
        } catch is CancellationError {}
        return .interrupted(try interrupt())
    }

    private func announce() {
        for warning in plan.warnings { channel.send(.warning(warning)) }
        channel.send(
            .started(
                RunDescription(
                    firstStep: progress.step, steps: configuration.steps,
                    stepsPerEpoch: plan.sampler.stepsPerEpoch, batchSize: configuration.batchSize,
                    accumulation: configuration.accumulation,
                    data: plan.data,
                    parameterCount: trainer.model.variables.ofKinds([.parameter]).elementCount,
                    plannedByteCount: step.plannedByteCount, cache: plan.cache, environment: plan.environment)
            ))
        let dropped = plan.sampler.droppedPerEpoch
        if dropped > 0 { channel.send(.droppedIncompleteBatch(examples: dropped)) }
    }

    /// The loop: what is due after the steps made so far, then the next step.
    private func makeSteps() throws {
        let loader = plan.loader(scaling: scaling, from: progress.step, workers: trainer.workers)
        defer { loader.cancel() }
        while true {
            if isDue(every: configuration.evaluateEvery), progress.evaluatedAt != progress.step {
                try evaluate()
            }
            if isDue(every: configuration.checkpointEvery) || isOutOfPatience,
                progress.savedAt != progress.step
            {
                try saveLast(hasEnded ? .end : .periodic)
            }
            if isOutOfPatience {
                channel.send(
                    .stoppedEarly(
                        EarlyStop(
                            step: progress.step, evaluations: progress.evaluationsSinceBest,
                            bestStep: progress.best?.step)))
            }
            if hasEnded || shouldStop { return }
            let began = ContinuousClock.now
            guard let outcome = try makeStep(of: loader) else { return }
            let duration = ContinuousClock.now - began
            trainingTime += duration
            progress.step += 1
            switch outcome {
            case .updated(let result): report(result, duration)
            case .notFinite(let path): try skip(path)
            }
            reportBroken()
        }
    }

    /// Makes the next step; `nil`: there are no more batches. An image that cannot be read ends the run with its state saved.
    private func makeStep(of loader: BatchLoader) throws -> TrainingStep.Outcome? {
        do {
            return try step.run(loader, step: progress.step, on: store)
        } catch let error as ImagesError {
            if progress.savedAt != progress.step { try saveLast(.unreadable) }
            throw error
        }
    }

    /// Whether something that happens every so many steps, or else every epoch, happens now. The end is always a time.
    private func isDue(every steps: Int?) -> Bool {
        progress.step > 0
            && (progress.step % (steps ?? plan.sampler.stepsPerEpoch) == 0
                || progress.step == configuration.steps)
    }

    /// Whether so many evaluations in a row were no better that others are not waited for.
    private var isOutOfPatience: Bool {
        guard let patience = configuration.patience, progress.step < configuration.steps else { return false }
        return progress.evaluationsSinceBest >= patience
    }

    /// Whether no more steps are to be made.
    private var hasEnded: Bool { progress.step >= configuration.steps || isOutOfPatience }

    private func interrupt() throws -> Interruption {
        if progress.savedAt != progress.step { try saveLast(.interrupted) }
        return Interruption(step: progress.step, checkpoint: trainer.folder?.last)
    }

    private func report(_ result: TrainingStep.Result, _ duration: Duration) {
        progress.skipsInARow = 0
        let index = progress.step - 1
        channel.send(
            .step(
                StepReport(
                    step: progress.step, epoch: index / plan.sampler.stepsPerEpoch, loss: result.loss,
                    accuracy: result.accuracy, gradientNorm: result.gradientNorm,
                    learningRate: configuration.options.learningRate.value(at: index),
                    normalization: normalizations.readings(at: index),
                    imagesPerSecond: Double(plan.sampler.batchSize) / max(duration.seconds, 1e-9))))
    }

    /// Names pictures that broke or vanished since the run began, and that others stand in for: each once.
    private func reportBroken() {
        guard let broken = plan.broken, broken.count > namedBroken else { return }
        let messages = broken.listed
        for message in messages.filter({ !namedMessages.contains($0) }) {
            namedMessages.insert(message)
            channel.send(
                .warning("another picture of its class stands in for one that cannot be read: \(message)"))
        }
        namedBroken = messages.count
    }

    /// Nothing was updated; the policy says what comes of it.
    private func skip(_ path: String) throws {
        let step = progress.step
        switch configuration.onNonFinite {
        case .stop:
            // The state is that of before the step, and so is its number: a run that goes on meets the batch again.
            progress.step -= 1
            if progress.savedAt != progress.step { try saveLast(.nonFinite) }
            throw TrainingError.notFinite(step: step, path: path, checkpoint: trainer.folder?.last.path)
        case .skip:
            progress.skippedBatches += 1
            progress.skipsInARow += 1
            channel.send(.skipped(SkipReport(step: step, path: path, total: progress.skippedBatches)))
            if progress.skipsInARow >= TrainingLimits.skipsInARow {
                try saveLast(.nonFinite)
                throw TrainingError.neverFinite(
                    step: step, path: path, batches: progress.skipsInARow,
                    checkpoint: trainer.folder?.last.path)
            }
        }
    }

    // MARK: Evaluation

    /// Measures the state on the validation set and keeps it if it is the best.
    private func evaluate() throws {
        guard let validation = plan.validation else { return }
        let pass =
            try validationPass
            ?? EvaluationPass(
                trainer.model, engine: trainer.engine, options: evaluationOptions, workers: trainer.workers)
        validationPass = pass
        let measurement = try pass.measure(
            validation, scaling: scaling, on: storeForInference(), stopsAtNotFinite: true,
            isCancelled: { shouldStop })
        if let path = measurement.notFinite {
            try leaveOut(.validation, of: progress.step, path)
            (progress.evaluatedAt, progress.validation, progress.savedAt) = (progress.step, nil, nil)
            progress.countEvaluation()
            return
        }
        let evaluation = measurement.evaluation
        progress.evaluatedAt = progress.step
        progress.validation = evaluation
        // A checkpoint that was saved when this evaluation was broken off does not know its result.
        progress.savedAt = nil
        let isBest = progress.best?.isBeaten(by: evaluation) ?? true
        channel.send(
            .evaluation(
                EvaluationReport(
                    set: .validation, step: progress.step, evaluation: evaluation, isBest: isBest,
                    normalizations: try normalizations.reports { try store.read($0) })))
        if isBest {
            progress.best = BestState(
                step: progress.step, accuracy: evaluation.accuracy, loss: evaluation.loss)
            progress.countEvaluation()
            try saveBest()
        } else {
            progress.countEvaluation()
        }
    }

    /// Something is not finite in an evaluation, of a state that training made of finite batches: the policy says what
    /// comes of it.
    func leaveOut(_ set: EvaluationSet, of step: Int, _ path: String) throws {
        switch configuration.onNonFinite {
        case .stop:
            // A run that goes on evaluates this state again, and so meets the policy that it then has.
            if progress.savedAt != progress.step { try saveLast(.nonFinite) }
            throw TrainingError.evaluationNotFinite(
                set: set, step: step, path: path, checkpoint: trainer.folder?.last.path,
                canGoOn: try store.read().allSatisfy { $0.variable.value.isFinite })
        case .skip:
            channel.send(
                .warning(
                    "after step \(step) '\(path)' is not finite on the \(set.rawValue) images; this evaluation is left "
                        + "out"))
        }
    }

    var evaluationOptions: EvaluationOptions {
        EvaluationOptions(
            batchSize: configuration.evaluationBatchSize, precision: configuration.precisionOfEvaluations)
    }

    /// The training store or, where averages are kept, another that has them in the place of the values.
    private func storeForInference() throws -> any Store {
        guard configuration.options.parameterAveragingRate != nil else { return store }
        let averaged = try averagedStore ?? trainer.engine.makeStore(trainer.model.variables)
        averagedStore = averaged
        try averaged.copy(plan.graph.origins(of: trainer.model), from: store)
        return averaged
    }
}

extension Duration {
    /// The duration in seconds.
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
