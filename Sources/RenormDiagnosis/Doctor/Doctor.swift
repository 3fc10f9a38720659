import RenormArrays
import RenormEngines
import RenormGraphs
import RenormImages
import RenormLayers
import RenormTraining

/// Compares the two modes of a network, that of training and inference: finds which layers part, why, what it costs, and what helps.
///
///     let subject = Doctor.Subject(model: model, scaling: scaling, training: training, heldOut: validation)
///     let diagnosis = try await Doctor(engine).diagnose(subject)
///     for finding in diagnosis.findings { print(finding.cause, finding.layer ?? "", finding.loss) }
///
/// Statistics are measured on training pictures alone, and scored on others. Averages, preparations and trainings that are proposed were
/// tried.
public struct Doctor: Sendable {
    /// What to compute with.
    public var engine: any Engine
    /// How much is looked at.
    public var options: Options
    /// Is told what begins.
    public var observe: (@Sendable (DoctorStage) -> Void)?

    /// Makes a doctor.
    public init(_ engine: any Engine, options: Options = Options()) {
        (self.engine, self.options) = (engine, options)
    }

    /// How much is looked at.
    public struct Options: Sendable, Hashable {
        /// The most training pictures to measure statistics on, and the most held-out ones to score on.
        public var examples = 2000
        /// What is chosen by it, and drawn.
        public var seed: UInt64 = 0
        /// From where on something counts.
        public var thresholds = DiagnosisThresholds()
        /// How many threads prepare batches; `nil`: as the images need.
        public var workers: Int?
        /// Whether a short training is tried where no averages help: up to 200 steps, with batch renormalization.
        public var triesTraining = true

        /// The usual ones.
        public init() {}
    }

    /// A statistic of a file that no network can be used with, in whose place 0, or 1 of a spread, was read.
    public struct Fault: Sendable, Hashable, Codable {
        /// The variable.
        public var path: String
        /// The first channel.
        public var channel: Int
        /// What was found there.
        public var found: Double
        /// In how many channels something was.
        public var count: Int

        /// Describes a fault.
        public init(path: String, channel: Int, found: Double, count: Int) {
            (self.path, self.channel, self.found, self.count) = (path, channel, found, count)
        }
    }

    /// How a network was trained, as far as that is known.
    public struct History: Sendable {
        /// The examples of a batch.
        public var batchSize = 32
        /// Their order.
        public var sampling = Sampling.shuffled
        /// Random changes to pictures.
        public var augmentation = Augmentation.none
        /// The seed of the draws.
        public var seed: UInt64 = 0
        /// Steps made; `nil` where nobody has counted.
        public var step: Int?
        /// The steps of the whole run.
        public var steps: Int?
        /// Whether the run has made them all: a state that it chose on the way then is what will be used.
        public var isFinished = false
        /// Whether the scaling was measured on the training pictures, so that the network's input has mean 0 and deviation 1.
        public var isScalingMeasured = false
        /// The weights that training went on with, where those of the network may be averages of them.
        public var live: Variables?
        /// The values that it started from, where parts were frozen.
        public var origin: Variables?
        /// How gradients changed parameters; `nil` where that is not known.
        public var optimizer: Optimizer?
        /// The largest learning rate of the run; `nil` where that is not known.
        public var learningRate: Double?
        /// How much of the target was spread over all classes.
        public var labelSmoothing = 0.0
        /// Whether it is known that the run trained every layer, none of them frozen.
        public var trainsEverything = false

        /// A history of which nothing is known: independent batches of 32.
        public init() {}
    }

    /// A network, and what it was trained on.
    public struct Subject: Sendable {
        /// The network.
        public var model: Model
        /// How pixels become its input.
        public var scaling: InputScaling
        /// Pictures that it was trained on.
        public var training: Dataset
        /// Pictures that it was not trained on, of the same kind; `nil`: a part of the training pictures is scored in their place.
        public var heldOut: Dataset?
        /// Pictures that it is to be used on, where they may be others.
        public var target: Dataset?
        /// How it was trained.
        public var history: History
        /// The pictures that are scored (`heldOut`, else `training`), each in its place, as they are prepared in use, where that is another
        /// way than in training.
        public var inUse: PreparedPictures?
        /// Whether the training and held-out pictures have labels; without, their labels say nothing.
        public var isLabelled = true
        /// The same of the target's.
        public var isTargetLabelled = true
        /// What was not as it must be in its file.
        public var faults: [Fault]
        /// What it is called on a command line.
        public var names = CommandNames()

        /// Puts a subject together.
        public init(
            model: Model, scaling: InputScaling, training: Dataset, heldOut: Dataset? = nil,
            target: Dataset? = nil, history: History = History(), faults: [Fault] = []
        ) {
            self.model = model
            self.scaling = scaling
            self.training = training
            self.heldOut = heldOut
            self.target = target
            self.history = history
            self.faults = faults
        }
    }

    /// Pictures that are prepared in another way than those of training.
    public struct PreparedPictures: Sendable {
        /// The pictures.
        public var pictures: Dataset
        /// How their pixels become the network's input.
        public var scaling: InputScaling
        /// How training prepares pictures, in words, as far as that is another way.
        public var asInTraining: String

        /// Pictures with their preparation.
        public init(_ pictures: Dataset, scaling: InputScaling, asInTraining: String) {
            (self.pictures, self.scaling, self.asInTraining) = (pictures, scaling, asInTraining)
        }
    }

    /// Diagnoses a network, on a thread of its own.
    ///
    /// - Throws: `TrainingError`, `ImagesError` where the data are not for the network; `CancellationError`; what the engine throws.
    public func diagnose(_ subject: Subject) async throws -> Diagnosis {
        var (diagnosis, trials) = try await onOwnThread(named: "renorm.doctor") {
            [engine, options, observe] isCancelled in
            let examination = try Examination(
                subject, engine, options, observe: observe, isCancelled: isCancelled)
            return (try examination.diagnosis(), examination.trials)
        }
        if !trials.isEmpty { observe?(.trial) }
        for trial in trials {
            do {
                if let outcome = try await trial.tried(with: engine, workers: options.workers),
                    diagnosis.report(trial, outcome, of: subject.names, least: options.thresholds.loss)
                {
                    return diagnosis
                }
            } catch let error as CancellationError {
                throw error
            } catch {
                // What was found stands, whatever the trial came to.
                diagnosis.remarks.append("a training was tried and failed: \(error)")
            }
        }
        if let cause = trials.first?.cause { diagnosis.withdrawUnmeasuredRemedy(of: cause) }
        return diagnosis
    }
}
