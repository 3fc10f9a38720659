import RenormArrays

/// How numbers are spread: their quantiles at fixed levels.
public struct Distribution: Sendable, Hashable {
    /// The levels: the parts of the numbers that are less than each quantile.
    public static let levels = [0, 0.01, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95, 0.99, 1]

    /// The quantiles at these levels, of numbers in order by linear interpolation (NumPy's); four digits of each.
    public let quantiles: [Double]

    /// Takes the quantiles of numbers; `nil` where there are none.
    public init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        quantiles = Distribution.levels.map { level in
            let place = level * Double(sorted.count - 1)
            let below = Int(place)
            let above = min(below + 1, sorted.count - 1)
            let quantile = sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
            return quantile.rounded(toDigits: 4)
        }
    }

    /// The quantile at one of the levels.
    public func quantile(_ level: Double) -> Double {
        guard let index = Distribution.levels.firstIndex(of: level) else {
            preconditionFailure("no quantile at \(level), but at \(Distribution.levels)")
        }
        return quantiles[index]
    }

    /// The middle one.
    public var median: Double { quantile(0.5) }
    /// The least.
    public var minimum: Double { quantiles[0] }
    /// The largest.
    public var maximum: Double { quantiles[quantiles.count - 1] }
}

extension Distribution: Codable {
    /// Reads an array of quantiles.
    ///
    /// - Throws: `DecodingError` also where they are not as many as levels, or not in order.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        quantiles = try container.decode([Double].self)
        guard quantiles.count == Distribution.levels.count,
            zip(quantiles, quantiles.dropFirst()).allSatisfy(<=)
        else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription:
                    "found \(quantiles.count) quantiles; expected \(Distribution.levels.count) in order")
        }
    }

    /// Writes the quantiles as an array.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(quantiles)
    }
}

extension Double {
    /// The number with so many significant decimal digits.
    func rounded(toDigits digits: Int) -> Double {
        guard isFinite, self != 0 else { return self }
        return Double(text("%.\(digits)g")) ?? self
    }
}
