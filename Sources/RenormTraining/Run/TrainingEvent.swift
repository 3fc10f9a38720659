import Foundation
import RenormImages
import RenormLayers

/// Something that happened in a run. Step numbers in events count steps made: the first step is 1 of N, and an
/// evaluation at step 100 is one of the state after 100 steps. (Schedules count from 0: the first step uses their value
/// at 0.)
public enum TrainingEvent: Sendable {
    /// Everything is planned; the first step comes next.
    case started(RunDescription)
    /// Something that the user should know but that is no error.
    case warning(String)
    /// The run goes on from a checkpoint.
    case resumed(step: Int, from: URL)
    /// A run was to go on but has no checkpoint yet, so it starts anew.
    case startedAnew(folder: URL)
    /// The last examples of each epoch do not fill a step and are not trained on in that epoch. Said once.
    case droppedIncompleteBatch(examples: Int)
    /// A stage of the unfreezing begins, or the run goes on in one. Runs of one stage have no such event.
    case stage(StageReport)
    /// A step was made.
    case step(StepReport)
    /// What was seen of the normalizations in the step before. Only where `TrainingConfiguration.watchEvery` asks for it.
    case watch(WatchReport)
    /// A batch was not finite somewhere; nothing was updated in that step.
    case skipped(SkipReport)
    /// A set was evaluated.
    case evaluation(EvaluationReport)
    /// A file was saved.
    case checkpoint(CheckpointReport)
    /// As many evaluations as patience goes have found nothing better, and training ends here.
    case stoppedEarly(EarlyStop)
    /// All steps that are to be made are made, and the best state is measured and saved. The last event.
    case finished(TrainingSummary)
    /// The task was cancelled; the step under way was finished and the state saved. The last event.
    case interrupted(Interruption)
}

/// What a run is going to do.
public struct RunDescription: Sendable, Hashable, Codable {
    /// Steps made before, by an earlier session.
    public var firstStep: Int
    /// Steps of the whole run.
    public var steps: Int
    /// Steps of an epoch.
    public var stepsPerEpoch: Int
    /// Examples of a batch.
    public var batchSize: Int
    /// Batches of a step.
    public var accumulation: Int
    /// What it is trained on.
    public var data: DataDescription
    /// The number of elements of all parameters.
    public var parameterCount: Int
    /// The planned peak of the training step's memory in bytes, variables not included.
    public var plannedByteCount: Int
    /// What decoded pictures need in the cache, in bytes, and what they may take; `nil` where none are kept.
    public var cache: ImageCache.Budget?
    /// Build and engine.
    public var environment: RunEnvironment
}

/// What a run trains from here on.
public struct StageReport: Sendable, Hashable, Codable {
    /// Steps made.
    public var step: Int
    /// The stage, from 1.
    public var stage: Int
    /// The number of stages.
    public var stages: Int
    /// What it adds to what was trained before, as the text of `Unfreezing` has it.
    public var parts: String
    /// The number of elements of the parameters that are trained.
    public var trainedParameters: Int
    /// Whether the statistics of normalizations stand still from here on, and normalize (`TrainingConfiguration.statisticsFrozenFrom`).
    public var statisticsAreFrozen = false
}

/// A step that was made.
public struct StepReport: Sendable, Hashable, Codable {
    /// Steps made, this one included.
    public var step: Int
    /// Whole epochs made before it.
    public var epoch: Int
    /// The mean loss of the step's examples.
    public var loss: Double
    /// The part of them that was classified rightly, before the update.
    public var accuracy: Double
    /// The norm of all gradients together, before clipping.
    public var gradientNorm: Double
    /// The learning rate that it used.
    public var learningRate: Double
    /// What the schedules of normalizations said, such as the limits of batch renormalization.
    public var normalization: NormalizationReadings
    /// Images a second, over this step.
    public var imagesPerSecond: Double
}

/// A batch that was skipped.
public struct SkipReport: Sendable, Hashable, Codable {
    /// Steps made, this one included.
    public var step: Int
    /// What was not finite: a layer, `loss` or `gradients`.
    public var path: String
    /// Batches skipped in the whole run.
    public var total: Int
}

/// The sets that a run evaluates.
public enum EvaluationSet: String, Sendable, Hashable, Codable, CaseIterable {
    /// Held out of the training examples, to choose the best checkpoint by.
    case validation
    /// Read once, at the end.
    case test
}

/// An evaluation in a run.
public struct EvaluationReport: Sendable, Hashable, Codable {
    /// What was evaluated.
    public var set: EvaluationSet
    /// The number of steps that made the state evaluated.
    public var step: Int
    /// The result.
    public var evaluation: Evaluation
    /// Whether it is the best so far of the validation set.
    public var isBest: Bool
    /// What the normalizations report of their state, along with a validation.
    public var normalizations: [NormalizationReport] = []
    /// Which classes were taken for which, on the test set.
    public var confusion: ConfusionMatrix?
}

/// Why training ended before all steps were made.
public struct EarlyStop: Sendable, Hashable, Codable {
    /// Steps made.
    public var step: Int
    /// Evaluations in a row without a better result.
    public var evaluations: Int
    /// The number of steps that made the best state; `nil` if no evaluation was finite.
    public var bestStep: Int?
}

/// A file that was saved.
public struct CheckpointReport: Sendable, Hashable, Codable {
    /// Why a checkpoint is saved.
    public enum Reason: String, Sendable, Hashable, Codable, CaseIterable {
        /// It was time.
        case periodic
        /// No state did better on the validation set.
        case best
        /// The task was cancelled.
        case interrupted
        /// A batch was not finite, and this is the state before it; or the state could not be evaluated.
        case nonFinite
        /// An image of the next batch could not be read.
        case unreadable
        /// All steps are made, or no better state is expected.
        case end
        /// The chosen state alone, for use.
        case model
    }

    /// Where it is.
    public var url: URL
    /// Why.
    public var reason: Reason
    /// The number of steps that made it.
    public var step: Int
}

/// The end of a run.
public struct TrainingSummary: Sendable, Hashable, Codable {
    /// Steps made.
    public var steps: Int
    /// The number of steps that made the chosen state: the best on the validation set or, without one, the last.
    public var chosenStep: Int
    /// The chosen state's result on the validation set.
    public var validation: Evaluation?
    /// The chosen state's result on the test set.
    public var test: Evaluation?
    /// Batches skipped because they were not finite.
    public var skippedBatches: Int
    /// The time that this session took, in seconds.
    public var seconds: Double
    /// The part of it that training steps took.
    public var trainingSeconds: Double
    /// The saved model.
    public var model: URL?
}

/// How a cancelled run ended.
public struct Interruption: Sendable, Hashable, Codable {
    /// Steps made.
    public var step: Int
    /// The checkpoint to go on from; `nil` if the run saves nothing.
    public var checkpoint: URL?
}
