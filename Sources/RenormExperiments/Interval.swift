import RenormArrays

/// The mean of independent values and how sure it is.
public struct Interval: Sendable, Hashable {
    /// The number of values.
    public var count: Int
    /// Their mean.
    public var mean: Double
    /// Their standard deviation (n − 1); `nil` for one value.
    public var deviation: Double?

    /// Of at least one value.
    public init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        count = values.count
        let mean = values.reduce(0, +) / Double(values.count)
        self.mean = mean
        deviation =
            values.count > 1
            ? (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
            : nil
    }

    /// Half the width of the mean's 95 % interval by Student's t; `nil` for one value.
    public var margin: Double? {
        deviation.map { Interval.studentsT(degrees: count - 1) * $0 / Double(count).squareRoot() }
    }

    /// Percent with one digit, and half the width of the 95 % interval.
    public var percent: String {
        let mean = (mean * 100).text("%.1f")
        return margin.map { mean + " ± " + ($0 * 100).text("%.1f") } ?? mean
    }

    /// The lower end of the 95 % interval; the mean itself of one value.
    public var low: Double { mean - (margin ?? 0) }
    /// The upper end.
    public var high: Double { mean + (margin ?? 0) }

    /// What Student's t with so many degrees of freedom exceeds in 2.5 % of cases.
    package static func studentsT(degrees: Int) -> Double {
        let table = [
            12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
            2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
            2.045, 2.042,
        ]
        guard degrees > table.count else { return table[max(degrees, 1) - 1] }
        // Cornish and Fisher's expansion, exact to four digits here.
        let z = 1.959964
        let (n, cube) = (Double(degrees), z * z * z)
        return z + (cube + z) / (4 * n) + (5 * cube * z * z + 16 * cube + 3 * z) / (96 * n * n)
    }
}
