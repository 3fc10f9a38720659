import Foundation
import RenormArrays
import RenormTraining

/// What a report says of one run.
public struct ReportedRun: Sendable {
    /// What the run is called.
    public var name: String
    /// What has happened in it.
    public var history: RunHistory
    /// What it says of itself: configuration, data, engine.
    public var record: CheckpointRecord
    /// The options as its `config.yml` has them, if it has one.
    public var options: String?
    /// What the doctor has found; `nil` where it has not looked.
    public var diagnosis: ReportedDiagnosis?
    /// How its network does, where it was measured for the report.
    public var measured: DetailedEvaluation?
    /// What it was measured on.
    public var measuredOn: String?
    /// The most confidently wrong pictures of that.
    public var wrong: [WrongPictures.Picture] = []
    /// Why something is missing.
    public var remarks: [String] = []

    /// Takes what a run's folder has.
    ///
    /// - Throws: What reading it throws.
    public init(name: String, folder: RunFolder, record: CheckpointRecord) throws {
        self.name = name
        self.record = record
        history = try RunHistory(reading: folder)
        diagnosis = try ReportedDiagnosis(of: folder)
        options = try? String(contentsOf: folder.configuration, encoding: .utf8)
        if history.entries.isEmpty {
            remarks.append(
                "The run has no history (it was made by an earlier version), so there are no curves.")
        }
    }

    /// Describes a run whose parts are there.
    public init(
        name: String, history: RunHistory, record: CheckpointRecord, options: String? = nil,
        diagnosis: ReportedDiagnosis? = nil
    ) {
        (self.name, self.history, self.record) = (name, history, record)
        (self.options, self.diagnosis) = (options, diagnosis)
    }

    /// The configuration in a few facts.
    var facts: [(String, String)] {
        let configuration = record.configuration
        let rates = configuration.options.learningRate.value(at: 0)
        var result: [(String, String)] = [
            ("network", configuration.architecture?.name ?? "layers of one's own"),
            ("normalization", configuration.architecture.map { "\($0.normalization)" } ?? "–"),
            ("data", record.data.name),
            ("images", "\(record.data.training) to train on, \(record.data.validation) held out"),
            (
                "batch",
                "\(configuration.batchSize)"
                    + (configuration.accumulation > 1 ? " × \(configuration.accumulation)" : "")
            ),
            ("order", "\(configuration.sampling)"),
            ("steps", "\(configuration.steps)"),
            ("optimizer", "\(configuration.options.optimizer)"),
            ("learning rate at the start", "\(rates.text("%.4g"))"),
            ("augmentation", "\(configuration.augmentation)"),
            ("seed", "\(configuration.seed)"),
            (
                "statistics stand still from",
                configuration.statisticsFrozenFrom.map { "step \($0)" } ?? "never"
            ),
            ("looks at the normalizations", configuration.watchEvery.map { "every \($0) steps" } ?? "none"),
            (
                "engine",
                "\(record.environment.engine.name) \(record.environment.engine.version), \(record.environment.engine.instructionSet)"
            ),
            ("build", record.environment.build),
        ]
        if let test = record.test {
            result.append(("test accuracy", "\((test.accuracy * 100).text("%.2f")) % of \(test.examples)"))
        }
        return result
    }
}
