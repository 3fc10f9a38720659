import RenormArrays
import RenormTraining

/// The curves of all runs, one over another.
struct CurvesSection {
    private let runs: [ReportedRun]

    init(_ runs: [ReportedRun]) { self.runs = runs }

    var html: String {
        let charts =
            [
                losses, accuracies, chart("Learning rate", "learning rate") { $0.learningRate },
                chart("Norm of the gradients", "norm", isLogarithmic: true) { $0.gradientNorm },
            ] + schedules
        let drawn = charts.compactMap { $0.svg?.text }
        guard !drawn.isEmpty else { return "" }
        return """
            <h2>Training</h2>
            <p class="legend">\(legend)</p>
            <p class="note">Faint: on batches of training, before each update. Lines with dots: on held-out images, as the network is
            used.</p>
            <div class="charts">\(drawn.map { "<div>\($0)</div>" }.joined())</div>
            """
    }

    private var legend: String {
        runs.enumerated().map { "<span>\(ReportText.key($0))\($1.name.escaped)</span>" }.joined(
            separator: " ")
    }

    private var losses: LineChart {
        LineChart(
            title: "Loss", unit: "loss",
            series: curves({ $0.loss }, { $0.loss }), isLogarithmic: true)
    }

    private var accuracies: LineChart {
        LineChart(
            title: "Accuracy, %", unit: "accuracy in percent",
            series: curves({ $0.accuracy * 100 }, { $0.accuracy * 100 }))
    }

    /// Of each run what training and what evaluations say.
    private func curves(
        _ training: (HistoryEntry.Stretch) -> Double, _ measured: (HistoryEntry.Measured) -> Double
    ) -> [LineChart.Series] {
        runs.enumerated().flatMap { index, run in
            [
                LineChart.Series(
                    name: "\(run.name), training", color: index,
                    points: run.history.stretches.map { ($0.step, training($0.stretch)) }, isFaint: true),
                LineChart.Series(
                    name: run.name, color: index,
                    points: run.history.evaluations(on: .validation).map { ($0.step, measured($0.measured)) },
                    hasDots: true),
            ].filter { !$0.points.isEmpty }
        }
    }

    private func chart(
        _ title: String, _ unit: String, isLogarithmic: Bool = false,
        _ value: (HistoryEntry.Stretch) -> Double?
    ) -> LineChart {
        LineChart(
            title: title, unit: unit,
            series: runs.enumerated().map { index, run in
                LineChart.Series(
                    name: run.name, color: index,
                    points: run.history.stretches.compactMap { step, stretch in
                        value(stretch).map { (step, $0) }
                    })
            }.filter { !$0.points.isEmpty }, isLogarithmic: isLogarithmic)
    }

    /// What the schedules of normalizations say, where there are any.
    private var schedules: [LineChart] {
        let names = Set(
            runs.flatMap { $0.history.stretches.flatMap { $0.stretch.normalization.all.map(\.name) } })
        return names.sorted().map { name in chart(name, name) { $0.normalization[name] } }
    }
}
