import RenormArrays
import RenormLayers
import RenormTraining

/// What one run of an experiment gave.
public struct ExperimentResult: Sendable, Hashable, Codable {
    /// The contender's name.
    public var contender: String
    /// What tells it from others.
    public var contenderText: String
    /// The setting's name.
    public var setting: String
    /// What tells it from others.
    public var settingText: String
    /// The seed.
    public var seed: UInt64
    /// Steps made: fewer than asked for if something was not finite.
    public var steps: Int
    /// What was not finite in training, if anything was.
    public var notFinite: String?
    /// The first layer that was not finite as deployed, if one was: its examples count as classified wrongly.
    public var notFiniteAsDeployed: String?
    /// The accuracy as deployed, 0 to 1: with moving averages, where there are any.
    public var accuracy: Double
    /// The loss as deployed; `nil` if it is not finite.
    public var loss: Double?
    /// The accuracy with the statistics of batches drawn and grouped as in training, on at most 2,560 examples; `nil`
    /// without moving averages.
    public var accuracyAsTrained: Double?
    /// The accuracy with the statistics of groups of the same size, drawn independently; `nil` without moving averages.
    public var accuracyOfBatches: Double?
    /// The accuracy on the training batches of the last tenth of the run.
    public var trainingAccuracy: Double
    /// The accuracy as deployed along the way, on fewer examples.
    public var curve: [CurvePoint]
    /// What each normalization reports of itself at the end, such as its gains.
    public var gains: [NormalizationReport]
    /// The time that training took, in seconds.
    public var seconds: Double

    /// A point of a curve.
    public struct CurvePoint: Sendable, Hashable, Codable {
        /// Steps made.
        public var step: Int
        /// Accuracy as deployed, 0 to 1.
        public var accuracy: Double
        /// What each normalization reports of itself.
        public var gains: [NormalizationReport]?

        package init(step: Int, accuracy: Double, gains: [NormalizationReport]? = nil) {
            self.step = step
            self.accuracy = accuracy
            self.gains = gains
        }

        /// Reads what was encoded.
        ///
        /// - Throws: `DecodingError` also for numbers out of range.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            step = try container.value(.step)
            accuracy = try container.value(.accuracy)
            gains = try container.optional(.gains)
            try requireNoFault(decoder)
        }
    }

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for numbers that no run gives.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        contender = try container.value(.contender)
        contenderText = try container.value(.contenderText)
        setting = try container.value(.setting)
        settingText = try container.value(.settingText)
        seed = try container.value(.seed)
        steps = try container.value(.steps)
        notFinite = try container.optional(.notFinite)
        notFiniteAsDeployed = try container.optional(.notFiniteAsDeployed)
        accuracy = try container.value(.accuracy)
        loss = try container.optional(.loss)
        accuracyAsTrained = try container.optional(.accuracyAsTrained)
        accuracyOfBatches = try container.optional(.accuracyOfBatches)
        trainingAccuracy = try container.value(.trainingAccuracy)
        curve = try container.value(.curve)
        gains = try container.value(.gains)
        seconds = try container.value(.seconds)
        try requireNoFault(decoder)
    }

    package init(
        _ cell: Experiment.Cell, steps: Int, notFinite: String?, notFiniteAsDeployed: String? = nil,
        accuracy: Double, loss: Double?,
        accuracyAsTrained: Double?, accuracyOfBatches: Double?, trainingAccuracy: Double, curve: [CurvePoint],
        gains: [NormalizationReport], seconds: Double
    ) {
        contender = cell.contender.name
        contenderText = cell.contender.text
        setting = cell.setting.name
        settingText = cell.setting.text
        seed = cell.seed
        self.steps = steps
        self.notFinite = notFinite
        self.notFiniteAsDeployed = notFiniteAsDeployed
        self.accuracy = accuracy
        self.loss = loss.flatMap { $0.isFinite ? $0 : nil }
        self.accuracyAsTrained = accuracyAsTrained
        self.accuracyOfBatches = accuracyOfBatches
        self.trainingAccuracy = trainingAccuracy
        self.curve = curve
        self.gains = gains
        self.seconds = seconds
    }

    /// What tells a result from others of the same experiment.
    public struct Key: Sendable, Hashable {
        /// The contender, by its text.
        public var contender: String
        /// The setting, by its text.
        public var setting: String
        /// The seed.
        public var seed: UInt64
    }

    /// What tells it from others.
    public var key: Key { Key(contender: contenderText, setting: settingText, seed: seed) }
}

extension ExperimentResult: Checkable {
    /// What is wrong with the numbers.
    package var fault: Fault? {
        .first(
            .steps(steps), .accuracy("accuracy", accuracy),
            .accuracy("accuracy as trained", accuracyAsTrained),
            .accuracy("accuracy of batches", accuracyOfBatches),
            .accuracy("training accuracy", trainingAccuracy),
            Fault(
                of: "seconds", "\(seconds)", "a finite number, at least 0",
                unless: seconds >= 0 && seconds.isFinite))
    }
}

extension ExperimentResult.CurvePoint: Checkable {
    /// What is wrong with the numbers.
    package var fault: Fault? { .first(.steps(step), .accuracy("accuracy", accuracy)) }
}

extension Fault {
    fileprivate static func steps(_ found: Int) -> Fault? {
        let most = TrainingLimits.steps
        return Fault(of: "steps", "\(found)", "0 to \(most)", unless: (0...most).contains(found))
    }

    fileprivate static func accuracy(_ name: String, _ found: Double?) -> Fault? {
        found.flatMap { Fault(of: name, "\($0)", "0 to 1", unless: (0...1).contains($0)) }
    }
}
