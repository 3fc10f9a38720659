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
    /// Whether the examples have labels: without, losses are NaN, and nothing is right.
    let isLabelled: Bool
    /// The cross-entropy of each.
    private(set) var losses: [Double] = []
    /// Whether each is classified rightly.
    private(set) var rights: [Bool] = []
    /// What is predicted of each.
    private(set) var predictions: [Int] = []
    /// The probability of that.
    private(set) var confidences: [Double] = []
    /// Everything together.
    var evaluation: Evaluation
    /// The number of examples that were normalized together.
    var group: Int

    init(group: Int, isLabelled: Bool) {
        (self.group, self.isLabelled) = (group, isLabelled)
        evaluation = EvaluationTally(classNames: []).result
    }

    mutating func add(_ result: ExampleResult) {
        indices.append(result.index)
        // What no f32 tells from 0 must not make everything else vanish beside it.
        losses.append(isLabelled ? -log(max(result.probabilities[result.label], 1e-30)) : .nan)
        rights.append(isLabelled && result.label == result.prediction)
        predictions.append(result.prediction)
        confidences.append(result.probabilities[result.prediction])
    }

    /// Whether something was said of every example.
    var isFinite: Bool { !losses.isEmpty && evaluation.examples == losses.count }
    /// The mean loss; NaN where something was not finite, and without labels.
    var loss: Double { isFinite ? losses.mean : .nan }
    /// The part that is right; NaN without labels.
    var accuracy: Double { isLabelled ? evaluation.accuracy : .nan }
    /// The mean confidence; NaN where something was not finite.
    var confidence: Double { isFinite ? confidences.mean : .nan }

    /// The differences of others from these, example by example in the others' order. These have to have each example once.
    func difference(of other: ScoredExamples, seed: UInt64) -> PairedDifference {
        let places = Dictionary(
            indices.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var (loss, accuracy): ([Double], [Double]) = ([], [])
        var (changed, confidence): ([Double], [Double]) = ([], [])
        let areLabelled = isLabelled && other.isLabelled
        for (place, index) in other.indices.enumerated() {
            guard let own = places[index] else { continue }
            loss.append(other.losses[place] - losses[own])
            accuracy.append(areLabelled ? (other.rights[place] ? 1 : 0) - (rights[own] ? 1 : 0) : .nan)
            changed.append(other.predictions[place] == predictions[own] ? 0 : 1)
            confidence.append(other.confidences[place] - confidences[own])
        }
        return PairedDifference(
            loss: loss, accuracy: accuracy, changed: changed, confidence: confidence,
            inGroupsOf: max(other.group, group), seed: seed)
    }

    /// The standard error of how far the mean confidence on other pictures is off.
    func confidenceDistance(to other: ScoredExamples) -> Double {
        confidences.distanceError(to: other.confidences)
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

/// A mean difference of loss, accuracy, answers and confidence, with the standard errors of a bootstrap: groups are drawn anew, not
/// examples, because those of a group that was normalized together are alike.
package struct PairedDifference {
    /// NaN without labels, as what follows it.
    package var loss: Double
    package var lossError: Double
    package var accuracy: Double
    package var accuracyError: Double
    /// The part of the answers that are others.
    package var changed: Double
    package var changedError: Double
    package var confidence: Double
    package var confidenceError: Double

    /// - Parameters:
    ///   - changed: 1 for each example of which something else is said; `nil`: that is not known.
    ///   - confidence: How much surer it is; `nil`: that is not known.
    package init(
        loss: [Double], accuracy: [Double], changed: [Double]? = nil, confidence: [Double]? = nil,
        inGroupsOf size: Int, seed: UInt64
    ) {
        let unknown = [Double](repeating: .nan, count: loss.count)
        let columns = [loss, accuracy, changed ?? unknown, confidence ?? unknown]
        let groups = stride(from: 0, to: loss.count, by: max(size, 1)).map {
            $0..<min($0 + max(size, 1), loss.count)
        }
        let sums = columns.map { column in groups.map { column[$0].reduce(0, +) } }
        var random = Random(seed: seed, stream: "bootstrap")
        var draws = [[Double]](repeating: [], count: columns.count)
        for _ in 0..<(loss.isEmpty ? 0 : PairedDifference.draws) {
            let drawn = groups.map { _ in random.integer(below: groups.count) }
            let count = Double(drawn.reduce(0) { $0 + groups[$1].count })
            for (place, sums) in sums.enumerated() {
                draws[place].append(drawn.reduce(0) { $0 + sums[$1] } / count)
            }
        }
        let means = columns.map { $0.isEmpty ? .nan : $0.mean }
        let errors = draws.map { $0.isEmpty ? .nan : $0.standardDeviation }
        (self.loss, self.accuracy, self.changed, self.confidence) = (means[0], means[1], means[2], means[3])
        (lossError, accuracyError) = (errors[0], errors[1])
        (changedError, confidenceError) = (errors[2], errors[3])
    }

    private static let draws = 200

    /// Whether the loss falls by more than chance gives and than counts, or the accuracy rises so. Without labels whether it matters at
    /// all: nothing says which of both is better.
    package func improves(_ bounds: DiagnosisThresholds) -> Bool {
        guard !loss.isNaN else { return changes(bounds) }
        return (-loss > bounds.loss && -loss > bounds.standardErrors * lossError)
            || (accuracy > bounds.accuracy && accuracy > bounds.standardErrors * accuracyError
                && loss < 0)
    }

    /// Whether it costs as much as counts: what is known to be worse costs something, so chance is not asked about.
    package func costs(_ bounds: DiagnosisThresholds) -> Bool {
        loss.isNaN ? changes(bounds) : loss > bounds.loss || -accuracy > bounds.accuracy
    }

    /// Whether more answers are others, or the confidence is another by more, than chance gives and than counts.
    package func changes(_ bounds: DiagnosisThresholds) -> Bool {
        (changed > bounds.answers && changed > bounds.standardErrors * changedError)
            || (abs(confidence) > bounds.confidence
                && abs(confidence) > bounds.standardErrors * confidenceError)
    }

    /// What speaks for an illness where there are no labels, by name; nothing where there are.
    var answers: [String: Double] {
        loss.isNaN && !changed.isNaN
            ? [
                Finding.changedAnswersKey: changed, "changed_answers_error": changedError,
                "confidence_change": confidence,
            ] : [:]
    }
}

extension [Double] {
    /// The root of the mean squared difference from the mean.
    var standardDeviation: Double {
        let mean = self.mean
        return map { ($0 - mean) * ($0 - mean) }.mean.squareRoot()
    }

    /// The standard error of the distance of its mean from that of others, which it is not paired with.
    func distanceError(to others: [Double]) -> Double {
        [self, others].map { $0.standardDeviation * $0.standardDeviation / Double(Swift.max($0.count, 1)) }
            .reduce(0, +).squareRoot()
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
