import Foundation
import Renorm

extension TrainOptions {
    /// The number of epochs when neither epochs nor steps are given.
    static var defaultEpochs: Int { CommandArguments.isFineTuning ? FineTuningDefaults.epochs : 3 }

    /// The learning rate where none is given, of SGD and of other optimizers.
    private static var standardRates: (Double, Double) {
        CommandArguments.isFineTuning
            ? (FineTuningDefaults.rate, FineTuningDefaults.adaptiveRate) : (0.1, 0.001)
    }

    /// These in words.
    static var defaultRates: String { "\(standardRates.0) for sgd, else \(standardRates.1)" }

    /// The configuration that these options mean for a dataset.
    ///
    /// - Parameters:
    ///   - begun: The folder of the run that goes on, if one does.
    ///   - weights: The weights that a new run starts from, if there are any.
    ///   - start: The trained network that a new run goes on from, if there is one.
    func configuration(
        data: DataParts, goingOnIn begun: RunFolder?, startingFrom weights: InitialWeights?,
        start: FineTuningSource.Start?
    ) throws -> TrainingConfiguration {
        let training = data.training
        let validation = heldOut(of: data)
        let steps =
            steps
            ?? TrainingConfiguration.steps(
                epochs: epochs ?? TrainOptions.defaultEpochs, examples: training.count,
                validation: validation,
                batchSize: batchSize, accumulation: accumulate)
        let architecture =
            try start?.architecture
            ?? architecture(of: training, steps: steps, goingOnIn: begun, startingFrom: weights)
        return TrainingConfiguration(
            architecture: architecture,
            options: TrainingOptions(
                optimizer: resolvedOptimizer, learningRate: learningRateSchedule(steps: steps),
                weightDecay: weightDecay, labelSmoothing: labelSmoothing, clipNorm: clipNorm,
                parameterAveragingRate: ema, precision: precision, memory: kept.memory,
                recomputes: kept.recompute, layerDecay: layerDecay),
            steps: steps, batchSize: batchSize, accumulation: accumulate,
            sampling: sampling, statisticsBySource: statisticsBy == .source, classWeights: classWeights.value,
            augmentation: augment,
            mixing: BatchMixing(mixup: mixup, cutmix: cutmix),
            validation: validation, seed: seed,
            scaling: try preparation.scaling(channels: training.channels),
            onNonFinite: onNonFinite, evaluateEvery: evaluateEvery, patience: patience,
            checkpointEvery: checkpointEvery, evaluationPrecision: evaluationPrecision,
            initialization: (self.`init` ?? from)?.description,
            unfreezing: unfreeze ?? defaultUnfreezing(start),
            recalibration: recalibrate
                ?? (CommandArguments.isFineTuning && ema != nil && statisticsBy == .all
                    ? FineTuningDefaults.recalibration : 0),
            statisticsFrozenFrom: freezeStatisticsFrom?.step(of: steps), watchEvery: watch)
    }

    /// How many of the training images are held out.
    private func heldOut(of data: DataParts) -> Int {
        validation ?? (data.validation == nil ? min(5000, data.training.count / 10) : 0)
    }

    /// The training images that are not held out.
    func trainedPart(of data: DataParts) throws -> Dataset {
        data.validation == nil
            ? try data.training.split(validation: heldOut(of: data), seed: seed).training : data.training
    }

    /// What is trained from when on where it is not said: a new head of a trained network alone at first.
    private func defaultUnfreezing(_ start: FineTuningSource.Start?) -> Unfreezing {
        CommandArguments.isFineTuning && start?.hasNewHead == true ? FineTuningDefaults.unfreezing : .all
    }

    /// The network that the options name, for some data.
    private func architecture(
        of training: Dataset, steps: Int, goingOnIn begun: RunFolder?, startingFrom weights: InitialWeights?
    ) throws -> Architecture {
        let saved = try begun.map { try CheckpointRecord(reading: $0.last).configuration.architecture } ?? nil
        let image: TensorShape = [training.height, training.width, training.channels]
        if from != nil, var saved {
            // What the network was that the run began with no option says.
            (saved.classes, saved.input) = (training.classNames.count, image)
            return saved
        }
        let normalization = try self.normalization.value(
            steps: steps, batchSize: batchSize, limits: limits, averagingRate: averagingRate,
            epsilon: network.model.epsilon,
            // The constants of automatic limits are no option, and may differ between versions.
            begunWith: saved?.normalization)
        return network.model.architecture(
            stem: network.stem ?? weights?.match.architecture.stem ?? network.stem(for: image),
            classes: training.classNames.count, input: image,
            normalization: normalization)
    }

