import Foundation
import Renorm

/// Shows an experiment while it is made: a line for each run, a bar, and the table at the end (on a terminal, whenever a
/// seed is through).
final class ExperimentPrinter: @unchecked Sendable {
    private let experiment: Experiment
    private let lock = NSLock()
    private var progress = ProgressBar()
    private let isTerminal = TextOutput.standard.isTerminal
    private var onFailure: (@Sendable () -> Void)?

    init(_ experiment: Experiment) { self.experiment = experiment }

    /// Why nothing more is shown, once something could not be.
    var failure: ReportingError? { lock.withLock { progress.failure } }

    /// Sets what is called when something could not be shown: at once, if that has been.
    func onFailure(_ call: @escaping @Sendable () -> Void) { show { _ in onFailure = call } }

    func start(missing: Int) {
        let total = experiment.cells.count
        say(
            "\(experiment.contenders.count) normalizations × \(experiment.settings.count) settings × "
                + "\(experiment.seeds.count) seeds: \(total) runs of \(experiment.steps.grouped) steps"
                + (missing < total ? "; \((total - missing).grouped) are there already" : ""))
    }

    func progress(_ cell: Experiment.Cell, run: Int, of runs: Int, step: Int) {
        show { progress in
            progress.update(
                completed: run * experiment.steps + step, total: runs * experiment.steps,
                detail: "\(cell.contender.name), \(cell.setting.name), seed \(cell.seed)")
        }
    }

    func finished(_ result: ExperimentResult, _ all: [ExperimentResult]) {
        var line =
            "seed \(result.seed)  \(result.setting.visible)  \(result.contender.visible): \(result.accuracy.percent) as deployed"
        if let trained = result.accuracyAsTrained { line += ", \(trained.percent) in training mode" }
        if let path = result.notFiniteAsDeployed { line += ", where '\(path.visible)' is not finite" }
        if let path = result.notFinite {
            line += "; stopped at step \(result.steps): '\(path.visible)' not finite"
        }
        say(line + "  (\(result.seconds.formatted(1)) s)")
        let isSeedDone = result.key == experiment.cells.last { $0.seed == result.seed }?.key
        if isTerminal, isSeedDone, experiment.seeds.last != result.seed { say("\n" + table(all)) }
    }

    func conclude(_ folder: ExperimentFolder) {
        close()
        let table = ExperimentTable(
            folder.results, contenders: experiment.contenders, settings: experiment.settings,
            seeds: experiment.seeds)
        say("\n\(ExperimentSentence(table).text.visible)\n\n\(self.table(folder.results))\n")
        say("Plots and tables: \(folder.report.path.visible)")
    }

    func close() { lock.withLock { progress.finish() } }

    /// Accuracy as deployed in percent, with half the width of the mean's 95 % interval.
    private func table(_ results: [ExperimentResult]) -> String {
        let table = ExperimentTable(
            results, contenders: experiment.contenders, settings: experiment.settings,
            seeds: experiment.seeds)
        var rows = [["as deployed, %"] + table.settings.map(\.visible)]
        for contender in table.contenders {
            rows.append(
                [contender.visible] + table.settings.map { table.text(contender, $0) })
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, text in
                let padding = String(repeating: " ", count: widths[column] - text.count)
                return column == 0 ? text + padding : padding + text
            }.joined(separator: "   ")
        }.joined(separator: "\n")
    }

    func say(_ text: String) { show { $0.print(text) } }

    private func show(_ body: (inout ProgressBar) -> Void) {
        let call = lock.withLock {
            body(&progress)
            return progress.failure == nil ? nil : onFailure
        }
        call?()
    }
}
