import Foundation
import Renorm

extension TrainOptions {
    /// The number of epochs when neither epochs nor steps are given.
    static let defaultEpochs = 3

    /// The configuration that these options mean for a dataset.
    ///
    /// - Parameters:
    ///   - begun: The folder of the run that goes on, if one does.
    ///   - weights: The weights that a new run starts from, if there are any.
    func configuration(
        data: DataParts, goingOnIn begun: RunFolder?, startingFrom weights: InitialWeights?
    ) throws -> TrainingConfiguration {
        let training = data.training
        let validation = validation ?? (data.validation == nil ? min(5000, training.count / 10) : 0)
        let steps =
            steps
            ?? TrainingConfiguration.steps(
                epochs: epochs ?? TrainOptions.defaultEpochs, examples: training.count,
                validation: validation,
                batchSize: batchSize, accumulation: accumulate)
        let normalization = try self.normalization.value(
            steps: steps, batchSize: batchSize, limits: limits, averagingRate: averagingRate,
            epsilon: network.model.epsilon,
            // The constants of automatic limits are no option, and may differ between versions.
            begunWith: begun.map {
                try CheckpointRecord(reading: $0.last).configuration.architecture
            }??.normalization)
        let image: TensorShape = [training.height, training.width, training.channels]
        let architecture = network.model.architecture(
            stem: network.stem ?? weights?.match.architecture.stem ?? network.stem(for: image),
            classes: training.classNames.count, input: image,
            normalization: normalization)
        return TrainingConfiguration(
            architecture: architecture,
            options: TrainingOptions(
                optimizer: resolvedOptimizer, learningRate: learningRateSchedule(steps: steps),
                weightDecay: weightDecay, labelSmoothing: labelSmoothing, clipNorm: clipNorm,
                parameterAveragingRate: ema, precision: precision, memory: kept.memory,
                recomputes: kept.recompute),
            steps: steps, batchSize: batchSize, accumulation: accumulate,
            sampling: sampling, classWeights: classWeights.value, augmentation: augment,
            mixing: BatchMixing(mixup: mixup, cutmix: cutmix),
            validation: validation, seed: seed,
            scaling: try preparation.scaling(channels: training.channels),
            onNonFinite: onNonFinite, evaluateEvery: evaluateEvery, patience: patience,
            checkpointEvery: checkpointEvery, evaluationPrecision: evaluationPrecision,
            initialization: self.`init`?.description)
    }

    /// The model to start from: initial values by the seed or, unless a checkpoint will replace them, a file's.
    ///
    /// - Parameter begun: The folder of the run that goes on, if one does.
    func model(
        _ configuration: TrainingConfiguration, goingOnIn begun: RunFolder?,
        startingFrom weights: InitialWeights?
    ) throws -> Model {
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
    private func exceptions(in model: Model) throws -> [PathPattern] {
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
        result.learningRate = resolvedLearningRate
        switch resolvedOptimizer {
        case .sgd(let momentum, _), .rmsProp(_, _, let momentum): result.momentum = momentum
        case .adamW: result.momentum = nil
        }
        return result
    }

    private var resolvedLearningRate: Double { learningRate ?? (optimizer == .sgd ? 0.1 : 0.001) }

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
