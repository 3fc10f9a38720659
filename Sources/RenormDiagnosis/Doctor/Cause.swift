/// Why a network does worse at inference than it need: the words that findings are named by.
///
/// The list is closed: a finding has one of these, whatever prints it. The article *The doctor* has them as a table.
public enum Cause: String, Sendable, Hashable, Codable, CaseIterable {
    /// Averages lag behind the weights: the averaging rate is too small for the number of steps.
    case staleAverages = "stale-averages"
    /// Averages are those of one or a few batches, and scatter as these do: the averaging rate is too large.
    case noisyAverages = "noisy-averages"
    /// Batches are no independent draws: their statistics say what is in them, and training can lean on that, or learns nothing from them.
    case biasedBatches = "biased-batches"
    /// Groups that are normalized together are so small that their statistics are another thing than the population's.
    case smallGroups = "small-groups"
    /// The averages of one layer, or two, are not those of what comes to it.
    case wrongStatistics = "wrong-statistics"
    /// The averages of two layers stand in each other's place.
    case swappedStatistics = "swapped-statistics"
    /// Averages are those of a network that was never trained: 0 and 1.
    case averagesReset = "averages-reset"
    /// Numbers that are not finite, or variances below 0.
    case notFinite = "not-finite"
    /// A layer's γ is 0 everywhere, so that it passes nothing on.
    case zeroGamma = "zero-gamma"
    /// Channels that give the same whatever comes, which the averages after them do not know.
    case deadChannels = "dead-channels"
    /// The ε of normalizations is another than in training.
    case epsilon
    /// Weights were averaged, or exchanged, and the averages are those of the others.
    case averagedWeights = "averaged-weights"
    /// Layers that are called frozen normalized with batches in training, or their averages have moved.
    case lyingFreeze = "lying-freeze"
    /// Averages were made with dropout on, which widens what they are of.
    case dropoutShift = "dropout-shift"
    /// Pictures are prepared otherwise than in training: scaled, turned, inverted, with channels in another order, blurred.
    case preparation
    /// Pictures are of another domain than those trained on.
    case domainShift = "domain-shift"
    /// Averages of clean pictures would do better than those of augmented ones. An opportunity.
    case cleanAverages = "clean-averages"
    /// Averages of training that is not at its end lag, as they do. Information.
    case unfinishedTraining = "unfinished-training"

    /// What it means, in a line.
    public var meaning: String {
        switch self {
        case .staleAverages: "averages lag behind the weights"
        case .noisyAverages: "averages scatter as single batches do"
        case .biasedBatches: "batches are no independent draws"
        case .smallGroups: "groups normalized together are too small"
        case .wrongStatistics: "this layer's averages are not those of what comes to it"
        case .swappedStatistics: "two layers' averages stand in each other's place"
        case .averagesReset: "averages are those of a network that was never trained"
        case .notFinite: "numbers that are not finite, or variances below 0"
        case .zeroGamma: "a layer's scale is 0 everywhere"
        case .deadChannels: "channels that give the same whatever comes"
        case .epsilon: "another ε than in training"
        case .averagedWeights: "averages are those of other weights"
        case .lyingFreeze: "frozen layers used batch statistics, or their averages moved"
        case .dropoutShift: "averages were made with dropout on"
        case .preparation: "pictures are prepared otherwise than in training"
        case .domainShift: "pictures are of another domain than those trained on"
        case .cleanAverages: "averages of clean pictures do better than those of augmented ones"
        case .unfinishedTraining: "training is not at its end, where averages lag"
        }
    }
}
