import RenormGraphs

/// What a training step keeps of its forward part for its backward part. The values are the same either way, to the bit.
public enum MemoryUse: String, Sendable, Hashable, Codable, CaseIterable {
    /// Everything that the backward part reads.
    case fast
    /// Only what one pass over memory cannot give again: results of convolutions, but not the normalized, activated and
    /// added values made from them.
    case small
}

extension TrainingOptions {
    /// What the backward part of a step computes again.
    var recomputation: Recomputation {
        var result: Recomputation = memory == .small ? .passes : []
        if recomputes { result.insert(.blocks) }
        return result
    }
}
