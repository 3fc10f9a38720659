/// How a traced network treats what differs between training and inference. The decisions are independent: which
/// statistics normalize, whether averages move, whether dropout drops.
public struct Phase: Sendable, Hashable, Codable {
    /// The statistics that a normalization with moving averages uses.
    public enum Statistics: String, Sendable, Hashable, Codable, CaseIterable {
        /// Those of the batch (or of its groups of examples).
        case batch
        /// The moving averages.
        case moving
    }

    /// The statistics that normalize.
    public var statistics: Statistics
    /// Whether batch statistics are corrected towards the moving averages, for normalizations that do so in training
    /// (batch renorm's r and d). Without it batch statistics are used as they are: r = 1, d = 0.
    public var corrects: Bool
    /// Whether moving averages are updated.
    public var updatesStatistics: Bool
    /// Whether dropout drops.
    public var dropout: Bool

    /// Makes a phase from its decisions.
    public init(statistics: Statistics, corrects: Bool, updatesStatistics: Bool, dropout: Bool) {
        self.statistics = statistics
        self.corrects = corrects
        self.updatesStatistics = updatesStatistics
        self.dropout = dropout
    }

    /// Batch statistics, corrected, averages updated, dropout on.
    public static let training = Phase(
        statistics: .batch, corrects: true, updatesStatistics: true, dropout: true)
    /// Moving averages, nothing updated, dropout off.
    public static let inference = Phase(
        statistics: .moving, corrects: false, updatesStatistics: false, dropout: false)
    /// Inference but for the statistics, which are the batch's as they are.
    public static let batchStatistics = Phase(
        statistics: .batch, corrects: false, updatesStatistics: false, dropout: false)
}
