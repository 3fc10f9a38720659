import RenormArrays
import RenormImages
import RenormLayers

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

        package init(name: String, examples: Int, correct: Int) {
            (self.name, self.examples, self.correct) = (name, examples, correct)
        }

        /// Reads what was encoded.
        ///
        /// - Throws: `DecodingError` also for numbers that no evaluation gives.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.value(.name)
            examples = try container.value(.examples)
            correct = try container.value(.correct)
            try requireNoFault(decoder)
        }

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

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for numbers that no evaluation gives.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        accuracy = try container.value(.accuracy)
        loss = try container.value(.loss)
        examples = try container.value(.examples)
        classes = try container.value(.classes)
        try requireNoFault(decoder)
    }
}

extension Evaluation: Checkable {
    /// What is wrong with the numbers. The loss may be anything: that of a network that is not finite is not either.
    package var fault: Fault? {
        .first(
            Fault(of: "accuracy", "\(accuracy)", "0 to 1", unless: (0...1).contains(accuracy)),
            Fault(
                of: "examples", "\(examples)", "0 to \(TrainingLimits.examples)",
                unless: (0...TrainingLimits.examples).contains(examples)))
    }
}

extension Evaluation.ClassResult: Checkable {
    /// What is wrong with the numbers.
    package var fault: Fault? {
        Fault(
            "\(correct) of \(examples) examples right", "0 to all of at most \(TrainingLimits.examples)",
            unless: (0...TrainingLimits.examples).contains(examples)
                && (0...max(examples, 0)).contains(correct))
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
