/// An evaluation with what is too large for the records of a run.
public struct DetailedEvaluation: Sendable, Hashable {
    /// The result.
    public var evaluation: Evaluation
    /// Which classes were taken for which.
    public var confusion: ConfusionMatrix
    /// The first layer whose values were not finite, if any were not.
    package var notFinite: String?
}

/// What a network said of one example.
public struct ExampleResult: Sendable, Hashable {
    /// The example's place in the dataset.
    public var index: Int
    /// The class that it is of.
    public var label: Int
    /// The class that was predicted: the first of the likeliest.
    public var prediction: Int
    /// The probability of each class.
    public var probabilities: [Double]
}
