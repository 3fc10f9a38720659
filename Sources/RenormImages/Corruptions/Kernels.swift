#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

// Weighted means over neighbours, of which blurs are made.

extension ImageValues {
    /// The image under a normal distribution of this deviation in pixels, cut off after four of them (as SciPy does); outside it is as at
    /// its border.
    func smoothed(deviation: Double) -> ImageValues {
        guard deviation > 0 else { return self }
        let weights = ImageValues.normalWeights(deviation: deviation, reach: Int(4 * deviation + 0.5))
        let reach = weights.count / 2
        let rows = mapPixels { row, column, channel in
            var sum: Float = 0
            for place in weights.indices {
                sum += weights[place] * nearest(row + place - reach, column, channel)
            }
            return sum
        }
        return rows.mapPixels { row, column, channel in
            var sum: Float = 0
            for place in weights.indices {
                sum += weights[place] * rows.nearest(row, column + place - reach, channel)
            }
            return sum
        }
    }

    /// The weights of 2·reach + 1 neighbours in a row.
    static func normalWeights(deviation: Double, reach: Int) -> [Float] {
        let weights = (-reach...reach).map { exp(-Double($0 * $0) / (2 * deviation * deviation)) }
        let total = weights.reduce(0, +)
        return weights.map { Float($0 / total) }
    }

    /// The mean over neighbours at offsets, by weights; outside the image is as at its border.
    func averaged(_ neighbours: [(row: Int, column: Int, weight: Float)]) -> ImageValues {
        mapPixels { row, column, channel in
            var sum: Float = 0
            for neighbour in neighbours {
                sum += neighbour.weight * nearest(row + neighbour.row, column + neighbour.column, channel)
            }
            return sum
        }
    }
}
