/// What the doctor has measured of one normalization.
public struct LayerDiagnosis: Sendable, Hashable, Codable {
    /// Where it is.
    public var path: String
    /// What it is, as it is asked for: `batch`.
    public var kind: String
    /// The number of channels.
    public var channels: Int
    /// Whether its averages normalize in training too.
    public var isFrozen: Bool
    /// How far its averages are from those of A.
    public var fromTraining: AveragesDeviation?
    /// How far they are from those of B, measured in the chain of B.
    public var fromPopulation: AveragesDeviation?
    /// How far they are from what comes to it in the chain of stored averages: there what is wrong with one layer smears over those after
    /// it.
    public var inStoredChain: AveragesDeviation?
    /// ν: the squared distance of means and variances from A's in those of a single batch, as a median over channels, the larger of
    /// both. About 1 is one batch's noise, α/(2 − α) a settled average with the rate α.
    public var noise: Double?
    /// λ: how far the averages have come from their initial values towards the population's, 1 for all the way; of means and of
    /// variances.
    public var lag: [Double]?
    /// √(Σ(y − y′)²/Σy′²) of its results with stored averages and with the population's, where only this layer is switched.
    public var outputDifference: Double?
    /// The same of the worst channel.
    public var worstOutputDifference: Double?
    /// The same between inference and training mode in the chain, where what layers before it do adds up: the estimation shift.
    public var chainDifference: Double?
    /// The same of the worst channel.
    public var worstChainDifference: Double?
    /// The number of values of a channel that are normalized together in training. Of 1 nothing is left but β.
    public var valuesOfGroup: Int?
    /// The number of channels whose stored variance is below ε, so that ε is most of what they are divided by.
    public var channelsBelowEpsilon: Int?
    /// The number of channels whose stored averages are so large that no f32 beside them tells values apart.
    public var absurdChannels: Int?
    /// What the loss rises by where this layer alone has its stored averages and all others measured ones (break one). Such prices do not add
    /// up.
    public var price: Double?
    /// The same of accuracy: how far it falls.
    public var accuracyPrice: Double?
    /// Of batch renormalization: σ_B/σ over groups and channels at 1, 10, 50, 90 and 99 %.
    public var r: [Double]?
    /// (μ_B − μ)/σ at the same.
    public var d: [Double]?
    /// The gains, where they tune themselves.
    public var gains: [Double]?
    /// Channels that give the same whatever comes, by number.
    public var deadChannels: [Int] = []

    /// The smaller of the deviations from A and B; 0 where nothing was measured.
    public var deviation: Double {
        [fromTraining?.total, fromPopulation?.total].compactMap(\.self).min() ?? 0
    }
}

/// How far the pictures that a network is to be used on are off, at one normalization.
public struct LayerShift: Sendable, Hashable, Codable {
    /// Where it is.
    public var path: String
    /// How far what comes to it is from the training pictures' averages, with those in every layer before it
    /// (`AveragesDeviation.total`).
    public var deviation: Double
}

/// What the doctor has measured of how batches are drawn.
public struct SamplerDiagnosis: Sendable, Hashable, Codable {
    /// How, as it is asked for: `label-blocks:1x8`.
    public var sampling: String
    /// The number of examples normalized together.
    public var group: Int
    /// How much the groups' means vary beside independent draws.
    public var designEffect: DesignEffect?
    /// The number of classes in a group, on average; `nil` without labels.
    public var classesOfGroup: Double?
    /// The same of groups that are drawn independently.
    public var expectedClasses: Double?
    /// The part of the examples of a batch that were in the one before.
    public var repetition: Double

    /// As how many independent examples a group counts.
    public var effectiveGroup: Double { Double(group) / max(designEffect?.value ?? 1, 1e-9) }
}