    /// The model to start from: initial values by the seed or, unless a checkpoint will replace them, a file's.
    ///
    /// - Parameter begun: The folder of the run that goes on, if one does.
    func model(
        _ configuration: TrainingConfiguration, goingOnIn begun: RunFolder?,
        startingFrom weights: InitialWeights?, start: FineTuningSource.Start?
    ) throws -> Model {
        if let start { return try freezing(start.model) }
        guard let architecture = configuration.architecture else {
            preconditionFailure("the command line trains models of the zoo")
        }
        let overrides =
            try begun.map { try CheckpointRecord(reading: $0.last).overrides } ?? weights?.overrides ?? []
        var model = try Model(
            architecture.makeLayer(), input: architecture.input, overrides: overrides, seed: seed)
        if let weights {
            let report = try model.load(
                weights.file, names: weights.match.names, except: try exceptions(in: model),
                epsilon: weights.file.statedEpsilon)
            for remark in report.remarks { warn("note: \(report.file.visible): \(remark.visible)") }
        }
        return begun == nil ? try freezing(model) : model
    }

    /// The model with parts frozen as the options say.
    private func freezing(_ model: Model) throws -> Model {
        var result = model
        let options: [(String, String?, Freezing)] = [
            ("freeze", freeze, .parametersAndStatistics),
            ("freeze-parameters", freezeParameters, .parameters),
            ("freeze-statistics", freezeStatistics, .statistics),
        ]
        for (option, text, what) in options {
            for part in (text ?? "").split(separator: ",") {
                let part = part.trimmingCharacters(in: .whitespaces)
                do {
                    if part.hasPrefix("first:"), let count = Int(part.dropFirst("first:".count)) {
                        result = try result.freezing(first: count, what)
                    } else {
                        result = try result.freezing(PathPattern(part), what)
                    }
                } catch let error as GraphError {
                    throw UsageError("--\(option): '\(part.visible)': \(error)")
                }
            }
        }
        return result
    }

    /// The patterns of `--init-except`, each of which must match something.
    func exceptions(in model: Model) throws -> [PathPattern] {
        try (initExcept ?? "").split(separator: ",").map { text in
            let pattern = PathPattern(text.trimmingCharacters(in: .whitespaces))
            guard model.variables.paths.contains(where: pattern.matches) else {
                let parts = Set(model.variables.paths.compactMap { $0.split(separator: ".").first })
                throw UsageError(
                    "--init-except: found '\(pattern)', which matches nothing in \(network.model); expected parts of it, "
                        + "such as \(parts.sorted().suffix(3).joined(separator: ", ")). Change it.")
            }
            return pattern
        }
    }

    /// These options with every default that depended on others settled.
    func resolved(by configuration: TrainingConfiguration, on engine: EngineDescription) -> TrainOptions {
        var result = self
        result.images.data = images.sources
        result.network.stem = configuration.architecture?.stem
        result.steps = configuration.steps
        result.epochs = nil
        result.validation = configuration.validation
        result.computing.convolution = engine.convolution
        result.learningRate = .rate(resolvedLearningRate)
        result.recalibrate = configuration.recalibration
        result.unfreeze = configuration.unfreezing
        switch resolvedOptimizer {
        case .sgd(let momentum, _), .rmsProp(_, _, let momentum): result.momentum = momentum
        case .adamW: result.momentum = nil
        }
        return result
    }

    /// The learning rate; of a range test that has still to be made the usual one.
    private var resolvedLearningRate: Double {
        if case .rate(let rate)? = learningRate { return rate }
        let (rate, adaptive) = TrainOptions.standardRates
        return optimizer == .sgd ? rate : adaptive
    }

    private var resolvedOptimizer: Optimizer {
        switch optimizer {
        case .sgd: .sgd(momentum: momentum ?? 0.9, nesterov: nesterov)
        case .adamw: .adamW()
        case .rmsprop: .rmsProp(momentum: momentum ?? 0)
        }
    }

    private func learningRateSchedule(steps: Int) -> Schedule {
        let rate = resolvedLearningRate
        let course: Schedule = schedule == .cosine ? .cosine(from: rate, steps: steps) : .constant(rate)
        return course.warmedUp(over: warmup)
    }
}
