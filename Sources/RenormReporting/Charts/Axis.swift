import Foundation

/// A linear axis from a range of values to a range of pixels.
struct Axis {
    let low: Double
    let high: Double
    let from: Double
    let to: Double

    /// A range of percentages around values, with room at both ends.
    init(percentages values: [Double], from: Double, to: Double) {
        let (least, most) = (values.min() ?? 0, values.max() ?? 100)
        let room = max((most - least) * 0.06, 0.5)
        self.init(low: max(least - room, 0), high: min(most + room, 100), from: from, to: to)
    }

    init(low: Double, high: Double, from: Double, to: Double) {
        (self.low, self.from, self.to) = (low, from, to)
        self.high = max(high, low + 1e-9, low.nextUp)
    }

    func callAsFunction(_ value: Double) -> Double {
        from + (value - low) / (high - low) * (to - from)
    }

    /// Round values for some five marks.
    var marks: [Double] {
        let rough = (high - low) / 5
        // Beside numbers that are too large nothing can be marked.
        guard rough.isFinite, rough > 0, max(abs(low), abs(high)) < rough * 1e9 else { return [] }
        let power = pow(10, floor(log10(rough)))
        let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
        return stride(from: ceil(low / step) * step, through: high, by: step).map { $0 }
    }
}

extension Axis {
    /// An axis around values, with room at both ends; where they are all the same, around that.
    init(around values: [Double], from: Double, to: Double) {
        let finite = values.filter { abs($0) < 1e15 }
        let (least, most) = (finite.min() ?? 0, finite.max() ?? 1)
        let room = most > least ? (most - least) * 0.06 : max(abs(most) * 0.1, 0.05)
        self.init(low: least - room, high: most + room, from: from, to: to)
    }

    /// The places of 1, 2 and 5 times powers of ten, or of these powers alone, on an axis of decimal logarithms.
    var logarithmicMarks: [Double] {
        let powers = Int(low.rounded(.down))...max(Int(high.rounded(.up)), Int(low.rounded(.down)))
        let digits: [Double] = high - low > 2.5 ? [1] : high - low > 1.2 ? [1, 3] : [1, 2, 5]
        let marks = powers.flatMap { power in digits.map { Double(power) + log10($0) } }
            .filter { $0 >= low && $0 <= high }
        return marks.isEmpty ? self.marks : marks
    }

    /// A mark in as few digits as tell it from the next.
    func label(_ mark: Double) -> String {
        if mark == 0 || abs(mark) < (high - low) * 1e-9 { return "0" }
        let size = abs(mark)
        if size >= 1_000_000 { return "\((mark / 1_000_000).text("%.3g")) M" }
        if size >= 10_000 { return "\((mark / 1000).text("%.4g"))k" }
        return mark.text("%.4g")
    }
}
