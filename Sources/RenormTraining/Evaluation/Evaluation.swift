/// How a model did on labelled examples.
public struct Evaluation: Sendable, Hashable, Codable {
    /// The result for one class.
    public struct ClassResult: Sendable, Hashable, Codable {
        /// What the class is called.
        public var name: String
        /// The number of its examples.
        public var examples: Int
        /// The number of them that were classified rightly.
        public var correct: Int

        /// The part that was classified rightly; `nil` without examples.
        public var accuracy: Double? { examples > 0 ? Double(correct) / Double(examples) : nil }
    }

    /// The part of the examples that was classified rightly, 0 to 1.
    public var accuracy: Double
    /// The mean cross-entropy, without label smoothing.
    public var loss: Double
    /// The number of examples.
    public var examples: Int
    /// The result for each class.
    public var classes: [ClassResult]

    package init(accuracy: Double, loss: Double, examples: Int, classes: [ClassResult]) {
        self.accuracy = accuracy
        self.loss = loss
        self.examples = examples
        self.classes = classes
    }
}

/// How a model is evaluated.
public struct EvaluationOptions: Sendable, Hashable, Codable {
    /// The statistics that normalizations with moving averages use.
    public var statistics: Phase.Statistics
    /// The number of examples at a time. `nil`: at most 250, in whole groups where examples are normalized or drawn in groups;
    /// with batch statistics and without groups the batch of training, where it is known.
    public var batchSize: Int?
    /// Their order, which matters with batch statistics only.
    public var sampling: Sampling
    /// The number of examples normalized together with batch statistics; `nil`: as the model was trained.
    public var examplesTogether: Int?
    /// What a random order is a function of.
    public var seed: UInt64
    /// The examples of a block of the order, where that is not what is normalized together.
    package var examplesOfBlock: Int?
    /// The batch of training, where the model has been trained by a run.
    var trainedBatchSize: Int?

    /// Makes options.
    public init(
        statistics: Phase.Statistics = .moving, batchSize: Int? = nil, sampling: Sampling = .sequential,
        examplesTogether: Int? = nil, seed: UInt64 = 0
    ) {
        self.statistics = statistics
        self.batchSize = batchSize
        self.sampling = sampling
        self.examplesTogether = examplesTogether
        self.seed = seed
    }
}
