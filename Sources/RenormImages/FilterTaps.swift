import RenormKernels

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Which old pixels of a row (or column) each new pixel is made of, and with what weights, by Pillow's arithmetic: ends of the
/// stretch in f32, weights in f64, divided by their sum and rounded to 2⁻²².
struct FilterTaps {
    /// The old pixel that each new one begins with, counted from the first that is needed.
    private var firsts: [Int32] = []
    /// Where the weights of each new pixel begin, and where the last one's end.
    private var starts: [Int32] = []
    /// In units of 2⁻²².
    private var weights: [Int32] = []
    /// The old pixels that any new one is made of.
    private(set) var span = 0..<0
    private var exact: [Double] = []

    /// Finds them, in the memory that is there: `count` new pixels for the stretch of `length` old ones from `start` on, of
    /// `size` that there are; `whole`: as many would be made of all, where these are cut out of them. A new pixel whose middle is outside has no weights.
    mutating func fill(
        from start: Double, length: Double, of size: Int, to count: Int, among whole: Int?,
        by interpolation: Interpolation
    ) {
        let stretch = Stretch(start, length, of: size, to: count, among: whole, by: interpolation)
        span = stretch.span
        firsts.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
        for position in 0..<count {
            starts.append(Int32(weights.count))
            let reach = stretch.reach(of: position)
            guard !reach.isEmpty else {
                firsts.append(0)
                continue
            }
            firsts.append(Int32(reach.lowerBound - span.lowerBound))
            if interpolation == .nearest {
                weights.append(1 << FilterTaps.bits)
                continue
            }
            let center = stretch.center(of: position)
            exact.removeAll(keepingCapacity: true)
            var sum = 0.0
            for pixel in reach {
                let weight = interpolation.weight((Double(pixel) - center + 0.5) * stretch.inverse)
                exact.append(weight)
                sum += weight
            }
            for weight in exact {
                let scaled = (sum == 0 ? weight : weight / sum) * Double(1 << FilterTaps.bits)
                weights.append(Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5))
            }
        }
        starts.append(Int32(weights.count))
    }

    /// Calls `body` with what the kernels read; the first pixel of `span` is their pixel 0.
    func withTaps(_ body: (renorm_taps) -> Void) {
        firsts.withUnsafeBufferPointer { firsts in
            starts.withUnsafeBufferPointer { starts in
                weights.withUnsafeBufferPointer { weights in
                    // Weights may be none, and no memory then be theirs; nobody reads them.
                    body(
                        renorm_taps(
                            count: firsts.count, first: firsts.baseAddress!, start: starts.baseAddress!,
                            weight: weights.baseAddress ?? starts.baseAddress!))
                }
            }
        }
    }

    private static let bits = 22
}

/// A stretch of old pixels that becomes a number of new ones: which of them each is made of.
struct Stretch {
    private let start: Double
    /// How many new pixels there would be before these.
    private let offset: Double
    private let scale: Double
    private let support: Double
    private let size: Int
    private let count: Int
    private let isNearest: Bool
    /// Of `nearest` the middles of the new pixels as Pillow has them: each the one before plus the scale, so that a sum of roundings
    /// decides where a middle falls between two pixels.
    private var middles: [Double] = []
    /// By what distances are multiplied before they are weighted.
    let inverse: Double

    init(
        _ start: Double, _ length: Double, of size: Int, to count: Int, among whole: Int?,
        by interpolation: Interpolation
    ) {
        isNearest = interpolation == .nearest
        let exact = whole.map { Double(size) / Double($0) }
        let before = exact.map { (start / $0).rounded() }
        if let exact, let before, abs(before * exact - start) < 1e-6 * Double(size) {
            (self.start, offset, scale) = (0, before, exact)
        } else {
            // Pillow's rectangles are f32.
            self.start = isNearest ? start : Double(Float(start))
            offset = 0
            scale = (isNearest ? length : Double(Float(start + length) - Float(start))) / Double(count)
        }
        support = max(scale, 1) * interpolation.support
        inverse = 1 / max(scale, 1)
        self.size = size
        self.count = count
        guard isNearest else { return }
        var middle = self.start + scale * 0.5
        for _ in 0..<max(Int(offset), 0) { middle += scale }
        for position in 0..<count {
            guard position + Int(offset) >= 0 else {
                // Before the picture's edge.
                middles.append(-1)
                continue
            }
            middles.append(middle)
            middle += scale
        }
    }

    /// Where the middle of a new pixel is.
    func center(of position: Int) -> Double {
        isNearest ? middles[position] : start + (Double(position) + offset + 0.5) * scale
    }

    /// The old pixels that a new one is made of; none if its middle is outside.
    func reach(of position: Int) -> Range<Int> {
        let center = center(of: position)
        guard center >= 0, center < Double(size) else { return 0..<0 }
        if isNearest { return Int(center)..<Int(center) + 1 }
        return Int(max(center - support + 0.5, 0))..<Int(min(center + support + 0.5, Double(size)))
    }

    /// The old pixels that any new one is made of.
    var span: Range<Int> {
        // Middles grow with the position, so those inside follow one another.
        guard let first = (0..<count).first(where: { !reach(of: $0).isEmpty }),
            let last = (first..<count).last(where: { !reach(of: $0).isEmpty })
        else { return 0..<0 }
        return reach(of: first).lowerBound..<reach(of: last).upperBound
    }
}
