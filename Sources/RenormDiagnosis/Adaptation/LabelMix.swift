/// Which classes a network sees in pictures, beside those that are expected: whether a sample is of other classes than the whole.
public struct LabelMix: Sendable, Hashable {
    /// The number of pictures that are taken for each class.
    public var counts: [Int]
    /// The share of each class that is expected.
    public var expected: [Double]

    /// Compares predictions with what is expected.
    ///
    /// - Parameter expected: The share of each class; `nil`: all the same.
    public init(counts: [Int], expected: [Double]? = nil) {
        self.counts = counts
        let sum = expected?.reduce(0, +) ?? 0
        self.expected =
            sum > 0
            ? expected!.map { $0 / sum } : counts.map { _ in 1 / Double(max(counts.count, 1)) }
        precondition(self.expected.count == counts.count, "shares of \(self.expected.count) classes")
    }

    /// Counts predictions.
    ///
    /// - Parameter expected: The share of each class; not looked at where it is of another number of classes.
    init(_ predictions: [Int], of classes: Int, expected: [Double]?) {
        var counts = [Int](repeating: 0, count: classes)
        for prediction in predictions { counts[prediction] += 1 }
        self.init(counts: counts, expected: expected.flatMap { $0.count == classes ? $0 : nil })
    }

    /// The number of pictures.
    public var images: Int { counts.reduce(0, +) }

    private var shares: [Double] { counts.map { Double($0) / Double(max(images, 1)) } }

    /// Σ (share − expected share)², less what so many pictures drawn as expected show of it by chance: 0 for the expected mix, near 1
    /// for a single class. It is the part of the variance between classes that does not average out, however many pictures there
    /// are.
    public var distance: Double {
        let n = Double(images)
        guard n > 1 else { return 0 }
        var sum = 0.0
        for (share, expected) in zip(shares, expected) {
            let gap = share - expected
            sum += gap * gap - share * (1 - share) / (n - 1)
        }
        return sum
    }

    /// The standard error of `distance`.
    public var standardError: Double {
        let n = Double(images)
        guard n > 1 else { return .infinity }
        var (mean, square, chance) = (0.0, 0.0, 0.0)
        for (share, expected) in zip(shares, expected) {
            let slope = 2 * (share - expected)
            mean += share * slope
            square += share * slope * slope
            // Where the mix is as expected only the second order is left.
            let variance = share * (1 - share) / n
            chance += 2 * variance * variance
        }
        return (max(square - mean * mean, 0) / n + chance).squareRoot()
    }

    /// How many classes the predictions are of, a class that is seldom seen counting less: 1 / Σ share².
    public var effectiveClasses: Double { LabelMix.effective(shares) }

    /// The same of the expected mix.
    public var expectedClasses: Double { LabelMix.effective(expected) }

    /// Whether the predictions are of clearly fewer classes than expected: of less than two thirds of them, with 95 %.
    public var isBiased: Bool {
        distance - 2 * standardError > 0 && effectiveClasses < expectedClasses * 2 / 3
    }

    private static func effective(_ shares: [Double]) -> Double {
        let squares = shares.reduce(0) { $0 + $1 * $1 }
        return squares > 0 ? 1 / squares : 0
    }
}
