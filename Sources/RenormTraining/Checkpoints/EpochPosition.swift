import RenormArrays

/// A place in the epochs of a run.
public struct EpochPosition: Sendable, Hashable, Codable {
    /// Whole epochs made.
    public var epoch: Int
    /// Steps made of the next one.
    public var step: Int
    /// Steps of each.
    public var stepsPerEpoch: Int

    init(step: Int, stepsPerEpoch: Int) {
        precondition(step >= 0 && stepsPerEpoch >= 1, "step \(step) of epochs of \(stepsPerEpoch)")
        epoch = step / stepsPerEpoch
        self.step = step % stepsPerEpoch
        self.stepsPerEpoch = stepsPerEpoch
    }

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for a place that no run comes to.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        epoch = try container.value(.epoch)
        step = try container.value(.step)
        stepsPerEpoch = try container.value(.stepsPerEpoch)
        try requireNoFault(decoder)
    }
}

extension EpochPosition: Checkable {
    /// What is wrong with the place.
    package var fault: Fault? {
        Fault(
            "step \(step) of \(stepsPerEpoch) in epoch \(epoch)",
            "an epoch of at least 0 and a step of at least 0 and less than the steps",
            unless: epoch >= 0 && step >= 0 && step < stepsPerEpoch)
    }
}
