import RenormGraphs
import RenormImages
import RenormLayers

/// What a run consists of before its first step: data cut and checked, the step traced, the state to start from.
package struct TrainingPlan {
    /// The examples trained on.
    package let training: Dataset
    /// The examples held out; `nil` if there are none.
    let validation: Dataset?
    /// The examples of each step, all of its small batches together.
    package let sampler: BatchSampler
    /// What is trained from when on, in order: one stage where everything is from the beginning.
    package let stages: [TrainingStage]
    /// The weight of each class; `nil`: all examples count the same.
    private let classWeights: [Float]?
    private let configuration: TrainingConfiguration
    let data: DataDescription
    /// What training pictures need in the cache; `nil` where none are kept.
    let cache: ImageCache.Budget?
    let environment: RunEnvironment
    /// The sources of the data, where each has statistics of its own.
    let sources: StatisticsBySource?
    /// What the user should know of data and step.
    let warnings: [String]

    /// - Throws: `TrainingError`, `ImagesError` or `GraphError` if data, options and model do not fit each other.
    package init(_ trainer: Trainer) throws {
        let configuration = trainer.configuration
        self.configuration = configuration
        // Before the number of steps, which would be 0.
        try configuration.check(examples: trainer.training.count)
        try configuration.check()
        try trainer.model.check(trainer.training)
        for other in [trainer.validation, trainer.test].compactMap({ $0 }) { try trainer.model.check(other) }
        try configuration.scaling?.check(trainer.training)
        let (kept, heldOut) = try trainer.parts()
        let (cache, budget) = (trainer.cache, trainer.cacheBudget)
        let reduced = kept.forTraining
        self.cache =
            reduced.imageSource.decodes ? try cache.budget(for: reduced.imageSource, allowed: budget) : nil
        training = try reduced.kept(in: cache, isFramed: false, budget: budget)
        validation = heldOut.count > 0 ? try heldOut.kept(in: cache, isFramed: true, budget: budget) : nil
        classWeights = try configuration.classWeights.values(for: kept.index)
        sources = try configuration.statisticsBySource ? trainer.sourceStatistics() : nil
        let isAccumulated = configuration.accumulation > 1
        // The examples of a small batch are normalized together, so it is a group of the step's.
        let groupSize =
            try trainer.examplesOfBlock ?? trainer.model.commonGroupSize()
            ?? (isAccumulated ? configuration.batchSize : nil)
        do {
            sampler = try BatchSampler(
                configuration.sampling, dataset: kept,
                batchSize: configuration.batchSize * configuration.accumulation, groupSize: groupSize,
                seed: configuration.seed)
        } catch ImagesError.classWithoutExamples(let name, _) {
            throw ImagesError.classWithoutExamples(name: name, heldOut: heldOut.count(ofClass: name))
        }
        stages = try TrainingStage.stages(
            of: trainer.model, configuration,
            targets: !configuration.mixing.isNone
                ? .mixedLabels : classWeights == nil ? .labels : .weightedLabels,
            domains: sources?.names.count, stepsPerEpoch: sampler.stepsPerEpoch)
        data = DataDescription(
            whole: trainer.training, training: kept.count, validation: heldOut.count,
            ownValidation: trainer.validation, test: trainer.test)
        warnings =
            trainer.training.warningsOfClasses + trainer.training.warningsOfHoldingOut(leaving: kept)
            + TrainingPlan.warnings(of: stages, steps: configuration.steps)
        environment = RunEnvironment(engine: trainer.engine.description)
    }

    /// The source of each example trained on, where each source has statistics of its own.
    package var sourceOfExamples: (ofExamples: [Int], count: Int)? {
        sources.map { (training.sourceOfExamples, $0.names.count) }
    }

    /// What should be known of the stages: what tracing them says, and those that a run does not come to.
    private static func warnings(of stages: [TrainingStage], steps: Int) -> [String] {
        var result: [String] = []
        for warning in stages.flatMap(\.graph.warnings) where !result.contains(warning) {
            result.append(warning)
        }
        if let never = stages.first(where: { $0.firstStep >= steps }) {
            result.append(
                never.statisticsAreFrozen
                    ? "statistics would be frozen from step \(never.firstStep) on, to which this run of \(steps) steps does not come"
                    : "'\(never.parts)' would be trained from step \(never.firstStep) on, to which this run of \(steps) steps does not come"
            )
        }
        return result
    }

    /// The stage that a step, from 0, belongs to.
    package func stage(at step: Int) -> Int { stages.lastIndex { $0.firstStep <= step } ?? 0 }

    /// The state to start from: the model's variables, and empty slots and averages of all that any stage trains.
    package func initialState(of model: Model) -> Variables {
        // The last stage has all that earlier ones have, but what a pruned graph leaves out.
        let states = stages.reversed().map { $0.graph.initialState(of: model) }
        return states.dropFirst().reduce(into: states[0]) { result, state in
            for (path, variable) in state where result[path] == nil { result[path] = variable }
        }.filter { $1.kind != .accumulator }
    }

    /// The schedules of every stage by name.
    var schedules: [String: Schedule] {
        stages.reduce(into: [:]) { $0.merge($1.graph.schedules) { first, _ in first } }
    }

    /// The pictures that others stand in for, because they cannot be read; `nil` where that is an error.
    var broken: BrokenImages? { training.brokenImages }

    /// The batches of the steps from `first` on, each step's small batches one after another.
    ///
    /// - Parameters:
    ///   - end: The step before which they end; `nil`: that of the run.
    ///   - workers: How many threads prepare batches; `nil`: as the images need.
    package func loader(
        scaling: InputScaling, from first: Int = 0, to end: Int? = nil, workers: Int? = nil
    ) -> BatchLoader {
        let workers = workers ?? BatchLoader.workers(for: training.imageSource)
        return
            BatchLoader(
                dataset: training, scaling: scaling, augmentation: configuration.augmentation,
                mixing: configuration.mixing, classWeights: classWeights, sampler: sampler,
                seed: configuration.seed, from: first, to: end ?? configuration.steps,
                parts: configuration.accumulation, workers: workers)
    }

    /// The batches that moving averages are measured on: those that training takes from a step on, but not mixed.
    func recalibrationLoader(scaling: InputScaling, from first: Int, to end: Int, workers: Int?)
        -> BatchLoader
    {
        BatchLoader(
            dataset: training, scaling: scaling, augmentation: configuration.augmentation,
            sampler: sampler, seed: configuration.seed, from: first, to: end,
            parts: configuration.accumulation,
            workers: workers ?? BatchLoader.workers(for: training.imageSource))
    }
}

