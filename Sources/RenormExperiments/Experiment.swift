import RenormEngines
import RenormImages
import RenormLayers
import RenormTraining

/// One network trained in every combination of contenders, settings and seeds, everything else being equal.
///
///     let experiment = Experiment(
///         model: "small:0.5",
///         contenders: [
///             Experiment.Contender("BN", normalization: Normalization(.batch)),
///             Experiment.Contender("Adam") { $0.configuration.options.optimizer = .adamW() },
///         ],
///         settings: [Experiment.Setting("fours", sampling: .shuffled, batchSize: 32, examples: 4)],
///         seeds: [0, 1, 2], steps: 1500)
///     for cell in experiment.cells { let result = try await experiment.run(cell, data, on: engine) }
public struct Experiment: Sendable {
    /// The name of the network, as `Architecture` knows it; where contenders bring layers of their own, only a name.
    public var model: String
    /// How images enter networks other than `small`.
    public var stem = Stem.cifar
    /// The network itself where it is not in the table; the name then says where it came from.
    public var description: NetworkDescription?
    /// What is compared.
    public var contenders: [Contender]
    /// In what it is compared.
    public var settings: [Setting]
    /// The seeds: each gives initial values, batches and order, the same for every contender.
    public var seeds: [UInt64]
    /// The steps of every run.
    public var steps: Int
    /// The learning rate at the start of a cosine, unless a contender has one of its own.
    public var learningRate = 0.1
    /// The weight decay of convolutions and dense layers.
    public var weightDecay = 0.0001
    /// How often in a run the curve has a point.
    public var curvePoints = 10

    /// Makes an experiment.
    public init(
        model: String, contenders: [Contender], settings: [Setting], seeds: [UInt64], steps: Int
    ) {
        self.model = model
        self.contenders = contenders
        self.settings = settings
        self.seeds = seeds
        self.steps = steps
    }

    /// One run.
    public struct Cell: Sendable {
        /// What is trained.
        public var contender: Contender
        /// In what setting.
        public var setting: Setting
        /// The seed.
        public var seed: UInt64

        /// What tells it from others in a folder of results.
        public var key: ExperimentResult.Key {
            ExperimentResult.Key(contender: contender.text, setting: setting.text, seed: seed)
        }
    }

    /// All runs: seed by seed, so that a table fills evenly.
    public var cells: [Cell] {
        seeds.flatMap { seed in
            settings.flatMap { setting in
                contenders.map { Cell(contender: $0, setting: setting, seed: seed) }
            }
        }
    }

    /// Throws if a run cannot be made, before any is.
    public func check(_ data: Data) throws {
        for contender in contenders {
            for setting in settings {
                let cell = Cell(contender: contender, setting: setting, seed: 0)
                let trainer = try trainer(cell, data, on: ReferenceEngine())
                _ = try data.explaining { try TrainingPlan(trainer) }
                guard trainer.model.hasStatistics else { continue }
                for sampling in [setting.sampling, .shuffled] {
                    _ = try BatchSampler.evaluationBatches(
                        sampling, dataset: data.inBatches, batchSize: setting.batchSize,
                        groupSize: setting.examples)
                }
            }
        }
    }

    /// Whether any contender normalizes groups of a batch's examples apart in a setting.
    ///
    /// - Throws: What making the networks throws.
    public func hasGroups(in setting: Setting, _ data: Data) throws -> Bool {
        try contenders.contains {
            let recipe = try recipe(Cell(contender: $0, setting: setting, seed: 0), data)
            return try recipe.model().commonGroupSize().map { $0 < setting.batchSize } ?? false
        }
    }

    /// Makes one run.
    ///
    /// - Parameter progress: Called after each step with the number of steps made.
    /// - Throws: `CancellationError` when the task was cancelled; what training throws, but not that something was not
    ///   finite: then the run ends, and its result says so.
    public func run(
        _ cell: Cell, _ data: Data, on engine: any Engine,
        progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> ExperimentResult {
        try await onOwnThread(named: "renorm.experiment") { isCancelled in
            let run = try ExperimentRun(
                trainer(cell, data, on: engine), data, cell: cell,
                curveEvery: max(steps / max(curvePoints, 1), 1))
            return try run.result(progress: progress, isCancelled: isCancelled)
        }
    }

    /// What a run trains and how: what all runs share, then what the setting, then what the contender makes of it.
    private func recipe(_ cell: Cell, _ data: Data) throws -> Recipe {
        let training = data.training
        var recipe = Recipe(
            setting: cell.setting,
            architecture: Architecture(
                name: model, stem: stem, classes: training.classCount,
                input: [training.height, training.width, training.channels],
                normalization: Normalization(.batchRenorm), description: description),
            configuration: TrainingConfiguration(
                options: TrainingOptions(
                    optimizer: .sgd(), learningRate: .cosine(from: learningRate, steps: steps),
                    weightDecay: weightDecay),
                steps: steps, batchSize: cell.setting.batchSize, sampling: cell.setting.sampling,
                validation: 0, seed: cell.seed, scaling: data.scaling))
        try cell.setting.change(&recipe)
        try cell.contender.change(&recipe)
        return recipe
    }

    private func trainer(_ cell: Cell, _ data: Data, on engine: any Engine) throws -> Trainer {
        let recipe = try recipe(cell, data)
        var configuration = recipe.configuration
        configuration.architecture = recipe.layer == nil ? recipe.architecture : nil
        var trainer = Trainer(
            model: try recipe.model(), configuration: configuration, engine: engine, training: data.training)
        trainer.examplesOfBlock = cell.setting.examples
        return trainer
    }
}

extension Model {
    /// Whether it has statistics beside parameters, so that training and inference can differ.
    var hasStatistics: Bool { variables.contains { $0.variable.kind == .statistic } }
}
