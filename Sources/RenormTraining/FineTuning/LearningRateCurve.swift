import Foundation
import RenormArrays

/// The loss along a learning rate that rises from step to step, and the rate that it suggests.
public struct LearningRateCurve: Sendable, Hashable {
    /// A step.
    public struct Point: Sendable, Hashable {
        /// The learning rate.
        public var rate: Double
        /// The loss of the step's examples, before its update.
        public var loss: Double
        /// What their loss would be without any training.
        public var untrained: Double
        /// The loss smoothed over the steps so far: the level before training, and how far the losses are below theirs without.
        public var smoothed: Double
    }

    /// How a rate is read off the curve.
    public enum Rule: String, Sendable, Hashable, Codable, CaseIterable {
        /// Where the smoothed loss falls most steeply over the logarithm of the rate.
        case steepest
        /// A tenth of the rate at which the smoothed loss is least.
        case minimum
        /// Half-way along the longest subsequence of falling losses, as fastai has it.
        case valley
    }

    /// How much of the smoothed loss is from earlier steps.
    static let smoothing = 0.9
    /// A smoothed loss of so many times the least one, and half as many times that before training, is divergence.
    static let divergence = 4.0

    /// The steps in order.
    public private(set) var points: [Point] = []
    private var sum = 0.0
    private var weight = 0.0

    /// The loss before training.
    public let level: Double

    /// A curve without steps.
    ///
    /// - Parameter level: The loss before training, the mean over the batches of the test.
    public init(level: Double) { self.level = level }

    /// Adds a step. What is smoothed, by the exponential average of all steps so far without the bias of its beginning, is by how much
    /// its loss differs from that of the same examples without training, so that it is no matter which examples they are.
    ///
    /// - Parameter untrained: That loss; `nil`: the level.
    /// - Returns: Whether to go on: the loss is finite and has not diverged.
    @discardableResult
    public mutating func add(rate: Double, loss: Double, untrained: Double? = nil) -> Bool {
        guard loss.isFinite else { return false }
        let kept = LearningRateCurve.smoothing
        sum = kept * sum + (1 - kept) * (loss - (untrained ?? level))
        weight = kept * weight + (1 - kept)
        let smoothed = level + sum / weight
        let least = min(points.map(\.smoothed).min() ?? smoothed, smoothed)
        points.append(Point(rate: rate, loss: loss, untrained: untrained ?? level, smoothed: smoothed))
        return smoothed <= max(LearningRateCurve.divergence * least, LearningRateCurve.divergence / 2 * level)
    }

    /// The rate that a rule suggests; `nil` where the loss falls nowhere.
    public func suggestion(_ rule: Rule) -> Double? {
        guard points.count > 2,
            let least = points.indices.min(by: { points[$0].smoothed < points[$1].smoothed }),
            least > 0
        else { return nil }
        switch rule {
        case .minimum:
            return points[least].rate / 10
        case .steepest:
            // Up to the minimum; what comes after is the way up.
            let slopes = (1...least).map { index in
                let (a, b) = (points[index - 1], points[min(index + 1, points.count - 1)])
                return (b.smoothed - a.smoothed) / log(b.rate / a.rate)
            }
            guard let steepest = slopes.indices.min(by: { slopes[$0] < slopes[$1] }), slopes[steepest] < 0
            else { return nil }
            return points[steepest + 1].rate
        case .valley:
            // The longest subsequence of falling losses that ends at each step.
            var (lengths, ends) = ([Int](repeating: 1, count: points.count), 0)
            for index in points.indices {
                for earlier in 0..<index
                where points[earlier].smoothed > points[index].smoothed
                    && lengths[earlier] + 1 > lengths[index]
                {
                    lengths[index] = lengths[earlier] + 1
                }
                if lengths[index] > lengths[ends] { ends = index }
            }
            guard lengths[ends] > 1 else { return nil }
            let (start, third) = (max(ends - lengths[ends], 0), lengths[ends] / 3)
            return points[start + third + third / 2].rate
        }
    }
}
