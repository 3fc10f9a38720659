import Foundation
import RenormArrays

/// A map of numbers, rows by columns, the stronger the colour the larger by their logarithms.
struct HeatMap {
    var title: String
    var rows: [String]
    /// What columns are called: the last of the steps in them.
    var columns: [Int]
    /// By row and column; `nil` where there is none.
    var values: [[Double?]]
    /// What is not seen any more, and what is as strong as can be.
    var range: ClosedRange<Double>
    /// How a number is said.
    var text: (Double) -> String

    private static let labelWidth = 190.0

    /// The part of the strongest colour that a number gets.
    func shade(_ value: Double) -> Double {
        guard value > range.lowerBound else { return 0 }
        let part = log(value / range.lowerBound) / log(range.upperBound / range.lowerBound)
        return min(max(part, 0), 1)
    }

    /// The drawing.
    var svg: SVG {
        let (width, cell) = (760.0, rows.count > 60 ? 10.0 : 15.0)
        let height = Double(rows.count) * cell + 66
        var svg = SVG(width: width, height: height, title: title, description: description)
        let (left, right) = (HeatMap.labelWidth, width - 8)
        let step = (right - left) / Double(max(columns.count, 1))
        for (row, name) in rows.enumerated() {
            let y = Double(row) * cell + 6
            svg.text(
                HeatMap.shortened(name), left - 8, y + cell - 4, anchor: .end, size: min(11, cell - 1))
            for (column, value) in values[row].enumerated() {
                guard let value else { continue }
                svg.rectangle(
                    left + Double(column) * step, y, max(step - 0.4, 0.6), cell - 0.8,
                    color: Palette.alarm, opacity: 0.05 + 0.95 * shade(value),
                    note: "\(name), step \(columns[column]): \(text(value))")
            }
        }
        let bottom = Double(rows.count) * cell + 20
        let every = max(1, Int((Double(columns.count) / 8).rounded(.up)))
        for column in stride(from: 0, to: columns.count, by: every) {
            svg.text(
                "\(columns[column])", left + (Double(column) + 0.5) * step, bottom, anchor: .middle, size: 11)
        }
        // What the colours mean.
        svg.text("step", left - 8, bottom, anchor: .end, size: 11)
        let (low, high) = (log(range.lowerBound), log(range.upperBound))
        for index in 0..<24 {
            let value = exp(low + (Double(index) + 0.5) / 24 * (high - low))
            svg.rectangle(
                left + Double(index) * 8, bottom + 12, 8, 10, color: Palette.alarm,
                opacity: 0.05 + 0.95 * shade(value))
        }
        svg.text(text(range.lowerBound), left - 8, bottom + 21, anchor: .end, size: 11)
        svg.text("\(text(range.upperBound)) or more", left + 200, bottom + 21, size: 11)
        return svg
    }

    /// A path's end says more than its beginning.
    static func shortened(_ name: String) -> String { name.count <= 30 ? name : "…\(name.suffix(29))" }

    private var description: String {
        let largest = zip(rows, values).compactMap { row, values -> (String, Int, Double)? in
            let found = values.enumerated().compactMap { index, value in value.map { (index, $0) } }
            return found.max { $0.1 < $1.1 }.map { (row, $0.0, $0.1) }
        }
        return largest.sorted { $0.2 > $1.2 }.prefix(5).map { row, column, value in
            "\(row): at most \(text(value)), at step \(columns[column])"
        }.joined(separator: ". ")
    }
}
