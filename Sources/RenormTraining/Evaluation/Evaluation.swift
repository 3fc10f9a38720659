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
        /// The number of all examples that were predicted to be of the class, rightly or not; `nil` in files of earlier
        /// versions.
        public var predicted: Int?

        package init(name: String, examples: Int, correct: Int, predicted: Int? = nil) {
            (self.name, self.examples, self.correct) = (name, examples, correct)
            self.predicted = predicted
        }

        /// Reads what was encoded.
        ///
        /// - Throws: `DecodingError` also for numbers that no evaluation gives.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.value(.name)
            examples = try container.value(.examples)
            correct = try container.value(.correct)
            predicted = try container.optional(.predicted)
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
    /// The part of the examples whose class was among the five likeliest, 0 to 1; `nil` with five classes or fewer, and, as
    /// what follows, in files of earlier versions.
    public var topFiveAccuracy: Double?
    /// The expected calibration error (Guo et al. 2017), 0 to 1: how far the probability of what is predicted is from how
    /// often it is right, in 15 bins of equal width.
    public var calibrationError: Double?
    /// The mean probability of what is predicted.
    public var meanConfidence: Double?

    package init(
        accuracy: Double, loss: Double, examples: Int, classes: [ClassResult],
        topFiveAccuracy: Double? = nil, calibrationError: Double? = nil, meanConfidence: Double? = nil
    ) {
        self.accuracy = accuracy
        self.loss = loss
        self.examples = examples
        self.classes = classes
        self.topFiveAccuracy = topFiveAccuracy
        self.calibrationError = calibrationError
        self.meanConfidence = meanConfidence
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
        topFiveAccuracy = try container.optional(.topFiveAccuracy)
        calibrationError = try container.optional(.calibrationError)
        meanConfidence = try container.optional(.meanConfidence)
        try requireNoFault(decoder)
    }
}

extension Evaluation: Checkable {
    /// What is wrong with the numbers. The loss may be anything: that of a network that is not finite is not either.
    package var fault: Fault? {
        func part(_ name: String, _ found: Double?) -> Fault? {
            found.flatMap { Fault(of: name, "\($0)", "0 to 1", unless: (0...1).contains($0)) }
        }
        return .first(
            part("accuracy", accuracy), part("top-5 accuracy", topFiveAccuracy),
            part("calibration error", calibrationError), part("mean confidence", meanConfidence),
            Fault(
                of: "examples", "\(examples)", "0 to \(TrainingLimits.examples)",
                unless: (0...TrainingLimits.examples).contains(examples)))
    }
}

extension Evaluation.ClassResult: Checkable {
    /// What is wrong with the numbers.
    package var fault: Fault? {
        .first(
            Fault(
                "\(correct) of \(examples) examples right", "0 to all of at most \(TrainingLimits.examples)",
                unless: (0...TrainingLimits.examples).contains(examples)
                    && (0...max(examples, 0)).contains(correct)),
            predicted.flatMap {
                Fault(
                    "\($0) predictions", "\(correct) to \(TrainingLimits.examples)",
                    unless: $0 >= correct && $0 <= TrainingLimits.examples)
            })
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
    package var trainedBatchSize: Int?
    /// The precision of activations. `nil`: that of a run's evaluations (`TrainedModel.precision(on:)`), f32 for other models.
    /// Losses, logits and what is counted are f32 or more in any case.
    public var precision: Precision?

    /// Makes options.
    public init(
        statistics: Phase.Statistics = .moving, batchSize: Int? = nil, sampling: Sampling = .sequential,
        examplesTogether: Int? = nil, seed: UInt64 = 0, precision: Precision? = nil
    ) {
        self.statistics = statistics
        self.batchSize = batchSize
        self.sampling = sampling
        self.examplesTogether = examplesTogether
        self.seed = seed
        self.precision = precision
    }
}
