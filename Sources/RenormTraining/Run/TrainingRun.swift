import Foundation
import RenormArrays
import RenormEngines
import RenormFormats
import RenormGraphs
import RenormImages
import RenormLayers

/// One session of a run, from the first look at the data to the last event. It belongs to one thread.
final class TrainingRun {
    let trainer: Trainer
    let channel: EventChannel
    let plan: TrainingPlan
    let scaling: InputScaling
    private let steps: StagedSteps
    /// The planned peak of a step's memory in bytes, of the stage that needs most.
    private let plannedByteCount: Int
    var progress: TrainingProgress
    /// The best state, where there is no folder to keep it in.
    var bestCheckpoint: Checkpoint?
    let start = ContinuousClock.now
    /// The network's normalizations, for what they report.
    private let normalizations: [NormalizationRecord]
    private let lock: RunLock?
    private let history: HistoryFile?
    private let watcher: Watcher?
    var trainingTime = Duration.zero
    private var validationPass: EvaluationPass?
    private var inferenceStore: (any Store)?
    /// The averages that were measured anew, of the state after so many steps.
    private var recalibrated: (step: Int, averages: Variables)?
    private var recalibration: Recalibration?
    /// Pictures that were named because they cannot be read.
    private var namedBroken = 0
    private var namedMessages: Set<String> = []

    var configuration: TrainingConfiguration { trainer.configuration }
    var shouldStop: Bool { channel.shouldStop }
    var store: any Store { steps.store }

    /// Plans the run and says how it starts.
    init(_ trainer: Trainer, _ channel: EventChannel) throws {
        self.trainer = trainer
        self.channel = channel
        plan = try TrainingPlan(trainer)
        normalizations = try trainer.model.tracedNormalizations()
        // What the engine refuses leaves no folder behind.
        let sources = plan.sourceOfExamples
        let compiled = try plan.stages.map {
            try TrainingStep($0.graph, on: trainer.engine, sources: sources)
        }
        plannedByteCount = compiled.map(\.plannedByteCount).max() ?? 0
        try trainer.configuration.precisionOfEvaluations.check(
            on: trainer.engine, option: "evaluation precision")
        lock = try trainer.folder?.take(resuming: trainer.resumes, record: trainer.record)
        try trainer.keepPictures()
        if let table = trainer.learningRates, let folder = trainer.folder, !folder.hasCheckpoint {
            try AtomicFile.write(table, to: folder.learningRates)
        }
        history = try trainer.folder.map(HistoryFile.init)
        if let history { channel.observer = { history.add($0) } }
        let initial = plan.initialState(of: trainer.model)
        let resumption = try Resumption(trainer, plan, expected: initial, channel)
        if let resumption {
            scaling = resumption.checkpoint.record.scaling
            progress = resumption.progress
        } else {
            scaling = try trainer.configuration.scaling ?? InputScaling(of: plan.training)
            progress = TrainingProgress()
        }
        steps = try StagedSteps(
            plan, on: trainer.engine, state: resumption?.checkpoint.variables ?? initial, at: progress.step,
            compiled: compiled[plan.stage(at: progress.step)])
        watcher = try trainer.watcher(resuming: resumption != nil, channel)
        try watcher?.watch(plan.stages[steps.stage])
    }

