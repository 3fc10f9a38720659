import Foundation

/// The state of a run after a step, as one safetensors file: parameters, statistics, counters, optimizer slots and
/// averages as arrays, everything else as JSON in the metadata.
///
/// There is no state of a random generator in it, because there is none: every draw is a function of (seed, stream,
/// counter), and the counter is the step.
public struct Checkpoint: Sendable {
    /// All variables.
    public var variables: Variables
    /// Everything else.
    public var record: CheckpointRecord

    /// Makes a checkpoint.
    public init(variables: Variables, record: CheckpointRecord) {
        self.variables = variables
        self.record = record
    }

    /// Writes the checkpoint, atomically: whatever happens, the file is either as it was or complete.
    ///
    /// - Throws: what writing a file throws, on a full disk for example.
    public func write(to url: URL) throws {
        let json = String(decoding: try JSON.encode(record), as: UTF8.self)
        try VariablesFile.write(variables, metadata: [CheckpointRecord.key: json], to: url)
    }
}

/// What a checkpoint says besides its arrays.
public struct CheckpointRecord: Sendable, Hashable, Codable {
    /// The version of this format.
    public static let format = 1

    /// The version of the format that it was written in.
    public var format = CheckpointRecord.format
    /// Steps made.
    public var step: Int
    /// Where in the data that is.
    public var position: EpochPosition
    /// The run's configuration.
    public var configuration: TrainingConfiguration
    /// Changes to parts of the model.
    public var overrides: [Override]
    /// Every schedule of a step by its name, the limits of batch renormalization among them.
    public var schedules: [String: Schedule]
    /// How pixels become input.
    public var scaling: InputScaling
    /// What the run is trained on.
    public var data: DataDescription
    /// Build, engine, threads, instruction set.
    public var environment: RunEnvironment
    /// The best state so far on the validation set.
    public var best: BestState?
    /// The number of steps at the last evaluation on the validation set.
    public var evaluatedAt: Int?
    /// Batches skipped because they were not finite.
    public var skippedBatches: Int
    /// How many of them were the last ones.
    public var skipsInARow: Int
    /// The result of this state on the validation set, if it was evaluated.
    public var validation: Evaluation?
    /// The result of this state on the test set, if it was evaluated.
    public var test: Evaluation?

    /// The name under which it stands in the metadata.
    static let key = "renorm.checkpoint"

    /// The record in a file.
    ///
    /// - Throws: `TrainingError.notACheckpoint`, `.formatVersion`.
    init(in file: VariablesFile) throws {
        try self.init(metadata: file.metadata, path: file.path)
    }

    /// The record of a file whose arrays are not read.
    init(reading url: URL) throws {
        try self.init(metadata: SafetensorsFile.metadata(of: url), path: url.path)
    }

    private init(metadata: [String: String], path: String) throws {
        guard let text = metadata[CheckpointRecord.key] else {
            throw TrainingError.notACheckpoint(
                path: path, reason: "its metadata has no '\(CheckpointRecord.key)'")
        }
        let data = Data(text.utf8)
        struct Version: Decodable { var format: Int }
        do {
            let version = try JSON.decode(Version.self, from: data).format
            guard version == CheckpointRecord.format else {
                throw TrainingError.formatVersion(
                    path: path, found: version, expected: CheckpointRecord.format)
            }
            self = try JSON.decode(CheckpointRecord.self, from: data)
        } catch let error as DecodingError {
            throw TrainingError.notACheckpoint(
                path: path, reason: "its metadata is damaged (\(error.place))")
        }
    }

    init(
        step: Int, position: EpochPosition, configuration: TrainingConfiguration, overrides: [Override],
        schedules: [String: Schedule], scaling: InputScaling, data: DataDescription,
        environment: RunEnvironment, best: BestState?, evaluatedAt: Int?, skippedBatches: Int,
        skipsInARow: Int, validation: Evaluation?
    ) {
        self.step = step
        self.position = position
        self.configuration = configuration
        self.overrides = overrides
        self.schedules = schedules
        self.scaling = scaling
        self.data = data
        self.environment = environment
        self.best = best
        self.evaluatedAt = evaluatedAt
        self.skippedBatches = skippedBatches
        self.skipsInARow = skipsInARow
        self.validation = validation
    }
}

/// A place in the epochs of a run.
public struct EpochPosition: Sendable, Hashable, Codable {
    /// Whole epochs made.
    public var epoch: Int
    /// Steps made of the next one.
    public var step: Int
    /// Steps of each.
    public var stepsPerEpoch: Int

    init(step: Int, stepsPerEpoch: Int) {
        epoch = step / stepsPerEpoch
        self.step = step % stepsPerEpoch
        self.stepsPerEpoch = stepsPerEpoch
    }
}

/// How well the best state did on the validation set.
public struct BestState: Sendable, Hashable, Codable {
    /// The number of steps that made it.
    public var step: Int
    /// Its accuracy, 0 to 1.
    public var accuracy: Double
    /// Its mean loss.
    public var loss: Double

    package init(step: Int, accuracy: Double, loss: Double) {
        self.step = step
        self.accuracy = accuracy
        self.loss = loss
    }

    /// Whether a later result is better: more accurate or, with equal accuracy, of less loss.
    package func isBeaten(by evaluation: Evaluation) -> Bool {
        evaluation.accuracy > accuracy || (evaluation.accuracy == accuracy && evaluation.loss < loss)
    }
}

extension DecodingError {
    /// Where in the JSON something was wrong.
    fileprivate var place: String {
        func name(_ path: [any CodingKey]) -> String {
            path.isEmpty ? "at the top" : path.map(\.stringValue).joined(separator: ".")
        }
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            return name(context.codingPath)
        case .keyNotFound(let key, let context):
            return name(context.codingPath + [key])
        @unknown default:
            return "somewhere"
        }
    }
}
