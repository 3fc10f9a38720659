import Foundation
import RenormArrays
import RenormFormats
import RenormTraining

/// What a report says of one run by itself.
struct RunSection {
    private let run: ReportedRun
    private let index: Int
    private let isAlone: Bool

    init(_ run: ReportedRun, index: Int, isAlone: Bool) {
        (self.run, self.index, self.isAlone) = (run, index, isAlone)
    }

    var html: String {
        let parts = [findings, warnings, differences, corrections, confusion, wrong]
            .filter { !$0.isEmpty }
        let remarks = run.remarks.map { "<p class='note'>\($0.escaped)</p>" }
        guard !parts.isEmpty || !remarks.isEmpty else { return "" }
        return "<h2>\(isAlone ? "Training and inference" : run.name.escaped)</h2>\n"
            + (remarks + parts).joined(separator: "\n")
    }

    // MARK: Findings

    private var findings: String {
        guard let diagnosis = run.diagnosis else { return "" }
        let verdict: String =
            switch diagnosis.isHealthy {
            case true?: "<p class='verdict healthy'>Healthy: training and inference agree.</p>"
            case false?: "<p class='verdict ill'>Inference is worse than it need be.</p>"
            case nil: ""
            }
        let rows = diagnosis.findings.map { finding in
            let word = finding.kind == "finding" ? finding.severity ?? "" : finding.kind
            let cost = [
                finding.loss.map { "\($0.text("%.3g")) nats" },
                finding.accuracy.map { "\(($0 * 100).text("%.2g")) points" },
            ].compactMap { $0 }.joined(separator: ", ")
            let measured = [
                finding.measuredAccuracy.map(ReportText.percent),
                finding.measuredLoss.map { "loss \($0.text("%.4g"))" },
            ].compactMap { $0 }.joined(separator: ", ")
            let remedy =
                finding.command.map {
                    "<code>\($0.escaped)</code>" + (measured.isEmpty ? "" : "<br>measured: \(measured)")
                } ?? "–"
            return
                "<tr><td class='\(word.escaped)'>\(word.escaped)</td><th scope='row'>\(finding.cause.escaped)"
                + (finding.layer.map { " in \($0.escaped)" } ?? "") + "</th><td>\(cost)</td><td>"
                + "\((finding.note ?? "").escaped)</td><td>\(remedy)</td></tr>"
        }
        let table =
            rows.isEmpty
            ? ""
            : """
            <div class="scroll" tabindex="0" role="region" aria-label="Findings"><table class="findings"><thead><tr>
            <th scope="col"></th><th scope="col">cause</th><th scope="col">cost</th><th scope="col">evidence</th>
            <th scope="col">remedy</th></tr></thead><tbody>\(rows.joined(separator: "\n"))</tbody></table></div>
            """
        return "<h3>What the doctor found</h3>\(verdict)\(table)"
    }

    private var warnings: String {
        let said = run.history.watchWarnings
        guard !said.isEmpty else { return "" }
        let items = said.map {
            "<li><span class='medium'>\($0.reason.rawValue)</span>, step \($0.step): \($0.message.escaped)</li>"
        }
        return "<h3>Said during training</h3><ul>\(items.joined(separator: "\n"))</ul>"
    }

    // MARK: Layers

    /// The most columns of the map.
    private static let columns = 60

    private var differences: String {
        let watches = run.history.watches
        guard !watches.isEmpty else { return "" }
        let names = watches.reduce(into: [String]()) { names, watch in
            for layer in watch.layers where !names.contains(layer.path) { names.append(layer.path) }
        }
        let size = (watches.count + RunSection.columns - 1) / RunSection.columns
        let bins = stride(from: 0, to: watches.count, by: size).map {
            watches[$0..<min($0 + size, watches.count)]
        }
        let byName = watches.map { watch in
            Dictionary(watch.layers.map { ($0.path, $0.difference) }, uniquingKeysWith: { first, _ in first })
        }
        let values = names.map { name in
            bins.map { bin in bin.indices.compactMap { byName[$0][name] }.max() }
        }
        let map = HeatMap(
            title: "Difference between training and inference, layer by layer, over the steps",
            rows: names.map { $0.isEmpty ? "model" : $0 }, columns: bins.map { $0.last!.step },
            values: values,
            range: 0.02...1, text: ReportText.percent)
        let last = watches.last!
        let rows = last.layers.map { layer in
            let cells = [
                ReportText.percent(layer.difference),
                "\(ReportText.percent(layer.worstChannel.difference)) (channel \(layer.worstChannel.channel))",
                layer.drift.text("%.3g"), layer.rAtLimit.map(ReportText.percent) ?? "–",
                layer.dAtLimit.map(ReportText.percent) ?? "–",
            ]
            return
                "<tr><th scope='row'>\(layer.path.escaped)</th>\(cells.map { "<td>\($0)</td>" }.joined())</tr>"
        }
        return """
            <h3>Difference between training and inference</h3>
            <p>How far what a normalization gives for a batch in training is from what it would give for it at inference, as a part
            of that: √(Σ (x − y)² / Σ y²). The stronger the colour, the further.</p>
            <div class="scroll wide" tabindex="0" role="region" aria-label="Map of differences">\(map.svg.text)</div>
            <details><summary>Numbers of the last look, step \(last.step)</summary>
            <div class="scroll" tabindex="0" role="region" aria-label="Numbers of the last look"><table><thead><tr>
            <th scope="col">layer</th><th scope="col">difference</th><th scope="col">worst channel</th>
            <th scope="col">lag of the mean, in deviations</th><th scope="col">r at its limit</th><th scope="col">d at its limit</th>
            </tr></thead><tbody>\(rows.joined(separator: "\n"))</tbody></table></div></details>
            """
    }

