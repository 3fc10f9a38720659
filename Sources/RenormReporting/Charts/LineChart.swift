import Foundation
import RenormArrays

/// Lines over the steps of runs.
struct LineChart {
    /// A line.
    struct Series {
        var name: String
        var color: Int
        var points: [(step: Int, value: Double)]
        /// Whether it is marked by dots, as what was measured a few times.
        var hasDots = false
        /// Whether it is drawn faintly, behind the others.
        var isFaint = false
    }

    var title: String
    /// What values are, for people who hear the page.
    var unit: String
    var series: [Series]
    /// Whether values are drawn by their logarithms.
    var isLogarithmic = false

    /// The drawing; `nil` where there is nothing to draw.
    var svg: SVG? {
        func height(_ value: Double) -> Double { isLogarithmic ? log10(value) : value }
        let shown = series.map { series -> Series in
            var result = series
            result.points = series.points.filter {
                abs($0.value) < 1e15 && (!isLogarithmic || $0.value > 1e-15)
            }
            return result
        }
        let points = shown.flatMap(\.points)
        guard !points.isEmpty else { return nil }
        let (width, tall) = (370.0, 240.0)
        var svg = SVG(width: width, height: tall, title: title, description: description)
        let x = Axis(low: 0, high: Double(points.map(\.step).max() ?? 1), from: 44, to: width - 18)
        let y = Axis(around: points.map { height($0.value) }, from: tall - 30, to: 26)
        svg.text(title, 8, 14, size: 13)
        for mark in isLogarithmic ? y.logarithmicMarks : y.marks {
            svg.line(44, y(mark), width - 18, y(mark), color: Palette.gray)
            svg.text(
                isLogarithmic ? pow(10, mark).text("%.3g") : y.label(mark), 39, y(mark) + 4, anchor: .end,
                size: 11)
        }
        for mark in x.marks { svg.text(x.label(mark), x(mark), tall - 12, anchor: .middle, size: 11) }
        for series in shown.sorted(by: { $0.isFaint && !$1.isFaint }) {
            let color = Palette.color(series.color)
            let places = series.points.map { (x(Double($0.step)), y(height($0.value))) }
            if places.count > 1 {
                svg.path(
                    places, color: series.isFaint ? "\(color)66" : color, width: series.isFaint ? 1 : 2,
                    dashes: series.isFaint ? [] : Palette.dashes(series.color))
            }
            guard series.hasDots || places.count == 1 else { continue }
            for (place, point) in zip(places, series.points) {
                svg.dot(
                    place.0, place.1, radius: 3, color: color,
                    note: "\(series.name), step \(point.step): \(point.value.text("%.4g"))")
            }
        }
        return svg
    }

    /// The chart in words: where each line begins and ends.
    private var description: String {
        series.compactMap { series in
            guard !series.isFaint, let first = series.points.first, let last = series.points.last else {
                return nil
            }
            return "\(series.name): \(unit) \(first.value.text("%.4g")) at step \(first.step), "
                + "\(last.value.text("%.4g")) at step \(last.step)"
        }.joined(separator: ". ")
    }
}
