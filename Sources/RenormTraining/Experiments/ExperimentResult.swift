/// What one run of a comparison gave.
public struct ExperimentResult: Sendable, Hashable, Codable {
    /// The normalization's name.
    public var contender: String
    /// Its options.
    public var contenderText: String
    /// The setting's name.
    public var setting: String
    /// Its options.
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
    /// Of each normalization that tunes itself, its gains at the end.
    public var gains: [LayerGains]
    /// The time that training took, in seconds.
    public var seconds: Double

    /// A point of a curve.
    public struct CurvePoint: Sendable, Hashable, Codable {
        /// Steps made.
        public var step: Int
        /// Accuracy as deployed, 0 to 1.
        public var accuracy: Double
        /// The gains of each normalization that tunes itself.
        public var gains: [LayerGains]?

        package init(step: Int, accuracy: Double, gains: [LayerGains]? = nil) {
            self.step = step
            self.accuracy = accuracy
            self.gains = gains
        }
    }

    package init(
        _ cell: Experiment.Cell, steps: Int, notFinite: String?, notFiniteAsDeployed: String? = nil,
        accuracy: Double, loss: Double?,
        accuracyAsTrained: Double?, accuracyOfBatches: Double?, trainingAccuracy: Double, curve: [CurvePoint],
        gains: [LayerGains], seconds: Double
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

    /// What tells a result from others of the same comparison.
    public struct Key: Sendable, Hashable {
        /// The normalization, with its options.
        public var contender: String
        /// The setting, with its options.
        public var setting: String
        /// The seed.
        public var seed: UInt64
    }

    /// What tells it from others.
    public var key: Key { Key(contender: contenderText, setting: settingText, seed: seed) }
}
