import RenormGraphs

/// Batch renormalization without schedules or averaging rate, and no limits to choose.
///
/// Each layer has a gain K for its means and one for its deviations, in 0…1. A group of examples moves the averages by K
/// towards its own moments and is normalized with the averages that result: K = 1 is batch normalization, K near 0 the
/// moving averages. The gains follow how successive innovations agree (`MomentFilter`): averages that lag behind weights
/// that change raise them, averages that chase the noise of small or biased batches lower them. A group that is further off
/// than noise can be is normalized by its own moments, and the averages follow at once if the next one agrees. Limits of r
/// and d remain: as wide as the paper's last ones (3 and 5), and wider where the averages are older than 500 steps.
///
/// The backward pass removes the gradient's mean and its direction along x, as batch normalization does: by K over the
/// group, and otherwise over the whole step, so that groups of one label keep the label's signal.
public struct SelfTuning: Sendable, Hashable, Codable {
    /// The constants of the gains.
    public var filter: MomentFilter
    /// Whether the backward pass projects over the group alone, however small the gain is (for comparison).
    public var projectsOverGroups: Bool

    /// Makes a correction that tunes itself.
    public init(filter: MomentFilter = MomentFilter(), projectsOverGroups: Bool = false) {
        self.filter = filter
        self.projectsOverGroups = projectsOverGroups
    }

    /// The same with a gain that does not change (for comparison).
    public static func fixed(gain: Double) -> SelfTuning {
        SelfTuning(filter: MomentFilter(floor: gain, ceiling: gain, significance: .infinity))
    }
}

extension SelfTuning {
    /// y = γ·(x − μ)/σ + β with the averages μ and σ after x's group, or what the limits of r and d make of them.
    func renormalized(
        _ x: Tensor, _ moments: Moments, _ filtered: FilteredMoments, _ layer: NormalizationContext
    ) throws -> Tensor {
        layer.noteUsed(means: filtered.means, deviations: filtered.deviations)
        // Around the group's mean, as (x − μ_B)/σ + (μ_B − μ)/σ, which loses less to rounding.
        let scale = try layer.gamma / filtered.deviations
        let shift = try (moments.mean - filtered.means) * scale + layer.beta
        return try layer.scope.builder.within(role: .normalized) {
            // One group is the whole step.
            if projectsOverGroups || moments.mean.shape[0] == 1 {
                return try x.affine(
                    mean: moments.mean, scale: scale, shift: shift,
                    projecting: (moments.variance, moments.channelGroups))
            }
            return try x.affine(
                mean: moments.mean, scale: scale, shift: shift, variance: moments.variance,
                groupParts: (filtered.meanGains, filtered.scaleGains))
        }
    }
}
