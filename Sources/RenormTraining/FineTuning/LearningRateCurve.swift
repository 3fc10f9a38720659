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
        /// The loss smoothed over the steps so far.
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
    /// A smoothed loss of so many times the least one is divergence.
    static let divergence = 4.0

    /// The steps in order.
    public private(set) var points: [Point] = []
    private var sum = 0.0
    private var weight = 0.0

    /// A curve without steps.
    public init() {}

    /// Adds a step; the smoothed loss is the exponential average of all so far, without the bias of its beginning.
    ///
    /// - Returns: Whether to go on: the loss is finite and has not diverged.
    @discardableResult
    public mutating func add(rate: Double, loss: Double) -> Bool {
        guard loss.isFinite else { return false }
        let kept = LearningRateCurve.smoothing
        sum = kept * sum + (1 - kept) * loss
        weight = kept * weight + (1 - kept)
        let smoothed = sum / weight
        let least = points.map(\.smoothed).min() ?? smoothed
        points.append(Point(rate: rate, loss: loss, smoothed: smoothed))
        return smoothed <= LearningRateCurve.divergence * least
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

    /// The table of the curve: a line of names, then a line a step.
    public var csv: String {
        "step,learning_rate,loss,smoothed_loss\n"
            + points.enumerated().map {
                "\($0 + 1),\($1.rate),\($1.loss),\($1.smoothed)\n"
            }.joined()
    }
}
