/// Whose statistics normalize. From each to the next one thing changes, so that what training and inference differ by falls into parts.
public enum StatisticsKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// The moving averages as they are stored.
    case stored
    /// A: what training's own estimator gives when it averages anew at fixed weights, all layers in training mode. From `stored`:
    /// staleness, and the noise of averaging.
    case training
    /// B: exact statistics of the population of training pictures. From `training`: the estimator's mismatch.
    case population
    /// C: statistics of groups of training's size that are drawn independently. From `population`: the size of groups.
    case independent
    /// D: statistics of groups that are drawn as training drew them. From `independent`: the sampler; a rise means that labels leak
    /// through the batch.
    case drawn
}

/// How a network does on held-out examples with one kind of statistics.
public struct StatisticsScore: Sendable, Hashable, Codable {
    /// Whose statistics.
    public var statistics: StatisticsKind
    /// The mean cross-entropy; NaN where something is not finite, `nil` without labels.
    public var loss: Double?
    /// The part that is classified rightly, 0 to 1; `nil` without labels.
    public var accuracy: Double?
    /// The mean probability of what is predicted.
    public var meanConfidence: Double?
    /// The expected calibration error (Guo et al. 2017), 0 to 1.
    public var calibrationError: Double?
    /// The part of the examples for which another class is the likeliest than with the stored averages.
    public var changedAnswers: Double
    /// The number of examples.
    public var examples: Int

    /// Writes null for what there are no labels for.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(statistics, forKey: .statistics)
        try container.encode(loss, forKey: .loss)
        try container.encode(accuracy, forKey: .accuracy)
        try container.encodeIfPresent(meanConfidence, forKey: .meanConfidence)
        try container.encodeIfPresent(calibrationError, forKey: .calibrationError)
        try container.encode(changedAnswers, forKey: .changedAnswers)
        try container.encode(examples, forKey: .examples)
    }
}

/// How far the scores of two kinds of statistics are apart, on the same examples.
public struct ScoreDifference: Sendable, Hashable, Codable {
    /// What is compared.
    public var from: StatisticsKind
    /// With what.
    public var to: StatisticsKind
    /// The loss of `to` less that of `from`, in nats; `nil` without labels, as the next three.
    public var loss: Double?
    /// Its standard error, by a bootstrap of groups.
    public var lossError: Double?
    /// The accuracy of `to` less that of `from`.
    public var accuracy: Double?
    /// Its standard error.
    public var accuracyError: Double?
    /// The part of the examples for which another class is the likeliest.
    public var changedAnswers: Double
    /// The mean confidence of `to` less that of `from`.
    public var confidence: Double

    init(_ from: StatisticsKind, _ to: StatisticsKind, _ difference: PairedDifference, isLabelled: Bool) {
        (self.from, self.to) = (from, to)
        (changedAnswers, confidence) = (difference.changed, difference.confidence)
        guard isLabelled else { return }
        (loss, lossError) = (difference.loss, difference.lossError)
        (accuracy, accuracyError) = (difference.accuracy, difference.accuracyError)
    }
}
