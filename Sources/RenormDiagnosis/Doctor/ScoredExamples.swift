import RenormArrays
import RenormImages
import RenormTraining

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// What a network says of examples, one by one, in the order in which they came.
struct ScoredExamples {
    /// The place of each in the data.
    private(set) var indices: [Int] = []
    /// The cross-entropy of each.
    private(set) var losses: [Double] = []
    /// Whether each is classified rightly.
    private(set) var rights: [Bool] = []
    /// What is predicted of each.
    private(set) var predictions: [Int] = []
    /// Everything together.
    var evaluation: Evaluation
    /// The number of examples that were normalized together.
    var group: Int

    init(group: Int) {
        self.group = group
        evaluation = EvaluationTally(classNames: []).result
    }

    mutating func add(_ result: ExampleResult) {
        indices.append(result.index)
        // What no f32 tells from 0 must not make everything else vanish beside it.
        losses.append(-log(max(result.probabilities[result.label], 1e-30)))
        rights.append(result.label == result.prediction)
        predictions.append(result.prediction)
    }

    /// The mean loss; NaN where something was not finite.
    var loss: Double {
        losses.isEmpty || evaluation.examples != losses.count ? .nan : losses.mean
    }
    var accuracy: Double { evaluation.accuracy }

    /// The differences of others from these, example by example in the others' order. These have to have each example once.
    func difference(of other: ScoredExamples, seed: UInt64) -> PairedDifference {
        let places = Dictionary(
            indices.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var (loss, accuracy): ([Double], [Double]) = ([], [])
        for (place, index) in other.indices.enumerated() {
            guard let own = places[index] else { continue }
            loss.append(other.losses[place] - losses[own])
            accuracy.append((other.rights[place] ? 1 : 0) - (rights[own] ? 1 : 0))
        }
        return PairedDifference(
            loss: loss, accuracy: accuracy, inGroupsOf: max(other.group, group), seed: seed)
    }

    /// The part of the examples of which another says something else.
    func changedAnswers(in other: ScoredExamples) -> Double {
        let own = Dictionary(zip(indices, predictions), uniquingKeysWith: { first, _ in first })
        let changed = zip(other.indices, other.predictions).reduce(0) { count, pair in
            count + (own[pair.0].map { $0 != pair.1 } ?? false ? 1 : 0)
        }
        return Double(changed) / Double(max(other.indices.count, 1))
    }
}

/// A mean difference of loss and accuracy, with the standard errors of a bootstrap: groups are drawn anew, not examples, because those
/// of a group that was normalized together are alike.
package struct PairedDifference {
    package var loss: Double
    package var lossError: Double
    package var accuracy: Double
    package var accuracyError: Double

    package init(loss: [Double], accuracy: [Double], inGroupsOf size: Int, seed: UInt64) {
        guard !loss.isEmpty else {
            (self.loss, lossError, self.accuracy, accuracyError) = (.nan, .nan, .nan, .nan)
            return
        }
        self.loss = loss.mean
        self.accuracy = accuracy.mean
        let sums = stride(from: 0, to: loss.count, by: max(size, 1)).map { start in
            let range = start..<min(start + max(size, 1), loss.count)
            return (
                loss: loss[range].reduce(0, +), accuracy: accuracy[range].reduce(0, +), count: range.count
            )
        }
        var random = Random(seed: seed, stream: "bootstrap")
        var draws: (loss: [Double], accuracy: [Double]) = ([], [])
        for _ in 0..<PairedDifference.draws {
            var (lossSum, accuracySum, count) = (0.0, 0.0, 0)
            for _ in sums.indices {
                let drawn = sums[random.integer(below: sums.count)]
                lossSum += drawn.loss
                accuracySum += drawn.accuracy
                count += drawn.count
            }
            draws.loss.append(lossSum / Double(count))
            draws.accuracy.append(accuracySum / Double(count))
        }
        lossError = draws.loss.standardDeviation
        accuracyError = draws.accuracy.standardDeviation
    }

    private static let draws = 200

    /// Whether the loss falls by more than chance gives and than counts, or the accuracy rises so.
    func improves(_ bounds: DiagnosisThresholds) -> Bool {
        (-loss > bounds.loss && -loss > bounds.standardErrors * lossError)
            || (accuracy > bounds.accuracy && accuracy > bounds.standardErrors * accuracyError
                && loss < 0)
    }
}

extension [Double] {
    /// The root of the mean squared difference from the mean.
    var standardDeviation: Double {
        let mean = self.mean
        return map { ($0 - mean) * ($0 - mean) }.mean.squareRoot()
    }

    /// The middle value; NaN of none.
    var median: Double { quantile(0.5) }

    /// The value below which so much of them lies; NaN of none.
    func quantile(_ part: Double) -> Double {
        let sorted = filter { !$0.isNaN }.sorted()
        guard !sorted.isEmpty else { return .nan }
        let place = part * Double(sorted.count - 1)
        let (below, above) = (Int(place.rounded(.down)), Int(place.rounded(.up)))
        return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
    }
}
