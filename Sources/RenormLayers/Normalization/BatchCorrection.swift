/// The moments of one group of a batch, as numbers, and the averages that there were before the step.
public struct GroupMoments: Sendable {
    /// μ_B by channel.
    public var means: [Double]
    /// σ_B by channel, ε inside.
    public var deviations: [Double]
    /// The mean and the deviation (ε inside) that the group was normalized with, where the kind computes them in the graph.
    public var used: (means: [Double], deviations: [Double])?
    /// The moving averages before the step: means, and deviations with ε inside.
    public var averages: (means: [Double], deviations: [Double])
    /// The number of steps that had made them.
    public var averagedSteps: Int

    /// Describes a group.
    public init(
        means: [Double], deviations: [Double], used: (means: [Double], deviations: [Double])? = nil,
        averages: (means: [Double], deviations: [Double]), averagedSteps: Int
    ) {
        self.means = means
        self.deviations = deviations
        self.used = used
        self.averages = averages
        self.averagedSteps = averagedSteps
    }
}

/// How a group of examples was corrected in a step of training: x̂ with the group's own moments becomes r·x̂ + d (Ioffe 2017).
public struct BatchCorrection: Sendable, Hashable {
    /// r by channel.
    public var r: [Double]
    /// d by channel.
    public var d: [Double]
    /// The largest r, and 1 / the smallest, at this step.
    public var rLimit: Double
    /// The largest |d| at this step.
    public var dLimit: Double

    /// Describes a correction.
    public init(r: [Double], d: [Double], rLimit: Double, dLimit: Double) {
        (self.r, self.d, self.rLimit, self.dLimit) = (r, d, rLimit, dLimit)
    }
}

extension BatchRenormalization {
    /// r and d of Algorithm 1 within the limits of the step; with a correction that tunes itself, those that the averages after the
    /// group come to.
    public func correction(of group: GroupMoments, step: Int) -> BatchCorrection? {
        switch correction {
        case .limits(let limits, _, _):
            let (rMax, dMax) = (limits.rMax.value(at: step), limits.dMax.value(at: step))
            guard group.averagedSteps > 0 else {
                let ones = group.means.map { _ in 1.0 }
                return BatchCorrection(r: ones, d: ones.map { $0 - 1 }, rLimit: rMax, dLimit: dMax)
            }
            return BatchCorrection(
                r: zip(group.deviations, group.averages.deviations).map { min(max($0 / $1, 1 / rMax), rMax) },
                d: group.means.indices.map { channel in
                    let d =
                        (group.means[channel] - group.averages.means[channel])
                        / group.averages.deviations[channel]
                    return min(max(d, -dMax), dMax)
                }, rLimit: rMax, dLimit: dMax)
        case .selfTuning(let tuning):
            guard let used = group.used else { return nil }
            let width = max(1, tuning.filter.widening * Double(group.averagedSteps))
            return BatchCorrection(
                r: zip(group.deviations, used.deviations).map { $0 / $1 },
                d: group.means.indices.map {
                    (group.means[$0] - used.means[$0]) / used.deviations[$0]
                }, rLimit: tuning.filter.rMax * width, dLimit: tuning.filter.dMax * width)
        }
    }
}