    /// Makes all steps, and measures and saves the state that is chosen.
    func run() throws {
        defer { lock?.release() }
        announce()
        let end: TrainingEvent
        do {
            end = try lastEvent()
        } catch {
            try? history?.flush()
            throw error
        }
        history?.add(end)
        try history?.flush()
        channel.observer = nil
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
                    plannedByteCount: plannedByteCount, cache: plan.cache, environment: plan.environment)
            ))
        if let watcher, watcher.isBlind, !plan.stages[steps.stage].statisticsAreFrozen {
            channel.send(
                .warning(
                    "no normalization of what is trained first takes moments of batches, so there is nothing to watch"
                ))
        }
        let dropped = plan.sampler.droppedPerEpoch
        if dropped > 0 { channel.send(.droppedIncompleteBatch(examples: dropped)) }
        if plan.stages.count > 1, progress.step != plan.stages[steps.stage].firstStep { announceStage() }
    }

    /// Says what is trained from here on.
    private func announceStage() {
        let stage = plan.stages[steps.stage]
        channel.send(
            .stage(
                StageReport(
                    step: progress.step, stage: steps.stage + 1, stages: plan.stages.count,
                    parts: "\(stage.parts)", trainedParameters: stage.trainedCount,
                    statisticsAreFrozen: stage.statisticsAreFrozen)))
    }

    /// Goes over to the stage that the next step belongs to.
    private func enterStage() throws {
        if try steps.enterStage(of: progress.step) { try watcher?.watch(plan.stages[steps.stage]) }
        guard plan.stages.count > 1, plan.stages[steps.stage].firstStep == progress.step else { return }
        // What earlier stages found is no reason to end this one.
        progress.evaluationsSinceBest = 0
        announceStage()
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
            try enterStage()
            let isWatched = isWatched
            if isWatched { try watcher?.look(at: store) }
            let began = ContinuousClock.now
            guard let outcome = try makeStep(of: loader) else { return }
            let duration = ContinuousClock.now - began
            trainingTime += duration
            progress.step += 1
            switch outcome {
            case .updated(let result):
                try report(result, duration)
                if isWatched { try watch() }
            case .notFinite(let path): try skip(path)
            }
            reportBroken()
        }
    }

    /// Whether the normalizations are looked at in the next step.
    private var isWatched: Bool {
        guard let every = configuration.watchEvery, watcher?.isBlind == false else { return false }
        return (progress.step + 1) % every == 0
    }

    /// Says what was seen of the normalizations in the step that was made.
    private func watch() throws {
        let step = steps.step
        guard
            let report = try watcher?.report(
                after: progress.step, on: store, source: step.source, step.result)
        else { return }
        channel.send(.watch(report))
        for warning in report.warnings {
            channel.send(.warning("after step \(warning.step), \(warning.message)"))
        }
    }

    /// Makes the next step; `nil`: there are no more batches. An image that cannot be read ends the run with its state saved.
    private func makeStep(of loader: BatchLoader) throws -> TrainingStep.Outcome? {
        do {
            return try steps.run(loader, step: progress.step)
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
        guard let patience = configuration.patience, progress.step < configuration.steps,
            // Not before the last stage has had its time.
            progress.step > plan.stages.last!.firstStep || plan.stages.count == 1
        else { return false }
        return progress.evaluationsSinceBest >= patience
    }

    /// Whether no more steps are to be made.
    private var hasEnded: Bool { progress.step >= configuration.steps || isOutOfPatience }

    private func interrupt() throws -> Interruption {
        if progress.savedAt != progress.step { try saveLast(.interrupted) }
        return Interruption(step: progress.step, checkpoint: trainer.folder?.last)
    }

    private func report(_ result: TrainingStep.Result, _ duration: Duration) throws {
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
        try history?.flushIfDue()
    }

    /// Writes what has happened so far.
    func flushHistory() throws {
        history?.close()
        try history?.flush()
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
        let store = try storeForInference()
        let measurement = try pass.measure(
            parts(of: validation, on: store), scaling: scaling, on: store, stopsAtNotFinite: true,
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
                    normalizations: try normalizations.reports { try reported($0) })))
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

    /// The training store or, where averages are kept or measured, another that has them in the place of the values.
    private func storeForInference() throws -> any Store {
        guard
            configuration.options.parameterAveragingRate != nil || configuration.recalibration > 0
                || plan.sources != nil
        else { return store }
        let averaged = try inferenceStore ?? trainer.engine.makeStore(trainer.model.variables)
        inferenceStore = averaged
        guard plan.sources == nil else {
            // Statistics follow, source by source.
            try averaged.copy(
                origins.filter { trainer.model.variables[$0.key]?.kind == .parameter }, from: store)
            return averaged
        }
        try averaged.copy(origins, from: store)
        try averaged.write(averagesMeasuredAnew(on: averaged))
        return averaged
    }

    /// For the path of each of the model's variables, that of what the model is used with in the training store.
    private var origins: [String: String] { plan.stages[stageOfState].graph.origins(of: trainer.model) }

    /// The stage of the last step that was made.
    private var stageOfState: Int { plan.stage(at: max(progress.step - 1, 0)) }

    /// The moving averages of the present state by the model's paths, measured anew; none where they are as training left them.
    ///
    /// - Parameter averaged: A store with the values that the model is used with. Its statistics may be changed.
    private func averagesMeasuredAnew(on averaged: any Store) throws -> Variables {
        guard configuration.recalibration > 0 else { return Variables() }
        if let recalibrated, recalibrated.step == progress.step { return recalibrated.averages }
        let stage = stageOfState
        let measuring: Recalibration
        if let recalibration, recalibration.stage == stage {
            measuring = recalibration
        } else {
            measuring = try Recalibration(
                plan.stages[stage].model, stage: stage, batch: configuration.batchSize,
                precision: configuration.options.precision, engine: trainer.engine)
            recalibration = measuring
        }
        let examples = plan.sampler.batchSize
        let loader = plan.recalibrationLoader(
            scaling: scaling, from: progress.step,
            to: progress.step + (configuration.recalibration + examples - 1) / examples,
            workers: trainer.workers)
        defer { loader.cancel() }
        let averages = try measuring.averages(
            of: averaged, on: { try loader.next()?.images }, step: progress.step, isCancelled: { shouldStop })
        recalibrated = (progress.step, averages)
        return averages
    }

    /// The state with the averages that it is used with in the place of those that training left.
    func variablesForInference() throws -> Variables {
        var variables = try variablesToSave()
        guard configuration.recalibration > 0 else { return variables }
        if recalibrated?.step != progress.step { _ = try storeForInference() }
        let origins = origins
        for (path, average) in recalibrated?.averages ?? Variables() {
            variables[origins[path] ?? path]?.value = average.value
        }
        return variables
    }

    /// The state to go on from.
    func variablesToSave() throws -> Variables {
        // Between steps accumulators hold nothing that the next step reads.
        try store.read().filter { $1.kind != .accumulator }
    }

    /// The examples in parts, before each of which a store is given what the part needs: those of each source its statistics.
    private func parts(of dataset: Dataset, on other: any Store) -> [EvaluationPass.Part] {
        guard let sources = plan.sources else { return [EvaluationPass.Part(dataset)] }
        let origins = self.origins
        return dataset.bySource.map { source, places, examples in
            EvaluationPass.Part(examples, at: places) { [store] in
                try other.write(sources.statistics(of: source) { try store.read(origins[$0] ?? $0) })
            }
        }
    }

    /// A variable as reports take it: of statistics by source those of the first.
    private func reported(_ path: String) throws -> NDArray {
        let value = try store.read(path)
        guard plan.sources != nil, trainer.model.variables[path]?.kind != .parameter else { return value }
        return value.rows(0..<1).reshaped(to: TensorShape(Array(value.shape.dimensions.dropFirst())))
    }
}

extension Duration {
    /// The duration in seconds.
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
