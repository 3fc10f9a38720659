import RenormExperiments

/// The plots of an experiment.
struct ExperimentPlots {
    let table: ExperimentTable

    private static let labelWidth = 200.0
    private static let width = 760.0
    private func color(_ contender: String) -> String {
        let index = table.contenders.firstIndex(of: contender) ?? 0
        return Palette.color(index)
    }

    /// Accuracy as deployed by setting: a dot for each seed (hollow where training broke), a bar for the mean's 95 % interval.
    func accuracies() -> SVG {
        let values = pairs.flatMap { table.runs($0.contender, $0.setting).map { $0.accuracy * 100 } }
        return rows("Accuracy as deployed, %", values) { contender, setting, y, axis, svg in
            for run in table.runs(contender, setting) {
                svg.dot(
                    axis(run.accuracy * 100), y, radius: 2.5, color: color(contender), opacity: 0.45,
                    isHollow: run.notFinite != nil,
                    note: "\(contender), seed \(run.seed): \((run.accuracy * 100).short) %"
                        + (run.notFinite == nil ? "" : ", training broke"))
            }
            guard let mean = table.interval(contender, setting) else { return }
            svg.line(
                axis(max(mean.low * 100, axis.low)), y, axis(min(mean.high * 100, axis.high)), y,
                color: color(contender), width: 3)
            svg.dot(
                axis(mean.mean * 100), y, radius: 4.5, color: color(contender),
                note: "\(contender): \((mean.mean * 100).short) %, \(mean.count) seeds")
        }
    }

    /// Accuracy with the statistics of batches drawn as in training (hollow) against accuracy as deployed (full).
    func modes() -> SVG? {
        let withAverages = pairs.filter {
            table.interval($0.contender, $0.setting, of: \.accuracyAsTrained) != nil
        }
        let values = withAverages.flatMap {
            table.finished($0.contender, $0.setting).flatMap { run in
                [run.accuracy * 100] + (run.accuracyAsTrained.map { [$0 * 100] } ?? [])
            }
        }
        guard !values.isEmpty else { return nil }
        return rows(
            "In training mode (hollow) and as deployed (full), %", values, of: withAverages.map(\.contender)
        ) {
            contender, setting, y, axis, svg in
            guard let deployed = table.interval(contender, setting)?.mean,
                let trained = table.interval(contender, setting, of: \.accuracyAsTrained)?.mean
            else { return }
            svg.line(axis(deployed * 100), y, axis(trained * 100), y, color: color(contender), width: 1.5)
            svg.dot(
                axis(trained * 100), y, radius: 4.5, color: color(contender), isHollow: true,
                note: "\(contender) in training mode: \((trained * 100).short) %")
            svg.dot(
                axis(deployed * 100), y, radius: 4.5, color: color(contender),
                note: "\(contender) as deployed: \((deployed * 100).short) %")
        }
    }

    private var pairs: [(contender: String, setting: String)] {
        table.settings.flatMap { setting in table.contenders.map { ($0, setting) } }
    }

    /// A row for each normalization, in blocks for each setting, along one axis.
    private func rows(
        _ title: String, _ values: [Double], of shown: [String]? = nil,
        _ draw: (String, String, Double, Axis, inout SVG) -> Void
    ) -> SVG {
        let contenders = table.contenders.filter { shown?.contains($0) ?? true }
        let (rowHeight, head) = (17.0, 26.0)
        let blockHeight = head + rowHeight * Double(contenders.count) + 6
        let height = blockHeight * Double(table.settings.count) + 40
        var svg = SVG(width: ExperimentPlots.width, height: height, title: title)
        let axis = Axis(
            percentages: values, from: ExperimentPlots.labelWidth, to: ExperimentPlots.width - 20)
        for mark in axis.marks {
            svg.line(axis(mark), 8, axis(mark), height - 30, color: Palette.gray)
            svg.text(mark.short, axis(mark), height - 14, anchor: .middle)
        }
        for (block, setting) in table.settings.enumerated() {
            let top = Double(block) * blockHeight + head
            svg.text(setting, 0, top - 6, size: 13)
            for (row, contender) in contenders.enumerated() {
                let y = top + rowHeight * (Double(row) + 0.6)
                svg.text(contender, ExperimentPlots.labelWidth - 12, y + 4, anchor: .end, size: 11)
                draw(contender, setting, y, axis, &svg)
            }
        }
        return svg
    }

    /// Accuracy as deployed over the steps of a setting, the mean over seeds.
    func curves(of setting: String) -> String {
        let lines = table.contenders.compactMap { contender -> (String, [(Double, Double)])? in
            let curves = table.finished(contender, setting).map(\.curve)
            let steps = Set(curves.joined().map(\.step)).sorted()
            let points = steps.compactMap { step -> (Double, Double)? in
                Interval(curves.compactMap { curve in curve.first { $0.step == step }?.accuracy })
                    .map { (Double(step), $0.mean * 100) }
            }
            return points.isEmpty ? nil : (contender, points)
        }
        let points = lines.flatMap(\.1)
        guard !points.isEmpty else { return "" }
        let (width, height) = (370.0, 240.0)
        var svg = SVG(width: width, height: height, title: setting)
        let x = Axis(low: 0, high: points.map(\.0).max() ?? 1, from: 34, to: width - 10)
        let y = Axis(percentages: points.map(\.1), from: height - 30, to: 26)
        svg.text(setting, 34, 14, size: 13)
        for mark in y.marks {
            svg.line(34, y(mark), width - 10, y(mark), color: Palette.gray)
            svg.text(mark.short, 28, y(mark) + 4, anchor: .end, size: 11)
        }
        for mark in x.marks { svg.text(mark.short, x(mark), height - 12, anchor: .middle, size: 11) }
        for (contender, points) in lines {
            svg.path(points.map { (x($0.0), y($0.1)) }, color: color(contender))
        }
        return svg.text
    }

    /// Which color is whose.
    func legend() -> String {
        "<p class='legend'>"
            + table.contenders.map {
                "<span><i style='background:\(color($0))'></i>\($0.escaped)</span>"
            }.joined(separator: " ") + "</p>\n"
    }
}
