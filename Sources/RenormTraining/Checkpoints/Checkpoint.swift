import Foundation
import RenormArrays
import RenormFormats
import RenormGraphs
import RenormImages
import RenormLayers

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
        let json = try JSONCoder.encode(record)
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
    /// Build and engine.
    public var environment: RunEnvironment
    /// The best state so far on the validation set.
    public var best: BestState?
    /// The number of steps at the last evaluation on the validation set.
    public var evaluatedAt: Int?
    /// What the sources are called that have statistics of their own, in the order in which a state holds these; `nil` where statistics
    /// are of all together.
    public var domains: [String]?
    /// Evaluations in a row since the best one; `nil` in files of earlier versions.
    public var evaluationsSinceBest: Int?
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
    package init(in file: VariablesFile) throws {
        try self.init(metadata: file.metadata, path: file.path)
    }

    /// The record of a file whose arrays are not read.
    package init(reading url: URL) throws {
        try self.init(metadata: NamedArrays.metadata(safetensors: url), path: url.path)
    }

    private init(metadata: [String: String], path: String) throws {
        guard let text = metadata[CheckpointRecord.key] else {
            throw TrainingError.notACheckpoint(
                path: path, reason: "its metadata has no '\(CheckpointRecord.key)'")
        }
        struct Version: Decodable { var format: Int }
        do {
            let version = try JSONCoder.decode(Version.self, from: text).format
            guard version == CheckpointRecord.format else {
                throw TrainingError.formatVersion(
                    path: path, found: version, expected: CheckpointRecord.format)
            }
            self = try JSONCoder.decode(CheckpointRecord.self, from: text)
        } catch let error as DecodingError {
            throw TrainingError.notACheckpoint(
                path: path, reason: "its metadata is damaged (\(error.placeAndReason))")
        }
    }

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for what no run saves.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        format = try container.value(.format)
        step = try container.value(.step)
        position = try container.value(.position)
        configuration = try container.value(.configuration)
        overrides = try container.value(.overrides)
        schedules = try container.value(.schedules)
        scaling = try container.value(.scaling)
        data = try container.value(.data)
        environment = try container.value(.environment)
        best = try container.optional(.best)
        evaluatedAt = try container.optional(.evaluatedAt)
        domains = try container.optional(.domains)
        evaluationsSinceBest = try container.optional(.evaluationsSinceBest)
        skippedBatches = try container.value(.skippedBatches)
        skipsInARow = try container.value(.skipsInARow)
        validation = try container.optional(.validation)
        test = try container.optional(.test)
        try requireNoFault(decoder)
    }

    init(
        step: Int, position: EpochPosition, configuration: TrainingConfiguration, overrides: [Override],
        schedules: [String: Schedule], scaling: InputScaling, data: DataDescription,
        environment: RunEnvironment, best: BestState?, evaluatedAt: Int?, evaluationsSinceBest: Int,
        skippedBatches: Int, skipsInARow: Int, validation: Evaluation?
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
        self.evaluationsSinceBest = evaluationsSinceBest
        self.skippedBatches = skippedBatches
        self.skipsInARow = skipsInARow
        self.validation = validation
    }
}

extension CheckpointRecord: Checkable {
    /// What is wrong with the numbers by themselves or with one another; its parts know their own.
    package var fault: Fault? {
        func step(_ name: String, _ found: Int?, upTo most: Int) -> Fault? {
            guard let found else { return nil }
            return Fault(of: name, "\(found)", "0 to \(most)", unless: found >= 0 && found <= most)
        }
        let architecture = configuration.architecture
        return .first(
            step("step", self.step, upTo: configuration.steps),
            step("step of the best state", best?.step, upTo: self.step),
            step("step of the last evaluation", evaluatedAt, upTo: self.step),
            step("evaluations since the best", evaluationsSinceBest, upTo: self.step),
            domains.flatMap {
                Fault(
                    of: "domains", "\($0.count) names", "at least one, each another",
                    unless: !$0.isEmpty && Set($0).count == $0.count)
            },
            step("skipped batches", skippedBatches, upTo: self.step),
            step("batches skipped in a row", skipsInARow, upTo: skippedBatches),
            Fault(
                of: "scaling", "\(scaling.channels) channels", "\(data.image[2]), as the images have",
                unless: scaling.channels == data.image[2]),
            architecture.flatMap {
                Fault(
                    of: "architecture", "\($0.classes) classes on images of \($0.input)",
                    "\(data.classNames.count) on images of \(data.image), as the data have",
                    unless: $0.classes == data.classNames.count && $0.input == data.image)
            })
    }
}