extension Trainer {
    /// The sources of the data, which have to be such that each can have statistics of its own.
    fileprivate func sourceStatistics() throws -> StatisticsBySource {
        func refusal(_ found: String, _ expected: String) -> TrainingError {
            .option(name: "statistics by source", found: found, expected: expected)
        }
        guard training.sources.count > 1 else {
            throw refusal("data of one source, \(training.name)", "data of several")
        }
        guard case .sourceBlocks = configuration.sampling else {
            throw refusal(
                "the sampling \(configuration.sampling), whose batches are of several sources",
                "source-blocks:N, whose batches are each of one")
        }
        guard configuration.recalibration == 0 else {
            throw refusal(
                "averages that are measured anew on \(configuration.recalibration) examples",
                "averages as training leaves them")
        }
        guard try model.tracedNormalizations().contains(where: \.normalization.keepsPopulation) else {
            throw refusal(
                "a network whose normalizations keep no averages", "batch or batch-renorm normalizations")
        }
        return try StatisticsBySource(training.domainNames, of: model)
    }

    /// The examples trained on, and those that the best state is chosen by.
    fileprivate func parts() throws -> (training: Dataset, validation: Dataset) {
        guard let validation else {
            return try training.split(validation: configuration.validation, seed: configuration.seed)
        }
        guard configuration.validation == 0 else {
            throw TrainingError.option(
                name: "validation examples", found: "\(configuration.validation) beside \(validation.name)",
                expected:
                    "0, because the data have a validation part: their own or, of pictures without one, "
                    + "the tenth that is set apart")
        }
        return (training, validation)
    }
}

/// What changes from step to step, besides the variables.
struct TrainingProgress {
    /// Steps made.
    var step = 0
    var best: BestState?
    var evaluatedAt: Int?
    /// Evaluations in a row since the best, that of the best state not counted.
    var evaluationsSinceBest = 0
    var skippedBatches = 0
    var skipsInARow = 0
    /// The result of the last evaluation, of the state after `evaluatedAt` steps.
    var validation: Evaluation?
    /// The step of the last checkpoint that can be gone on from.
    var savedAt: Int?

    init() {}

    /// Counts the evaluation of the state after `step` steps.
    ///
    /// A run that was killed after it had found its best state goes on before it, and meets it again: what it evaluates until
    /// then was followed by a better result.
    mutating func countEvaluation() {
        let isFollowedByBest = best.map { step <= $0.step } ?? false
        evaluationsSinceBest = isFollowedByBest ? 0 : evaluationsSinceBest + 1
    }

    init(resuming record: CheckpointRecord) {
        step = record.step
        best = record.best
        evaluatedAt = record.evaluatedAt
        evaluationsSinceBest = record.evaluationsSinceBest ?? 0
        skippedBatches = record.skippedBatches
        skipsInARow = record.skipsInARow
        validation = record.validation
        savedAt = record.step
    }
}
