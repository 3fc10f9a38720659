import RenormArrays

/// What was seen of a network's normalizations in a step of training.
public struct WatchReport: Sendable, Hashable, Codable {
    /// Steps made, this one included.
    public var step: Int
    /// The normalizations that took moments of the batch, in the order of the network.
    public var layers: [LayerWatch]
    /// What is said here for the first time.
    public var warnings: [WatchWarning]
}

/// That something of a normalization has been beyond a threshold for several looks in a row. It is said once a run.
public struct WatchWarning: Sendable, Hashable, Codable {
    /// What is beyond its threshold.
    public enum Reason: String, Sendable, Hashable, Codable, CaseIterable {
        /// Training and inference differ, in the same direction at every look: averages lag behind weights that change.
        case staleAverages = "stale-averages"
        /// Training and inference differ, at every look in another direction: batches are too small, or none is like the others.
        case differingBatches = "differing-batches"
        /// Most of r or of d is at its limit.
        case atLimits = "at-limits"
        /// Most channels give the same value everywhere.
        case constantChannels = "constant-channels"
    }

    /// The path of the layer.
    public var layer: String
    /// Why.
    public var reason: Reason
    /// Steps made.
    public var step: Int
    /// What was found, what was expected, and what to do.
    public var message: String
}
