import RenormArrays
import RenormLayers

extension Model {
    /// The model with the given number of examples normalized together wherever batch moments are; `nil`: all of a
    /// batch.
    package func normalizing(together examples: Int?) throws -> Model {
        var result = self
        for record in try tracedNormalizations() where record.normalization.isBatchwise {
            var normalization = record.normalization
            normalization.examples = examples
            result.overrides.append(Override(PathPattern(record.path), normalization: normalization))
        }
        return result
    }

    /// Whether examples of a batch are normalized together anywhere in training.
    package var isBatchwise: Bool {
        get throws { try tracedNormalizations().contains { $0.normalization.isBatchwise } }
    }

    /// The smallest number of examples that every group of examples normalized together divides; `nil` if every
    /// normalization takes whole batches.
    package func commonGroupSize() throws -> Int? {
        var size: Int?
        for record in try tracedNormalizations() where record.normalization.isBatchwise {
            guard let examples = record.normalization.examples else { continue }
            let multiple = size.map { ($0 / greatestCommonDivisor($0, examples)).saturatingProduct(examples) }
            size = multiple ?? examples
            guard size! <= TrainingLimits.examples else {
                throw TrainingError.option(
                    name: "examples normalized together",
                    found: "groups that divide no batch of fewer than \(size!)",
                    expected: "groups that divide a batch of at most \(TrainingLimits.examples)")
            }
        }
        return size
    }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }
