#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Which old pixels of a row (or column) each new pixel is made of, and with what weights.
struct FilterTaps {
    /// The old pixel that each new one begins with.
    private(set) var firsts: [Int] = []
    /// Where the weights of each new pixel begin, and where the last one's end.
    private(set) var starts: [Int] = []
    private(set) var weights: [Float] = []
    /// The old pixels that any new one is made of.
    private(set) var span = 0..<0
    private var exact: [Double] = []

    /// Finds them, in the memory that is there: `count` new pixels for the stretch of `length` old ones from `start` on, of
    /// `size` that there are. A new pixel whose middle is outside has no weights.
    mutating func fill(
        from start: Double, length: Double, of size: Int, to count: Int, by interpolation: Interpolation
    ) {
        firsts.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
        let scale = length / Double(count)
        let stretch = max(scale, 1)
        let support = stretch * interpolation.support
        var (lowest, highest) = (size, 0)
        for position in 0..<count {
            let center = start + (Double(position) + 0.5) * scale
            starts.append(weights.count)
            guard center >= 0, center < Double(size) else {
                firsts.append(0)
                continue
            }
            var (first, last) = (Int(floor(center)), Int(floor(center)) + 1)
            if interpolation != .nearest {
                first = max(Int(floor(center - support + 0.5)), 0)
                last = min(Int(floor(center + support + 0.5)), size)
            }
            exact.removeAll(keepingCapacity: true)
            for pixel in first..<last {
                exact.append(interpolation.weight((Double(pixel) + 0.5 - center) / stretch))
            }
            let sum = exact.reduce(0, +)
            for weight in exact { weights.append(Float(weight / sum)) }
            firsts.append(first)
            (lowest, highest) = (min(lowest, first), max(highest, last))
        }
        starts.append(weights.count)
        span = lowest < highest ? lowest..<highest : 0..<0
    }
}
