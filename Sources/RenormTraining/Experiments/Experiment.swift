import RenormArrays
import RenormEngines
import RenormImages
import RenormLayers

/// One network trained in every combination of normalizations, settings and seeds, everything else being equal.
///
///     let comparison = Experiment(model: "small:0.5", contenders: [try Contender("batch"), try Contender("batch-renorm")],
///                                 settings: [try ExperimentSetting("shuffled examples=4")], seeds: 0..<3, steps: 1500)
///     for cell in comparison.cells { let result = try await comparison.run(cell, data, on: engine) }
public struct Experiment: Sendable {
    /// The name of the network, as `Architecture` knows it.
    public var model: String
    /// How images enter networks other than `small`.
    public var stem = Stem.cifar
    /// The normalizations.
    public var contenders: [Contender]
    /// The settings.
    public var settings: [ExperimentSetting]
    /// The seeds: each gives initial values, batches and order, the same for every normalization.
    public var seeds: [UInt64]
    /// The steps of every run.
    public var steps: Int
    /// The learning rate at the start of a cosine, unless a normalization has one of its own.
    public var learningRate = 0.1
    /// The weight decay of convolutions and dense layers.
    public var weightDecay = 0.0001
    /// How often in a run the curve has a point.
    public var curvePoints = 10

    /// Makes a comparison.
    public init(
        model: String, contenders: [Contender], settings: [ExperimentSetting], seeds: [UInt64], steps: Int
    ) {
        self.model = model
        self.contenders = contenders
        self.settings = settings
        self.seeds = seeds
        self.steps = steps
    }

    /// One run.
    public struct Cell: Sendable, Hashable {
        /// The normalization.
        public var contender: Contender
        /// The setting.
        public var setting: ExperimentSetting
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

    /// What the runs of a comparison are trained and measured on.
    public struct Data: Sendable {
        /// Trained on.
        public var training: Dataset
        /// Measured on, once, at the end of each run.
        public var measured: Dataset
        /// Measured on along the way, for the curves.
        public var alongTheWay: Dataset
        /// Those of `measured` on which batch statistics are tried.
        package let inBatches: Dataset
        let scaling: InputScaling
        /// What nothing is trained on.
        private let heldOut: Dataset
        /// What the user should know of the data.
        package let warnings: [String]

        /// - Parameters:
        ///   - heldOut: The number of training examples that nothing is trained on: the curves' and, without `test`, those
        ///     that runs are measured on. Always the same ones.
        ///   - test: `nil` measures on the held-out examples.
        public init(training: Dataset, heldOut: Int, test: Dataset?) throws {
            let (kept, heldOut) = try training.split(validation: heldOut, seed: 0)
            self.training = kept
            measured = test ?? heldOut
            inBatches = Data.part(of: measured, 2560)
            alongTheWay = Data.part(of: heldOut, 1000)
            scaling = InputScaling(of: kept)
            self.heldOut = heldOut
            warnings = training.warningsOfClasses + training.warningsOfHoldingOut(leaving: kept)
        }

        /// Says of a class that label blocks miss how many of its examples are held out.
        func explaining<Result>(_ body: () throws -> Result) throws -> Result {
            do {
                return try body()
            } catch ImagesError.classWithoutExamples(let name, 0) {
                throw ImagesError.classWithoutExamples(name: name, heldOut: heldOut.count(ofClass: name))
            }
        }

        /// Always the same examples: the first ones, or, where sources or classes follow one another, some from all over.
        private static func part(of dataset: Dataset, _ count: Int) -> Dataset {
            guard count < dataset.count else { return dataset }
            let isMixed = Set(dataset.labels.prefix(count)).count == Set(dataset.labels).count
            if dataset.sources.count == 1, isMixed { return dataset.subset(Array(0..<count)) }
            var random = Random(seed: 0, stream: "compared")
            return dataset.subset(random.permutation(dataset.count).prefix(count).sorted())
        }
    }

    /// Throws if a run cannot be made, before any is.
    public func check(_ data: Data) throws {
        for contender in contenders {
            for setting in settings {
                let cell = Cell(contender: contender, setting: setting, seed: 0)
                _ = try data.explaining {
                    try TrainingPlan(trainer(cell, data, on: ReferenceEngine()))
                }
                guard contender.hasMovingAverages else { continue }
                for sampling in [setting.sampling, .shuffled] {
                    _ = try BatchSampler.evaluationBatches(
                        sampling, dataset: data.inBatches, batchSize: setting.batchSize,
                        groupSize: setting.examples)
                }
            }
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
        try await onOwnThread(named: "renorm.comparison") { isCancelled in
            let trainer = try trainer(cell, data, on: engine)
            let run = try ExperimentRun(
                trainer, data, cell: cell, curveEvery: max(steps / max(curvePoints, 1), 1))
            return try run.result(progress: progress, isCancelled: isCancelled)
        }
    }

    private func trainer(_ cell: Cell, _ data: Data, on engine: any Engine) throws -> Trainer {
        let training = data.training
        let architecture = Architecture(
            name: model, stem: stem, classes: training.classCount,
            input: [training.height, training.width, training.channels],
            normalization: cell.contender.normalization(in: cell.setting, steps: steps))
        let rate = cell.contender.learningRate ?? learningRate
        var trainer = Trainer(
            model: try architecture.makeModel(seed: cell.seed),
            configuration: TrainingConfiguration(
                architecture: architecture,
                options: TrainingOptions(
                    optimizer: .sgd(), learningRate: .cosine(from: rate, steps: steps),
                    weightDecay: weightDecay),
                steps: steps, batchSize: cell.setting.batchSize, sampling: cell.setting.sampling,
                validation: 0,
                seed: cell.seed, scaling: data.scaling),
            engine: engine, training: training)
        trainer.examplesOfBlock = cell.setting.examples
        return trainer
    }
}
