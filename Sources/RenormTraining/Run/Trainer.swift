import Foundation
import RenormEngines
import RenormImages
import RenormLayers

/// Trains a model: a value that says what to do. Reading its events does it.
///
///     let trainer = Trainer(model: model, configuration: configuration, engine: engine, training: images)
///     for try await event in trainer.events {
///         if case .step(let report) = event { print(report.step, report.loss) }
///     }
///
/// The work happens on a thread of its own. Cancelling the task that reads the events finishes the step under way, saves
/// a checkpoint and ends the events with `.interrupted`; giving up reading them stops it in the same way.
///
/// A run that goes on from a checkpoint computes the same bits as one that was never stopped, on the same build, engine,
/// number of threads, instruction set and algorithm of convolutions (`RunEnvironment`): batches, augmentation and dropout
/// are functions of the step, and everything else is in the checkpoint.
public struct Trainer: Sendable {
    /// The network with the values to start from.
    public var model: Model
    /// What to do.
    public var configuration: TrainingConfiguration
    /// What to compute with.
    public var engine: any Engine
    /// The training examples; where there is no validation set, those held out are among them.
    public var training: Dataset
    /// The examples to choose the best state by; `nil`: as many of the training examples are held out as the configuration says.
    public var validation: Dataset?
    /// The examples to measure the chosen state on, at the end.
    public var test: Dataset?
    /// Where to save; `nil`: nowhere.
    public var folder: RunFolder?
    /// Whether to go on from the folder's last checkpoint.
    public var resumes: Bool
    /// What the folder's `config.yml` is to say; written before anything else, unless the file is there.
    public var record: String?
    /// The table of the range test that the learning rate is from; written into the folder of a new run.
    public var learningRates: String?
    /// How many threads prepare batches, on which no number depends; `nil`: as the images need (`BatchLoader.workers(for:)`).
    public var workers: Int?
    /// The lists of the pictures that are trained on, which the folder keeps: a run that goes on finds the same ones, or says what
    /// differs.
    public var pictures: [PictureList] = []
    /// Where decoded pictures are kept, on which no number depends.
    public var cache = ImageCache.none
    /// The bytes that they may take there; `nil`: half of what is free.
    public var cacheBudget: Int?
    /// The examples of a block of the order, such as one draw of labels, where that is not what the model normalizes
    /// together.
    package var examplesOfBlock: Int?

    /// Makes a trainer.
    ///
    /// - Parameter resumes: Without it the folder must be new or empty. With it a folder without a checkpoint is
    ///   started anew, which an event says.
    public init(
        model: Model, configuration: TrainingConfiguration, engine: any Engine, training: Dataset,
        validation: Dataset? = nil, test: Dataset? = nil, folder: RunFolder? = nil, resumes: Bool = false,
        record: String? = nil, workers: Int? = nil
    ) {
        self.model = model
        self.configuration = configuration
        self.engine = engine
        self.training = training
        self.validation = validation
        self.test = test
        self.folder = folder
        self.resumes = resumes
        self.record = record
        self.workers = workers
    }

    /// The events of the run, which happens while they are read. Reading them again is another run.
    public var events: TrainingEvents { TrainingEvents(trainer: self) }

    /// Runs to the end, without a look at the events.
    ///
    /// - Throws: What the events throw; `CancellationError` when the task was cancelled, after the state was saved.
    @discardableResult
    public func run() async throws -> TrainingSummary {
        for try await event in events {
            if case .finished(let summary) = event { return summary }
        }
        throw CancellationError()
    }
}