    private var corrections: String {
        guard let last = run.history.watches.last else { return "" }
        let corrected = last.layers.contains { $0.r != nil }
        func chart(
            _ title: String, neutral: Double, isLogarithmic: Bool = false,
            _ spread: (LayerWatch) -> Distribution?
        ) -> String {
            let chart = SpreadChart(
                title: title,
                rows: last.layers.compactMap { layer in
                    spread(layer).map { (layer.path.isEmpty ? "model" : layer.path, $0) }
                }, neutral: neutral, isLogarithmic: isLogarithmic, color: index)
            return chart.svg.map { "<div>\($0.text)</div>" } ?? ""
        }
        let charts =
            corrected
            ? [
                chart("r", neutral: 1, isLogarithmic: true) { $0.r }, chart("d", neutral: 0) { $0.d },
            ] : []
        let lags = [
            chart("σ of batches / σ of averages", neutral: 1, isLogarithmic: true) { $0.scaleLag },
            chart("(μ of batches − μ of averages) / σ", neutral: 0) { $0.meanLag },
        ]
        return """
            <h3>\(corrected ? "r and d, and b" : "B")atches beside the averages, at step \(last.step)</h3>
            <p class="note">Over channels and groups: a dot at the median, thick between the quartiles, thin between the 1st and the 99th
            percentile.\(corrected ? " r and d are what batch renormalization applied." : "")</p>
            <div class="charts">\((charts + lags).joined())</div>
            """
    }

    // MARK: Mistakes

    private static let classesOfMatrix = 20

    private var confusion: String {
        guard let measured = run.measured else { return "" }
        let confusion = measured.confusion
        let names = confusion.classNames
        let head =
            "<h3>What was taken for what</h3><p>\(ReportText.percent(measured.evaluation.accuracy)) of "
            + "\(measured.evaluation.examples) images of \((run.measuredOn ?? "the test set").escaped) right, loss "
            + "\(measured.evaluation.loss.text("%.4g"))."
        if names.count > RunSection.classesOfMatrix {
            let rows = confusion.confusedPairs.prefix(15).map {
                "<tr><td>\(names[$0.label].escaped)</td><td>\(names[$0.prediction].escaped)</td><td>\($0.examples)</td></tr>"
            }
            return """
                \(head) Most often confused:</p>
                <div class="scroll" tabindex="0" role="region" aria-label="Confused classes"><table><thead><tr>
                <th scope="col">class</th><th scope="col">predicted</th><th scope="col">images</th></tr></thead>
                <tbody>\(rows.joined(separator: "\n"))</tbody></table></div>
                """
        }
        let totals = names.indices.map { row in names.indices.reduce(0) { $0 + confusion[row, $1] } }
        let rows = names.indices.map { row in
            let cells = names.indices.map { column -> String in
                let count = confusion[row, column]
                guard count > 0 else { return "<td class='zero'>·</td>" }
                if row == column { return "<td class='right'>\(count)</td>" }
                let part = Double(count) / Double(max(totals[row], 1))
                return
                    "<td style='background:rgba(var(--cell),\(min(0.75, 0.08 + part * 3).text("%.2f")))'>\(count)</td>"
            }
            return "<tr><th scope='row'>\(names[row].escaped)</th>\(cells.joined())</tr>"
        }
        return """
            \(head) Rows are classes, columns what was predicted.</p>
            <div class="scroll" tabindex="0" role="region" aria-label="Confusion matrix"><table class="confusion">
            <caption class="note">Images of each class by prediction</caption>
            <thead><tr><td></td>\(names.map { "<th scope='col'><span>\($0.escaped)</span></th>" }.joined())</tr></thead>
            <tbody>\(rows.joined(separator: "\n"))</tbody></table></div>
            """
    }

    private var wrong: String {
        guard let measured = run.measured, !run.wrong.isEmpty else { return "" }
        let names = measured.confusion.classNames
        let items = run.wrong.map { picture -> String in
            let (label, taken) = (names[picture.result.label], names[picture.result.prediction])
            let confidence = ReportText.percent(picture.confidence)
            let file = picture.name.map { "<br><span class='note'>\($0.escaped)</span>" } ?? ""
            let isSmall = picture.pixels.shape[0] < 100
            return
                "<li><figure\(isSmall ? "" : " class='photo'")><img alt='\("\(label), taken for \(taken)".escaped)' "
                + "width='\(picture.pixels.shape[1])' height='\(picture.pixels.shape[0])' "
                + "src='data:image/png;base64,\(Data(PNGFile.bytes(picture.pixels)).base64EncodedString())'>"
                + "<figcaption>\(label.escaped)<br>taken for <b>\(taken.escaped)</b><br>\(confidence)\(file)</figcaption></figure></li>"
        }
        return """
            <h3>The most confidently wrong pictures</h3>
            <ul class="wrong">\(items.joined(separator: "\n"))</ul>
            """
    }
}
