import RenormArrays

/// How well the best state did on the validation set.
public struct BestState: Sendable, Hashable, Codable {
    /// The number of steps that made it.
    public var step: Int
    /// Its accuracy, 0 to 1.
    public var accuracy: Double
    /// Its mean loss.
    public var loss: Double

    package init(step: Int, accuracy: Double, loss: Double) {
        self.step = step
        self.accuracy = accuracy
        self.loss = loss
    }

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for an accuracy that there is not.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        step = try container.value(.step)
        accuracy = try container.value(.accuracy)
        loss = try container.value(.loss)
        try requireNoFault(decoder)
    }

    /// Whether a later result is better: more accurate or, with equal accuracy, of less loss.
    package func isBeaten(by evaluation: Evaluation) -> Bool {
        evaluation.accuracy > accuracy || (evaluation.accuracy == accuracy && evaluation.loss < loss)
    }
}

extension BestState: Checkable {
    /// What is wrong with the accuracy; the record knows how many steps there are.
    package var fault: Fault? {
        Fault(of: "accuracy", "\(accuracy)", "0 to 1", unless: (0...1).contains(accuracy))
    }
}
