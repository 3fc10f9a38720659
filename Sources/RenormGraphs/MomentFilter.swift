import RenormArrays

/// How averages follow the moments of groups with gains that tune themselves: the constants of `Op.filteredMoments`.
///
/// An average with rate K is a filter: of a population that drifts and of moments that are noisy looks at it, the best K
/// makes successive innovations (what a group's moment adds to the average before it) uncorrelated. Where they agree in
/// sign the average lags, and K grows; where they alternate it chases noise, and K shrinks (Mehra 1970).
public struct MomentFilter: Hashable, Sendable, Codable {
    /// How fast a gain follows the agreement of innovations: K is multiplied by exp(`adaptation` · (C / S − `margin`)).
    public var adaptation: Double
    /// The agreement C / S at which a gain stays as it is. Above 0, because a chance agreement raises a small gain by a
    /// large factor, which costs more than a gain that is a little too small.
    public var margin: Double
    /// How fast the averages C and S of that agreement forget.
    public var memory: Double
    /// The smallest gain.
    public var floor: Double
    /// The largest gain, which new averages begin with.
    public var ceiling: Double
    /// The gain that averages which come without one begin with, so that the first group does not erase them.
    public var inherited: Double
    /// How many times the variance of the noise, N = S − C, the square of a group's innovations e must be to count as more than noise.
    /// Then the group is normalized by more of its own moments than the gains say (1 − `significance` · N / e²), and if the next one
    /// agrees with it, the population has moved, and the gain rises at once. At least 1; infinity: never.
    ///
    /// 9, three deviations, is what groups of one label, whose innovations are large but never agree, exceed once in a thousand.
    public var significance: Double
    /// The largest r = σ_B/σ, and 1 / the smallest, σ being the average after the group: what is x̂ with the group's own moments
    /// becomes r·x̂ + d (Ioffe 2017, Algorithm 1), where averages are young (`widening`). The averages know nothing of the limits.
    public var rMax: Double
    /// The largest |d| = |μ_B − μ|/σ, with the averages after the group, where they are young.
    public var dMax: Double
    /// How much of their first width the limits gain with every step once the averages are old: after n steps they are `rMax`
    /// and `dMax` times max(1, n · `widening`), so the first 1 / `widening` steps leave them.
    public var widening: Double
    /// Whether deviations are averaged as they are, rather than their logarithms.
    public var isArithmetic: Bool
    /// Whether a group's variance is counted around the posterior mean, rather than around the group's own.
    public var isTotal: Bool

    /// Makes a filter.
    public init(
        adaptation: Double = 0.05, margin: Double = 0.1, memory: Double = 0.05, floor: Double = 0.002,
        ceiling: Double = 1, inherited: Double = 0.01, significance: Double = 9, rMax: Double = 3,
        dMax: Double = 5,
        widening: Double = 0.002, isArithmetic: Bool = false, isTotal: Bool = false
    ) {
        self.adaptation = adaptation
        self.margin = margin
        self.memory = memory
        self.floor = floor
        self.ceiling = ceiling
        self.inherited = inherited
        self.significance = significance
        self.rMax = rMax
        self.dMax = dMax
        self.widening = widening
        self.isArithmetic = isArithmetic
        self.isTotal = isTotal
    }
}

extension MomentFilter {
    /// Reads what was written. Earlier versions left out what is infinite, and had no `widening`.
    ///
    /// - Throws: `DecodingError` also for constants out of range.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func number(_ key: CodingKeys) throws -> Double { try container.decode(Double.self, forKey: key) }
        self.init(
            adaptation: try number(.adaptation), margin: try number(.margin), memory: try number(.memory),
            floor: try number(.floor), ceiling: try number(.ceiling), inherited: try number(.inherited),
            significance: try container.decodeIfPresent(Double.self, forKey: .significance) ?? .infinity,
            rMax: try container.decodeIfPresent(Double.self, forKey: .rMax) ?? .infinity,
            dMax: try container.decodeIfPresent(Double.self, forKey: .dMax) ?? .infinity,
            widening: try container.decodeIfPresent(Double.self, forKey: .widening) ?? 0,
            isArithmetic: try container.decode(Bool.self, forKey: .isArithmetic),
            isTotal: try container.decode(Bool.self, forKey: .isTotal))
        try requireNoFault(decoder)
    }
}

