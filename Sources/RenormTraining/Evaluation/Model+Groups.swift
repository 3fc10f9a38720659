extension Model {
    /// The model with the given number of examples normalized together wherever batch moments are; `nil`: all of a
    /// batch.
    func normalizing(together examples: Int?) throws -> Model {
        var result = self
        for record in try tracedNormalizations() where record.normalization.kind.hasBatchMoments {
            var normalization = record.normalization
            normalization.examples = examples
            result.overrides.append(Override(PathPattern(record.path), normalization: normalization))
        }
        return result
    }

    /// Whether examples of a batch are normalized together anywhere in training.
    package var hasBatchMoments: Bool {
        get throws { try tracedNormalizations().contains { $0.normalization.kind.hasBatchMoments } }
    }

    /// The smallest number of examples that every group of examples normalized together divides; `nil` if every
    /// normalization takes whole batches.
    package func commonGroupSize() throws -> Int? {
        try tracedNormalizations()
            .filter { $0.normalization.kind.hasBatchMoments }
            .compactMap(\.normalization.examples)
            .reduce(nil) { size, examples in
                size.map { $0 / greatestCommonDivisor($0, examples) * examples } ?? examples
            }
    }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }
