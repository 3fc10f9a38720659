import RenormArrays
import RenormImages
import RenormLayers

/// All of a run that its numbers depend on, and when it evaluates and saves. Saved with every checkpoint.
///
/// Steps count updates of the parameters. An epoch is as many whole steps as the training examples fill.
public struct TrainingConfiguration: Sendable, Hashable, Codable {
    /// The model, if it is of the zoo: then a checkpoint alone is enough to build it again. `nil` for layers of a
    /// user's own.
    public var architecture: Architecture?
    /// The file that the model started from, for the record.
    public var initialization: String?
    /// Optimizer, learning rate, label smoothing, clipping, averages.
    public var options: TrainingOptions
    /// Which parts are trained from when on.
    public var unfreezing: Unfreezing
    /// The number of steps of the whole run.
    public var steps: Int
    /// The number of examples in a batch: in a step or, with accumulation, in each of its small batches.
    public var batchSize: Int
    /// The number of small batches whose gradients are accumulated in a step: `TrainingGraph` says what that means.
    public var accumulation: Int
    /// The order of the examples.
    public var sampling: Sampling
    /// Whether normalizations keep statistics of their own for each source of the data, while all else is shared (Chang et al.
    /// 2019). Each batch then has to be of one source, as those of `Sampling.sourceBlocks` are.
    public var statisticsBySource: Bool
    /// How much the loss of an example counts by its class.
    public var classWeights: ClassWeights
    /// Random changes to training images.
    public var augmentation: Augmentation
    /// How the training images of a batch are mixed with one another.
    public var mixing: BatchMixing
    /// The number of training examples that are held out, by the seed, to choose the best checkpoint by. With 0 the
    /// last state is the best.
    public var validation: Int
    /// What initial values, held-out examples, order, augmentation and dropout are functions of.
    public var seed: UInt64
    /// How pixels become input; `nil`: by the mean and deviation of the examples trained on.
    public var scaling: InputScaling?
    /// What happens when something is not finite.
    public var onNonFinite: NonFinitePolicy
    /// The number of steps between evaluations on the held-out examples; `nil`: at the end of each epoch. There is
    /// always one after the last step.
    public var evaluateEvery: Int?
    /// The number of evaluations on the held-out examples in a row without a better result after which training ends; `nil`:
    /// it does not end before all steps are made. An evaluation that is left out counts as one.
    public var patience: Int?
    /// The number of steps between checkpoints; `nil`: at the end of each epoch. There is always one at the end.
    public var checkpointEvery: Int?
    /// The number of examples evaluated at a time.
    public var evaluationBatchSize: Int
    /// The precision of activations on held-out and test examples; `nil`: that of training.
    public var evaluationPrecision: Precision?
    /// The number of training examples on which moving averages are measured anew before the network is evaluated on held-out
    /// examples and saved for use, in whole steps; 0: they are as training left them. See `Recalibration`.
    public var recalibration: Int
    /// The number of steps after which the statistics of all normalizations stand still and normalize in training as at inference,
    /// to the end of the run (Wu & Johnson 2021); `nil`: never. Parameters go on being trained.
    public var statisticsFrozenFrom: Int?
    /// The number of steps between looks at the normalizations (`TrainingEvent.watch`), on which no number of the run depends; `nil`:
    /// none.
    public var watchEvery: Int?

    /// Makes a configuration.
    public init(
        architecture: Architecture? = nil, options: TrainingOptions, steps: Int, batchSize: Int = 64,
        accumulation: Int = 1, sampling: Sampling = .shuffled, statisticsBySource: Bool = false,
        classWeights: ClassWeights = .none,
        augmentation: Augmentation = .none, mixing: BatchMixing = BatchMixing(), validation: Int = 5000,
        seed: UInt64 = 0, scaling: InputScaling? = nil, onNonFinite: NonFinitePolicy = .stop,
        evaluateEvery: Int? = nil, patience: Int? = nil, checkpointEvery: Int? = nil,
        evaluationBatchSize: Int = 250, evaluationPrecision: Precision? = nil,
        initialization: String? = nil, unfreezing: Unfreezing = .all, recalibration: Int = 0,
        statisticsFrozenFrom: Int? = nil, watchEvery: Int? = nil
    ) {
        self.architecture = architecture
        self.unfreezing = unfreezing
        self.recalibration = recalibration
        self.statisticsFrozenFrom = statisticsFrozenFrom
        self.watchEvery = watchEvery
        self.initialization = initialization
        self.options = options
        self.steps = steps
        self.batchSize = batchSize
        self.accumulation = accumulation
        self.sampling = sampling
        self.statisticsBySource = statisticsBySource
        self.classWeights = classWeights
        self.augmentation = augmentation
        self.mixing = mixing
        self.validation = validation
        self.seed = seed
        self.scaling = scaling
        self.onNonFinite = onNonFinite
        self.evaluateEvery = evaluateEvery
        self.patience = patience
        self.checkpointEvery = checkpointEvery
        self.evaluationBatchSize = evaluationBatchSize
        self.evaluationPrecision = evaluationPrecision
    }

