import Foundation
import RenormArrays
import RenormFormats
import RenormGraphs
import RenormImages
import RenormLayers

/// A network ready to be used on pictures: its layers with their values, how a picture becomes its input, and what its classes
/// are called.
///
///     let classifier = try Classifier(weights: file, for: WeightsMatch.Request(name: "mobilenetv2"))
///     let predictor = try Predictor(classifier, engine: engine)
///
/// `TrainedModel.classifier` is that of a run.
public struct Classifier: Sendable {
    /// The network with its values.
    public var model: Model
    /// Its name and options; `nil` for layers that are not of the zoo.
    public var architecture: Architecture?
    /// All that happens to a picture before it is the network's input.
    public var preparation: Preparation
    /// What the classes are called.
    public var classNames: [String]
    /// What should be known of it that no error says, in sentences: such as averages that no training has moved.
    public var remarks: [String]
    /// The statistics that it has in other domains than the one of the model's own.
    public var domains: [StatisticsDomain]

    /// Puts a classifier together.
    public init(
        model: Model, architecture: Architecture?, preparation: Preparation, classNames: [String],
        remarks: [String] = [], domains: [StatisticsDomain] = []
    ) {
        self.remarks = remarks
        self.domains = domains
        self.model = model
        self.architecture = architecture
        self.preparation = preparation
        self.classNames = classNames
    }

    /// What a file of a network says besides its arrays.
    struct Record: Codable {
        static let key = "renorm.network"
        static let format = 1

        var format = Record.format
        var architecture: Architecture
        var overrides: [Override]
        var preparation: Preparation
        var classNames: [String]

        /// The record of a file; `nil` if it has none.
        ///
        /// - Throws: `TrainingError.notACheckpoint`, `.formatVersion`.
        init?(in file: VariablesFile) throws {
            guard let text = file.metadata[Record.key] else { return nil }
            func damaged(_ reason: String) -> TrainingError {
                .notACheckpoint(path: file.path, reason: reason)
            }
            do {
                self = try JSONCoder.decode(Record.self, from: text)
            } catch let error as DecodingError {
                throw damaged("its metadata is damaged (\(error.placeAndReason))")
            }
            guard format == Record.format else {
                throw TrainingError.formatVersion(path: file.path, found: format, expected: Record.format)
            }
            guard preparation.framing.size.extents == architecture.input.dimensions else {
                throw damaged(
                    "it prepares pictures of \(preparation.framing.size) for a network on \(architecture.input)"
                )
            }
        }

        init(_ classifier: Classifier, _ architecture: Architecture) {
            self.architecture = architecture
            overrides = classifier.model.overrides
            preparation = classifier.preparation
            classNames = classifier.classNames
        }
    }

    /// Reads a network that `write(to:)` or a run has saved.
    ///
    /// - Throws: `TrainingError.unknownNetwork` for other files, what is wrong with its record or its variables.
    public init(reading url: URL) throws { try self.init(VariablesFile(reading: url)) }

    /// Reads a network from the content of a file.
    package init(_ file: VariablesFile) throws {
        guard let record = try Record(in: file) else {
            guard file.isOfRun else { throw TrainingError.unknownNetwork(path: file.path) }
            self = try TrainedModel(file).classifier
            return
        }
        let architecture = record.architecture
        var model = Model(
            try architecture.makeLayer(), input: architecture.input, overrides: record.overrides,
            variables: Variables())
        let output = try model.outputShape()
        guard output.rank == 2, output[1] == record.classNames.count else {
            throw TrainingError.notACheckpoint(
                path: file.path,
                reason: "it names \(record.classNames.count) classes for a network whose output is \(output)")
        }
        let (specifications, bounds) = (try model.specifications(), try model.statisticBounds())
        model.variables = try file.variables(
            exactly: specifications, leavingOut: [.slot, .domain], bounds: bounds)
        self.init(
            model: model, architecture: architecture, preparation: record.preparation,
            classNames: record.classNames, domains: try file.domains(of: specifications, bounds: bounds))
    }

    /// Where a file that says itself which network it is of says so.
    package struct Origin {
        /// The network.
        package var architecture: Architecture
        /// Changes to parts of it.
        package var overrides: [Override]
        /// Whether it was written to be used (`write(to:)`), rather than by a run.
        package var isForUse: Bool
    }

    /// Which network a file says that it is of; `nil` if it says nothing.
    package static func origin(of file: VariablesFile) throws -> Origin? {
        if file.isOfRun {
            let record = try CheckpointRecord(in: file)
            return record.configuration.architecture.map {
                Origin(architecture: $0, overrides: record.overrides, isForUse: false)
            }
        }
        return try Record(in: file).map {
            Origin(architecture: $0.architecture, overrides: $0.overrides, isForUse: true)
        }
    }

    /// Writes the network with all that is needed to use it, atomically, as a safetensors file under its variables' names.
    ///
    /// - Throws: `TrainingError.unknownLayers` for layers that are not of the zoo; what writing a file throws.
    public func write(to url: URL) throws {
        guard let architecture else { throw TrainingError.unknownLayers(path: url.path) }
        let record = Record(self, architecture)
        try VariablesFile.write(
            model.variables.inStoredTypes.with(domains),
            metadata: [Record.key: JSONCoder.encode(record)], to: url)
    }
}

extension VariablesFile {
    /// Whether a run has written it.
    package var isOfRun: Bool { metadata[CheckpointRecord.key] != nil }
}

extension TrainedModel {
    /// The network alone, as it is used.
    public var classifier: Classifier {
        var architecture = record.configuration.architecture
        architecture?.input = record.data.image
        return Classifier(
            model: model, architecture: architecture, preparation: preparation, classNames: classNames,
            domains: domains)
    }
}
