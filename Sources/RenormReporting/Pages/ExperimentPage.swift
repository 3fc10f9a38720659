import Foundation
import RenormExperiments

/// An experiment as one page of HTML that needs nothing else: tables and plots.
public struct ExperimentPage {
    private let table: ExperimentTable
    private let common: ExperimentFolder.Common
    private let command: String

    /// - Parameter command: What makes the results again.
    public init(_ table: ExperimentTable, common: ExperimentFolder.Common, command: String) {
        (self.table, self.common, self.command) = (table, common, command)
    }

    /// The page.
    public var html: String {
        let plots = ExperimentPlots(table: table)
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>Normalizations compared</title>
            <meta name="viewport" content="width=device-width">
            <style>
            :root { color-scheme: light dark }
            body { font: 15px/1.5 system-ui, sans-serif; max-width: 820px; margin: 2em auto; padding: 0 1em }
            table { border-collapse: collapse; font-size: 13px } td, th { padding: 3px 9px; text-align: right }
            th:first-child, td:first-child { text-align: left } tr { border-bottom: 1px solid #9995 }
            .scroll { overflow-x: auto } .best { font-weight: 700 } svg { width: 100%; height: auto }
            .legend span { margin-right: 1em; white-space: nowrap }
            .legend i { display: inline-block; width: 12px; height: 12px; margin-right: 5px; border-radius: 6px }
            .curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 12px }
            code { font-size: 13px; overflow-wrap: anywhere }
            </style></head><body>
            <h1>Normalizations compared</h1>
            <p><b>\(ExperimentSentence(table).text.escaped)</b></p>
            <p>\(common.model.escaped) on \(common.data.escaped): \(common.trainingExamples) examples trained on, \
            \(common.steps) steps, learning rate \(common.learningRate) and less along a cosine; measured on \
            \(common.measuredOn.escaped).</p>
            <h2>Accuracy as deployed, %</h2>
            <div class="scroll">\(accuracies)</div>
            \(plots.legend())\(plots.accuracies().text)
            <h2>Training mode and inference</h2>
            <p>In training mode, groups of examples are drawn as they were in training and normalized with their own \
            statistics. Where that is far above the accuracy as deployed, the network has learned from its batches what \
            it will not have when it is used.</p>
            <div class="scroll">\(modes)</div>
            \(plots.modes()?.text ?? "")
            <h2>Along the way</h2>
            \(plots.legend())<div class="curves">\(table.settings.map(plots.curves).joined())</div>
            <h2>Again</h2>
            <p><code>\(command.escaped)</code></p>
            </body></html>

            """
    }

    /// Its larger plots as SVG files, by name.
    public var drawings: [String: String] {
        let plots = ExperimentPlots(table: table)
        return ["accuracy.svg": plots.accuracies().document].merging(
            plots.modes().map { ["modes.svg": $0.document] } ?? [:]
        ) { $1 }
    }

    private var accuracies: String {
        let head = (["normalization"] + table.settings).map { "<th>\($0.escaped)</th>" }.joined()
        let best = table.settings.map { table.best(in: $0) }
        let rows = table.contenders.map { contender in
            let cells = zip(table.settings, best).map { setting, best in
                let mark = best == contender ? " class='best'" : ""
                return "<td\(mark)>\(table.text(contender, setting))</td>"
            }
            return "<tr><td>\(contender.escaped)</td>\(cells.joined())</tr>"
        }
        return "<table><tr>\(head)</tr>\n\(rows.joined(separator: "\n"))</table>"
    }

    private var modes: String {
        var rows = ""
        for setting in table.settings {
            for contender in table.contenders {
                guard let trained = table.interval(contender, setting, of: \.accuracyAsTrained) else {
                    continue
                }
                let cells = [
                    trained, table.interval(contender, setting, of: \.accuracyOfBatches),
                    table.interval(contender, setting),
                ]
                rows +=
                    "<tr><td>\(setting.escaped)</td><td>\(contender.escaped)</td>"
                    + cells.map { "<td>\($0?.percent ?? "–")</td>" }.joined() + "</tr>\n"
            }
        }
        return "<table><tr><th>setting</th><th>normalization</th><th>groups as in training</th>"
            + "<th>independent groups</th><th>as deployed</th></tr>\n\(rows)</table>"
    }
}