    /// The number of steps in `epochs` epochs over a dataset of `examples` examples of which `validation` are held out.
    ///
    /// - Parameter accumulation: The number of batches in a step.
    /// - Returns: At most `Int.max`, which is more than a run may have.
    public static func steps(
        epochs: Int, examples: Int, validation: Int, batchSize: Int, accumulation: Int = 1
    ) -> Int {
        guard batchSize > 0, accumulation > 0 else { return 0 }
        let (steps, overflow) = epochs.multipliedReportingOverflow(
            by: max(examples - validation, 0) / batchSize / accumulation)
        return overflow ? .max : steps
    }
}

extension TrainingConfiguration {
    /// Reads what was encoded, also by versions that did not have every option yet: then it has its default.
    ///
    /// - Throws: `DecodingError` also for options out of range.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        architecture = try container.optional(.architecture)
        initialization = try container.optional(.initialization)
        options = try container.value(.options)
        unfreezing = try container.optional(.unfreezing) ?? .all
        recalibration = try container.optional(.recalibration) ?? 0
        statisticsFrozenFrom = try container.optional(.statisticsFrozenFrom)
        watchEvery = try container.optional(.watchEvery)
        steps = try container.value(.steps)
        batchSize = try container.value(.batchSize)
        accumulation = try container.optional(.accumulation) ?? 1
        sampling = try container.value(.sampling)
        statisticsBySource = try container.optional(.statisticsBySource) ?? false
        classWeights = try container.optional(.classWeights) ?? .none
        augmentation = try container.value(.augmentation)
        mixing = try container.optional(.mixing) ?? BatchMixing()
        validation = try container.value(.validation)
        seed = try container.value(.seed)
        scaling = try container.optional(.scaling)
        onNonFinite = try container.value(.onNonFinite)
        evaluateEvery = try container.optional(.evaluateEvery)
        patience = try container.optional(.patience)
        checkpointEvery = try container.optional(.checkpointEvery)
        evaluationBatchSize = try container.value(.evaluationBatchSize)
        evaluationPrecision = try container.optional(.evaluationPrecision)
        try requireNoFault(decoder)
    }
}

/// What happens to a batch whose loss, moments or gradients are not finite. Either way nothing is updated by it.
public enum NonFinitePolicy: String, Sendable, Hashable, Codable, CaseIterable {
    /// The state before it is saved, and training ends with an error that names step and layer. So it does, with the
    /// state itself saved, when an evaluation is not finite.
    case stop
    /// The batch is counted as skipped, and training goes on with the next: the step number advances, and with it the
    /// schedules, but nothing is updated. After `TrainingLimits.skipsInARow` such batches without one between them that
    /// is finite, training stops all the same: then it is not the data. An evaluation that is not finite is left out.
    case skip
}

/// Bounds that the training loop keeps.
public enum TrainingLimits {
    /// The number of steps of a run: a layer's counter of steps is exact up to 2²⁴.
    public static let steps = 1 << 24
    /// The number of examples that an option may name, such as those of a batch: the label of each has 32 bits, and none of the
    /// sums and products made of such numbers overflows.
    public static let examples = Int(Int32.max)
    /// The number of batches in a row that may be skipped because they are not finite.
    public static let skipsInARow = 50
    /// The number of events that wait for a slow reader before the loop waits too.
    public static let waitingEvents = 256
}
