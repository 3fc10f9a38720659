import Foundation
import RenormLayers

/// Turns the events of a run into entries of its history, steps summed up so that there are some five hundred entries of them.
///
///     var notes = HistoryNotes()
///     for try await event in trainer.events {
///         for entry in notes.add(event) { … }
///     }
public struct HistoryNotes: Sendable {
    /// The number of entries of steps that a run has, about.
    static let entries = 500

    private var step = 0
    private var length = 1
    private var steps: [StepReport] = []

    /// Begins a session.
    public init() {}

    /// What an event adds to the history.
    public mutating func add(_ event: TrainingEvent) -> [HistoryEntry] {
        switch event {
        case .started(let run):
            step = run.firstStep
            length = max(1, (run.steps + HistoryNotes.entries - 1) / HistoryNotes.entries)
            let session = HistoryEntry.Session(
                steps: run.steps, stepsPerEpoch: run.stepsPerEpoch,
                examplesPerStep: run.batchSize * run.accumulation)
            return [entry(.session(session))]
        case .step(let report):
            step = report.step
            steps.append(report)
            return report.step % length == 0 ? close() : []
        case .skipped(let report):
            step = report.step
            return [entry(.skipped(report))]
        case .evaluation(let report):
            let result = report.evaluation
            let measured = HistoryEntry.Measured(
                set: report.set, accuracy: result.accuracy, loss: result.loss, examples: result.examples,
                meanConfidence: result.meanConfidence, calibrationError: result.calibrationError,
                isBest: report.isBest)
            return close() + [entry(.evaluation(measured), at: report.step)]
        case .watch(let report): return close() + [entry(.watch(report))]
        case .stage(let report): return close() + [entry(.stage(report))]
        case .warning(let message): return [entry(.warning(message))]
        case .checkpoint: return close()
        case .finished(let summary): return close() + [entry(.finished(chosenStep: summary.chosenStep))]
        case .interrupted: return close()
        case .resumed, .startedAnew, .droppedIncompleteBatch, .stoppedEarly: return []
        }
    }

    /// The steps that have no entry yet.
    mutating func close() -> [HistoryEntry] {
        guard let last = steps.last else { return [] }
        defer { steps = [] }
        func mean(_ value: (StepReport) -> Double) -> Double {
            steps.reduce(0) { $0 + value($1) } / Double(steps.count)
        }
        let stretch = HistoryEntry.Stretch(
            steps: steps.count, loss: mean(\.loss), accuracy: mean(\.accuracy),
            gradientNorm: mean(\.gradientNorm), learningRate: last.learningRate,
            normalization: last.normalization, imagesPerSecond: 1 / mean { 1 / $0.imagesPerSecond })
        return [entry(.steps(stretch), at: last.step)]
    }

    private func entry(_ event: HistoryEntry.Event, at step: Int? = nil) -> HistoryEntry {
        let now = (Date().timeIntervalSince1970 * 1000).rounded() / 1000
        return HistoryEntry(step: step ?? self.step, time: now, event)
    }
}
