import Foundation
import RenormArrays

/// Runs as one page of HTML that needs nothing else: their curves over one another, and of each how training and inference part
/// layer by layer, what the doctor found, what it takes for what, its worst mistakes and its configuration.
public struct RunReport {
    let runs: [ReportedRun]

    /// - Parameter runs: At least one.
    public init(_ runs: [ReportedRun]) {
        precondition(!runs.isEmpty, "a report of no runs")
        self.runs = runs
    }

    /// The page.
    public var html: String {
        let title = runs.count == 1 ? "Run \(runs[0].name)" : "\(runs.count) runs"
        let sections = runs.enumerated().map { RunSection($1, index: $0, isAlone: runs.count == 1).html }
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>\(title.escaped)</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <link rel="icon" href="data:,">
            <style>\(ReportStyle.css)</style></head><body><main>
            <h1>\(title.escaped)</h1>
            \(summary)
            \(CurvesSection(runs).html)
            \(sections.joined(separator: "\n"))
            <h2>Configuration</h2>
            \(configuration)
            </main></body></html>

            """
    }

    /// The runs in a table.
    private var summary: String {
        let rows = runs.enumerated().map { index, run in
            let validation = run.history.evaluations(on: .validation)
            let best = validation.max { $0.measured.accuracy < $1.measured.accuracy }
            let test = run.measured?.evaluation.accuracy ?? run.record.test?.accuracy
            let differences = run.history.watches.last?.layers.map(\.difference) ?? []
            let verdict: String =
                switch run.diagnosis?.isHealthy {
                case true?: "healthy"
                case false?: ReportText.findings(run.diagnosis!)
                case nil: "not examined"
                }
            let cells = [
                best.map { "\(ReportText.percent($0.measured.accuracy)) at step \($0.step)" } ?? "–",
                test.map(ReportText.percent) ?? "–",
                differences.max().map(ReportText.percent) ?? "–", verdict,
            ]
            return "<tr><th scope='row'>\(ReportText.key(index))\(run.name.escaped)</th>"
                + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
        }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="The runs"><table class="summary">
            <thead><tr><th scope="col">run</th><th scope="col">best held-out accuracy</th><th scope="col">test accuracy</th>
            <th scope="col">largest difference between training and inference</th><th scope="col">doctor</th></tr></thead>
            <tbody>\(rows.joined(separator: "\n"))</tbody></table></div>
            """
    }

    /// The facts of all runs side by side, those that differ marked; and the options in full.
    private var configuration: String {
        let names = runs[0].facts.map(\.0)
        let values = runs.map { Dictionary($0.facts, uniquingKeysWith: { first, _ in first }) }
        let all = names + values.dropFirst().flatMap(\.keys).filter { !names.contains($0) }.sorted()
        var known: Set<String> = []
        let rows = all.filter { known.insert($0).inserted }.map { name in
            let cells = values.map { $0[name] ?? "–" }
            let differ = Set(cells).count > 1
            return "<tr\(differ ? " class='differs'" : "")><th scope='row'>\(name.escaped)</th>"
                + cells.map { "<td>\($0.escaped)</td>" }.joined() + "</tr>"
        }
        let heads = runs.enumerated().map { "<th scope='col'>\(ReportText.key($0))\($1.name.escaped)</th>" }
        let options = runs.compactMap { run in
            run.options.map {
                "<details><summary>All options of \(run.name.escaped) (config.yml)</summary><pre tabindex='0'>\($0.escapedLines)</pre></details>"
            }
        }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="Configuration"><table class="facts">
            <thead><tr><td></td>\(heads.joined())</tr></thead><tbody>\(rows.joined(separator: "\n"))</tbody></table></div>
            \(runs.count > 1 ? "<p class='note'>Bold: what differs.</p>" : "")
            \(options.joined(separator: "\n"))
            """
    }
}

/// Pieces of text that sections share.
enum ReportText {
    /// A part of 1 in percent.
    static func percent(_ value: Double) -> String {
        guard value.isFinite else { return "not finite" }
        return "\((value * 100).text(value < 0.1 ? "%.2g" : value < 1 ? "%.1f" : "%.0f")) %"
    }

    /// How many findings a network has.
    static func findings(_ diagnosis: ReportedDiagnosis) -> String {
        let count = diagnosis.findings.count { $0.kind == "finding" }
        return count == 1 ? "1 finding" : "\(count) findings"
    }

    /// The mark of a run's colour and dashes.
    static func key(_ index: Int) -> String {
        let dashes = Palette.dashes(index).map(\.short).joined(separator: " ")
        return "<svg class='key' viewBox='0 0 26 8' aria-hidden='true'><line x1='0' y1='4' x2='26' y2='4' "
            + "stroke='\(Palette.color(index))' stroke-width='3'"
            + (dashes.isEmpty ? "" : " stroke-dasharray='\(dashes)'") + "/></svg>"
    }
}

extension String {
    /// As HTML takes it, lines kept.
    var escapedLines: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { String($0).escaped }.joined(
            separator: "\n")
    }
}
