import Foundation
import Renorm

extension TrainOptions {
    /// The number of epochs when neither epochs nor steps are given.
    static let defaultEpochs = 3

    /// Where the images come from.
    var dataSources: [String] { data.isEmpty ? ["fashion-mnist"] : data }

    /// The configuration that these options mean for a dataset.
    ///
    /// - Parameter begun: The folder of the run that goes on, if one does.
    func configuration(training: Dataset, goingOnIn begun: RunFolder?) throws -> TrainingConfiguration {
        let steps =
            steps
            ?? TrainingConfiguration.steps(
                epochs: epochs ?? TrainOptions.defaultEpochs, examples: training.count,
                validation: validation,
                batchSize: batchSize, accumulation: accumulate)
        let normalization = Normalization(
            norm, averagingRate: averagingRate?.value, limits: try limits(steps: steps, goingOnIn: begun),
            examples: normExamples)
        let architecture = Architecture(
            name: model, stem: stem, classes: training.classNames.count,
            input: [training.height, training.width, training.channels], normalization: normalization)
        return TrainingConfiguration(
            architecture: architecture,
            options: TrainingOptions(
                optimizer: resolvedOptimizer, learningRate: learningRateSchedule(steps: steps),
                weightDecay: weightDecay.value, labelSmoothing: labelSmoothing.value,
                clipNorm: clipNorm?.value,
                averagingRate: ema?.value, precision: precision, memory: memory, recomputes: recompute),
            steps: steps, batchSize: batchSize, accumulation: accumulate,
            sampling: try Sampling(parsing: sampling),
            augmentation: augment,
            validation: validation, seed: seed, onNonFinite: onNonFinite == .stop ? .stop : .skip,
            evaluateEvery: evaluateEvery, checkpointEvery: checkpointEvery,
            initialization: self.`init`.map(ConfigurationFile.absolute))
    }

    /// What `--limits` means. The constants of automatic limits are no option, and may differ between versions: a run goes on with
    /// those that it began with.
    private func limits(steps: Int, goingOnIn begun: RunFolder?) throws -> Limits {
        let choice = try LimitsOption.choice(limits)
        if choice == .automatic, let begun {
            let saved = try CheckpointRecord(in: VariablesFile(reading: begun.last)).configuration
                .architecture
            if let limits = saved?.normalization.limits, limits.selfTuning != nil { return limits }
        }
        return choice.limits(steps: steps)
    }

    /// The model to start from: initial values by the seed or, unless a checkpoint will replace them, a file's.
    ///
    /// - Parameter goesOn: Whether there is a checkpoint to go on from.
    func model(_ configuration: TrainingConfiguration, goesOn: Bool) throws -> Model {
        guard let architecture = configuration.architecture else {
            preconditionFailure("the command line trains models of the zoo")
        }
        var model = try architecture.makeModel(seed: seed)
        if let file = self.`init`, !goesOn {
            try model.load(
                VariablesFile(reading: URL(fileURLWithPath: file)), except: try exceptions(in: model))
        }
        return model
    }

    /// The patterns of `--init-except`, each of which must match something.
    private func exceptions(in model: Model) throws -> [PathPattern] {
        try (initExcept ?? "").split(separator: ",").map { text in
            let pattern = PathPattern(text.trimmingCharacters(in: .whitespaces))
            guard model.variables.paths.contains(where: pattern.matches) else {
                let parts = Set(model.variables.paths.compactMap { $0.split(separator: ".").first })
                throw UsageError(
                    "--init-except: found '\(pattern)', which matches nothing in \(self.model); expected parts of it, "
                        + "such as \(parts.sorted().suffix(3).joined(separator: ", ")). Change it.")
            }
            return pattern
        }
    }

    /// These options with every default that depended on others settled, and paths that hold in every folder.
    func resolved(by configuration: TrainingConfiguration) throws -> TrainOptions {
        var result = self
        result.data = try dataSources.map { try DatasetSource(parsing: $0).description }
        result.`init` = self.`init`.map(ConfigurationFile.absolute)
        if LimitsChoice(limits) == nil { result.limits = ConfigurationFile.absolute(limits) }
        result.steps = configuration.steps
        result.epochs = nil
        result.averagingRate = configuration.architecture.flatMap { architecture in
            let normalization = architecture.normalization
            let isUsed =
                normalization.kind.hasBatchMoments
                && (normalization.kind != .batchRenorm || normalization.limits.selfTuning == nil)
            // One without effect stays as given: a run that goes on has to say the same.
            return isUsed ? FiniteNumber(normalization.averagingRate) : averagingRate
        }
        result.learningRate = FiniteNumber(resolvedLearningRate)
        switch resolvedOptimizer {
        case .sgd(let momentum, _), .rmsProp(_, _, let momentum): result.momentum = FiniteNumber(momentum)
        case .adamW: result.momentum = nil
        }
        return result
    }

    private var resolvedLearningRate: Double { learningRate?.value ?? (optimizer == .sgd ? 0.1 : 0.001) }

    private var resolvedOptimizer: Optimizer {
        switch optimizer {
        case .sgd: .sgd(momentum: momentum?.value ?? 0.9, nesterov: nesterov)
        case .adamw: .adamW()
        case .rmsprop: .rmsProp(momentum: momentum?.value ?? 0)
        }
    }

    private func learningRateSchedule(steps: Int) -> Schedule {
        let rate = resolvedLearningRate
        let course: Schedule = schedule == .cosine ? .cosine(from: rate, steps: steps) : .constant(rate)
        return course.warmedUp(over: warmup)
    }
}

/// What `--limits` can say: a word, or a file.
enum LimitsOption {
    static func choice(_ text: String) throws -> LimitsChoice {
        if let choice = LimitsChoice(text) { return choice }
        return .fixed(try read(text))
    }

    private static func read(_ path: String) throws -> Limits {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)) else {
            throw UsageError(
                "--limits: found '\(path)', which is neither a file that can be read nor "
                    + "\(LimitsChoice.names). Use one of these.")
        }
        do {
            return try JSONCoder.decode(Limits.self, from: data)
        } catch let error as DecodingError {
            throw UsageError(
                "--limits: '\(path)' does not describe limits (\(error.placeAndReason)); expected "
                    + #"{"r_max": SCHEDULE, "d_max": SCHEDULE} with schedules such as {"kind": "constant", "value": 3}"#
                    + " or {\"kind\": \"linear\", \"points\": [[500, 1], [1000, 3]]}. Correct the file.")
        }
    }
}
