import Foundation
import Renorm

/// What the tool writes for TensorBoard.
enum TensorBoardFolder {
    /// Writes a run into a folder of its name: its history, and what a page would show beside the curves.
    static func write(_ run: ReportedRun, in folder: URL) throws {
        let place = folder.appendingPathComponent(run.name.replacingOccurrences(of: "/", with: " "))
        let entries = run.history.entries
        let (time, step) = (
            entries.last?.time ?? Date().timeIntervalSince1970, entries.last?.step ?? run.record.step
        )
        var file = try TensorBoardFile(in: place, firstStep: 0, time: entries.first?.time ?? time)
        for entry in entries { file.add(entry) }
        for (index, picture) in run.wrong.enumerated() {
            let names = run.record.data.classNames
            let number = index < 9 ? "0\(index + 1)" : "\(index + 1)"
            file.add(
                picture: picture.pixels,
                tag: "misclassified/\(number) \(names[picture.result.label]) taken for "
                    + "\(names[picture.result.prediction]), \(picture.confidence.percent)",
                step: step, time: time)
        }
        if let options = run.options {
            file.add(text: "```\n\(options)\n```", tag: "configuration", step: step, time: time)
        }
        if let text = try graphText(run.record) { file.add(text: text, tag: "graph", step: step, time: time) }
        try file.flush()
    }

    /// The layers of a network as a table in Markdown.
    static func graphText(_ record: CheckpointRecord) throws -> String? {
        guard let architecture = record.configuration.architecture else { return nil }
        let model = try Model(
            architecture.makeLayer(), input: architecture.input, overrides: record.overrides,
            variables: Variables())
        let rows = try model.describe().layers.map {
            "| \($0.path) | \($0.summary) | \($0.input) | \($0.output) | \($0.parameters) |"
        }
        return "| layer | what | input | output | parameters |\n|---|---|---|---|---|\n"
            + rows.joined(separator: "\n")
    }
}

/// Follows a run for TensorBoard.
final class TensorBoardPrinter: @unchecked Sendable {
    // Events come one after another from one task, so nothing here is shared.
    private let folder: URL
    private var notes = HistoryNotes()
    private var file: TensorBoardFile?
    private var flushed = ContinuousClock.now

    init(_ run: RunFolder) { folder = run.url.appendingPathComponent("tensorboard") }

    /// Adds an event.
    func print(_ event: TrainingEvent) throws {
        if case .started(let description) = event {
            file = try TensorBoardFile(in: folder, firstStep: description.firstStep)
        }
        for entry in notes.add(event) { file?.add(entry) }
        switch event {
        case .evaluation, .checkpoint, .finished, .interrupted: try file?.flush()
        default:
            guard ContinuousClock.now - flushed > .seconds(5) else { return }
            try file?.flush()
        }
        flushed = ContinuousClock.now
    }
}
