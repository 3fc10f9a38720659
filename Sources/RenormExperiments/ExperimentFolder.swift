import Foundation
import RenormFormats
import RenormLayers
import RenormTraining

/// Where an experiment keeps its results:
///
///     runs.jsonl     a line for what all runs share, then one for each finished run, written when it has finished
///     results.csv    the same as a table
///     results.json   the same as one document
///     report.html    plots and tables; accuracy.svg and modes.svg are its plots
///
/// A run that is in `runs.jsonl` is not made again, so an experiment that was stopped goes on where it was, and one that
/// gets more seeds or contenders makes those alone.
public struct ExperimentFolder: Sendable {
    /// The folder.
    public let url: URL
    /// What the runs in it share.
    public let common: Common
    /// The results so far.
    public private(set) var results: [ExperimentResult]

    /// The file with a line for each run.
    public var journal: URL { url.appendingPathComponent("runs.jsonl") }
    /// The table.
    public var csv: URL { url.appendingPathComponent("results.csv") }
    /// The document.
    public var json: URL { url.appendingPathComponent("results.json") }
    /// The page.
    public var report: URL { url.appendingPathComponent("report.html") }

    /// Makes the folder, or reads the results in it.
    ///
    /// - Throws: `ExperimentError.otherResults` if they are of another experiment, `.unreadable`; `TrainingError.folder`;
    ///   `FormatError` where a file cannot be read or written.
    public init(_ url: URL, _ common: Common) throws {
        self.url = url
        self.common = common
        results = []
        try RunFolder(url).createIfMissing()
        guard try AtomicFile.isOwnFile(journal) else {
            try append(common)
            return
        }
        // What a killed program had begun to write has no end of line, and is left out.
        let data: Data
        do {
            data = try Data(contentsOf: journal)
        } catch {
            throw FormatError.unreadable(path: journal.path, reason: error.localizedDescription)
        }
        let whole = data.lastIndex(of: UInt8(ascii: "\n")).map { data[...$0] } ?? Data()
        let lines = whole.split(separator: UInt8(ascii: "\n"))
        if whole.count < data.count { try AtomicFile.write([UInt8](whole), to: journal) }
        for (index, line) in lines.enumerated() {
            do {
                if index == 0 {
                    let found = try JSONCoder.decode(Common.self, from: line)
                    guard found == common else {
                        throw ExperimentError.otherResults(
                            path: url.path, differences: common.differences(fromSaved: found))
                    }
                } else {
                    results.append(try JSONCoder.decode(ExperimentResult.self, from: line))
                }
            } catch let error as DecodingError {
                throw ExperimentError.unreadable(
                    path: journal.path, line: index + 1, reason: error.placeAndReason)
            }
        }
        if lines.isEmpty { try append(common) }
    }

    /// Makes the folder if it is missing, and keeps other experiments out of it as long as what is returned lives.
    ///
    /// - Throws: `TrainingError.inUse`, `.folder`.
    package static func take(_ url: URL) throws -> RunLock {
        try RunFolder(url).createIfMissing()
        return try RunLock(url)
    }

    /// Calls contenders and settings what an experiment calls them: their options tell them apart.
    public mutating func rename(as experiment: Experiment) {
        let contenders = Dictionary(
            experiment.contenders.map { ($0.text, $0.name) }, uniquingKeysWith: { first, _ in first })
        let settings = Dictionary(
            experiment.settings.map { ($0.text, $0.name) }, uniquingKeysWith: { first, _ in first })
        for index in results.indices {
            let found = results[index]
            results[index].contender = contenders[found.contenderText] ?? found.contender
            results[index].setting = settings[found.settingText] ?? found.setting
        }
    }

    /// Whether a run has been made.
    public func contains(_ cell: Experiment.Cell) -> Bool { results.contains { $0.key == cell.key } }

    /// Keeps a result.
    public mutating func add(_ result: ExperimentResult) throws {
        results.append(result)
        try append(result)
    }

    private func append(_ line: some Encodable) throws {
        try AtomicFile.append(Array("\(try JSONCoder.encode(line))\n".utf8), to: journal)
    }

    /// Writes the table and the document.
    public func writeTables() throws {
        try AtomicFile.write(ExperimentFolder.csv(results), to: csv)
        let document = Document(common: common, runs: results)
        try AtomicFile.write(JSONCoder.encode(document, isIndented: true), to: json)
    }

    private struct Document: Encodable {
        var common: Common
        var runs: [ExperimentResult]
    }

    private static func csv(_ results: [ExperimentResult]) -> String {
        func quoted(_ text: String) -> String {
            text.utf8.contains(where: { ",\"\r\n".utf8.contains($0) })
                ? "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : text
        }
        func number(_ value: Double?) -> String { value?.text("%.6g") ?? "" }
        let header =
            "normalization,options,setting,setting_options,seed,steps,accuracy,loss,accuracy_as_trained,"
            + "accuracy_of_batches,training_accuracy,mean_gains,scale_gains,seconds,not_finite\n"
        return header
            + results.map { run in
                [
                    quoted(run.contender), quoted(run.contenderText), quoted(run.setting),
                    quoted(run.settingText), "\(run.seed)", "\(run.steps)", number(run.accuracy),
                    number(run.loss), number(run.accuracyAsTrained), number(run.accuracyOfBatches),
                    number(run.trainingAccuracy),
                    run.gains.compactMap { $0.readings["mean"]?.text("%.4g") }.joined(separator: " "),
                    run.gains.compactMap { $0.readings["scale"]?.text("%.4g") }.joined(separator: " "),
                    run.seconds.text("%.2f"), quoted(run.notFinite ?? ""),
                ].joined(separator: ",") + "\n"
            }.joined()
    }
}
