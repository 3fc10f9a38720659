import RenormArrays
import RenormGraphs

/// Moments of the batch in training, their moving averages at inference (Ioffe & Szegedy 2015).
///
/// Statistics: `running_mean` and `running_var` `[C]` (PyTorch's meaning: unbiased, without ε), `num_batches_tracked`.
public struct BatchNormalization: BatchwiseNormalization, RunningVarianceNormalization {
    /// Its word.
    public static let name = "batch"
    /// `rate`, the averaging rate, and `examples`.
    public static let options = ["rate", "examples"]

    /// How far moving averages go towards a batch's moments in a step: new = old + rate · (batch − old). PyTorch's
    /// `momentum`, 1 − Keras's.
    public var averagingRate: Double
    /// The number of examples normalized together; `nil` for the whole batch.
    public var examples: Int?

    /// Makes the kind; the averaging rate is PyTorch's unless given.
    public init(averagingRate: Double = 0.1, examples: Int? = nil) {
        self.averagingRate = averagingRate
        self.examples = examples
    }

    /// Reads its options.
    public init(parsing text: inout NormalizationText) throws {
        examples = try text.takeExamples()
        averagingRate = try text.takeAveragingRate(examples: examples) ?? 0.1
    }

    /// The options that are not the defaults.
    public var optionTexts: [String] {
        [
            averagingRate == 0.1 ? nil : "rate=\(averagingRate)", examples.map { "examples=\($0)" },
        ].compactMap(\.self)
    }

    /// What is wrong with the parameters.
    public var fault: Fault? {
        .first(
            Fault("averaging rate \(averagingRate)", "0 to 1", unless: (0...1).contains(averagingRate)),
            examplesFault)
    }

    /// With an averaging rate of 1.
    public var followingOneBatch: (any PopulationNormalization)? {
        BatchNormalization(averagingRate: 1, examples: examples)
    }

    /// Normalizes with the batch or the moving averages, as the phase says.
    public func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor {
        let averages = try RunningVariance(layer)
        let (usesBatch, updates) = (
            layer.scope.phase.statistics == .batch, layer.scope.phase.updatesStatistics
        )
        guard usesBatch || updates else { return try averages.normalized(x) }
        let moments = try layer.batchMoments(x, examples: examples) { _ in
            "the output is β whatever the input is; use larger groups of examples or batch-renorm"
        }
        if updates { try averages.update(from: moments, rate: averagingRate) }
        return try usesBatch ? layer.standardized(x, by: moments) : averages.normalized(x)
    }
}

extension NormalizationKind where Self == BatchNormalization {
    /// Moments of the batch; moving averages at inference.
    public static var batch: Self { Self() }

    /// Moments of the batch, or of groups of examples; moving averages at inference.
    public static func batch(averagingRate: Double = 0.1, examples: Int? = nil) -> Self {
        Self(averagingRate: averagingRate, examples: examples)
    }
}

extension NormalizationText {
    /// Takes `rate`, the averaging rate of a step; `0.05/group` is that of one update a group of examples: 1 − (1 − rate)^groups
    /// a step.
    ///
    /// - Parameter examples: The examples of a group; `nil` for the whole batch.
    public mutating func takeAveragingRate(examples: Int?) throws -> Double? {
        guard let text = take("rate") else { return nil }
        let isPerGroup = text.hasSuffix("/group")
        guard let rate = Double(isPerGroup ? String(text.dropLast(6)) : text), (0...1).contains(rate) else {
            throw failure(found: "'rate=\(text)'", expected: "rate=0 to 1, or 0 to 1 and /group")
        }
        guard isPerGroup, let examples else { return rate }
        guard let batch = run.batchSize else {
            throw failure(found: "'rate=\(text)'", expected: "a rate a step, where no batch is known")
        }
        return 1 - (0..<max(batch / examples, 1)).reduce(1.0) { kept, _ in kept * (1 - rate) }
    }
}