extension MomentFilter: Checkable {
    /// What is wrong with the constants.
    package var fault: Fault? {
        .first(
            Fault(
                "gains from \(floor) to \(ceiling)", "above 0, at most 1, in this order",
                unless: floor > 0 && floor <= ceiling && ceiling <= 1),
            Fault(
                "an inherited gain of \(inherited)", "above 0, at most 1",
                unless: inherited > 0 && inherited <= 1),
            Fault("a memory of \(memory)", "above 0, at most 1", unless: memory > 0 && memory <= 1),
            Fault("a significance of \(significance)", "at least 1", unless: significance >= 1),
            Fault("a margin of \(margin)", "0 to less than 1", unless: (0..<1).contains(margin)),
            Fault("an r_max of \(rMax)", "at least 1", unless: rMax >= 1),
            Fault("a d_max of \(dMax)", "at least 0", unless: dMax >= 0),
            Fault(
                "limits that widen by \(widening)", "a finite number of at least 0",
                unless: widening >= 0 && widening.isFinite),
            Fault(
                "an adaptation of \(adaptation)", "a finite number of at least 0",
                unless: adaptation >= 0 && adaptation.isFinite))
    }
}

/// What filtering the moments of G groups gives.
public struct FilteredMoments {
    /// The means that each group is normalized with, `[G, C]`: the averages after it, but where limits hold.
    public let means: Tensor
    /// The deviations that each group is normalized with, `[G, C]`.
    public let deviations: Tensor
    /// How much of a group's own means is in `means`, `[G, C]`: the gain, or 1 where the limit of d holds.
    public let meanGains: Tensor
    /// How much of a group's own deviations is in `deviations`, `[G, C]`: the gain, or 1 where the limit of r holds.
    public let scaleGains: Tensor
    /// The last group's innovations, of means and of deviations, `[2, C]`.
    public let innovations: Tensor
    /// The mean and the deviation after the last group, `[2, C]`.
    public let averages: Tensor
    /// For means and for deviations the gain K and the averages S and C, `[2, 3]`.
    public let gains: Tensor
}

extension Tensor {
    /// Filters these moments `[2, G, C]` (`momentVectors`), one group after another.
    ///
    /// - Parameters:
    ///   - averages: The mean and the deviation (ε inside) before, `[C]` each.
    ///   - innovations: The last innovations before, `[2, C]`.
    ///   - gains: As `FilteredMoments.gains`, before; a K of 0 means that none is known.
    ///   - count: The number of steps that made the averages; 0: the first group sets them.
    public func filteredMoments(
        _ filter: MomentFilter, epsilon: Double, averages: (mean: Tensor, deviation: Tensor),
        innovations: Tensor, gains: Tensor, count: Tensor
    ) throws -> FilteredMoments {
        let (groups, channels) = (shape[1], shape[2])
        let all = try builder.infer(
            .filteredMoments(filter, epsilon: epsilon),
            [self, averages.mean, averages.deviation, innovations, gains, count])
        func part(_ start: Int, _ shape: TensorShape) throws -> Tensor {
            try all.slice(starts: [start], shape: [shape.elementCount]).reshaped(to: shape)
        }
        let vectors: TensorShape = [groups, channels]
        let size = groups * channels
        return FilteredMoments(
            means: try part(0, vectors), deviations: try part(size, vectors),
            meanGains: try part(2 * size, vectors), scaleGains: try part(3 * size, vectors),
            innovations: try part(4 * size, [2, channels]),
            averages: try part(4 * size + 2 * channels, [2, channels]),
            gains: try part(4 * size + 4 * channels, [2, 3]))
    }
}
