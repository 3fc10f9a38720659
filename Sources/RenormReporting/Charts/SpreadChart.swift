import Foundation
import RenormArrays
import RenormTraining

/// How numbers are spread in each row: a thin line from the 1st to the 99th percentile, a thick one between the quartiles, a dot at
/// the median.
struct SpreadChart {
    var title: String
    var rows: [(name: String, spread: Distribution)]
    /// Where everything would be if nothing were wrong.
    var neutral: Double
    /// Whether values are drawn by their logarithms.
    var isLogarithmic = false
    var color = 0

    private static let labelWidth = 122.0

    /// The drawing; `nil` without rows.
    var svg: SVG? {
        func place(_ value: Double) -> Double { isLogarithmic ? log2(max(value, 1e-9)) : value }
        guard !rows.isEmpty else { return nil }
        let (width, rowHeight) = (370.0, 15.0)
        let height = Double(rows.count) * rowHeight + 56
        var svg = SVG(width: width, height: height, title: title, description: description)
        let ends = rows.flatMap { [place($0.spread.quantile(0.01)), place($0.spread.quantile(0.99))] }
        let axis = Axis(around: ends + [place(neutral)], from: SpreadChart.labelWidth, to: width - 12)
        svg.text(title, 8, 14, size: 13)
        let bottom = height - 26
        for mark in axis.marks {
            svg.line(axis(mark), 22, axis(mark), bottom, color: Palette.gray)
            svg.text(
                isLogarithmic ? pow(2, mark).text("%.2g") : axis.label(mark), axis(mark), bottom + 14,
                anchor: .middle, size: 11)
        }
        svg.line(axis(place(neutral)), 22, axis(place(neutral)), bottom, color: "currentColor")
        for (index, row) in rows.enumerated() {
            let y = 22 + rowHeight * (Double(index) + 0.55)
            func x(_ level: Double) -> Double { axis(place(row.spread.quantile(level))) }
            let name = row.name.count <= 20 ? row.name : "…\(row.name.suffix(19))"
            svg.text(name, SpreadChart.labelWidth - 8, y + 4, anchor: .end, size: 10.5)
            svg.line(x(0.01), y, x(0.99), y, color: Palette.color(color), width: 1.5)
            svg.line(x(0.25), y, x(0.75), y, color: Palette.color(color), width: 6)
            svg.dot(
                x(0.5), y, radius: 3.5, color: Palette.color(color),
                note: "\(row.name): median \(row.spread.median.text("%.3g")), half of all between "
                    + "\(row.spread.quantile(0.25).text("%.3g")) and \(row.spread.quantile(0.75).text("%.3g")), nearly all "
                    + "between \(row.spread.quantile(0.01).text("%.3g")) and \(row.spread.quantile(0.99).text("%.3g"))"
            )
        }
        return svg
    }

    private var description: String {
        rows.map { "\($0.name): median \($0.spread.median.text("%.3g"))" }.joined(separator: ". ")
    }
}
