import Foundation
import Renorm
import RenormTraining
import Testing

/// Measures of classifications as scikit-learn and NumPy have them.
@Suite struct MetricsTests {
    private func isClose(_ found: Double?, _ expected: Double) -> Bool {
        found.map { abs($0 - expected) < 1e-12 } ?? false
    }

    /// `many` has equal logits, classes without examples, and more than five classes; `few` a class that is never predicted;
    /// `sure` confidences of exactly 1, one of them wrong.
    @Test(arguments: ["many", "few", "sure"])
    func measuresAreScikitLearns(name: String) throws {
        let fixture = try Fixture("metrics")
        let logits = fixture["\(name).logits"]
        let labels = fixture["\(name).labels"].converted(to: .i32)
        let count = logits.shape[1]
        var tally = EvaluationTally(classNames: (0..<count).map { "class \($0)" })
        var predictions: [Double] = []
        for start in stride(from: 0, to: logits.shape[0], by: 48) {
            let rows = start..<min(start + 48, logits.shape[0])
            tally.add(
                indices: Array(rows), labels: labels.rows(rows),
                losses: fixture["\(name).losses"].rows(rows), logits: logits.rows(rows)
            ) { example in
                #expect(example.index == predictions.count)
                #expect(isClose(example.probabilities.reduce(0, +), 1))
                predictions.append(Double(example.prediction))
            }
        }
        #expect(predictions == fixture["\(name).predictions"].doubles)
        let result = tally.result
        let scalars = fixture["\(name).scalars"].doubles
        let found = [
            result.accuracy, result.loss, result.balancedAccuracy, count > 5 ? result.topFiveAccuracy : nil,
            result.calibrationError, result.meanConfidence, result.macroPrecision, result.macroRecall,
            result.macroF1,
        ]
        for (index, (found, expected)) in zip(found, scalars).enumerated() {
            if index == 3, count <= 5 {
                #expect(found == nil)
            } else {
                #expect(isClose(found, expected), "\(index): \(String(describing: found)), \(expected)")
            }
        }
        let confusion = fixture["\(name).confusion"].doubles
        for (label, one) in result.classes.enumerated() {
            #expect(Double(one.examples) == fixture["\(name).examples"].doubles[label])
            // Where scikit-learn says 0 of nothing, there is nothing.
            #expect(isClose(one.precision ?? 0, fixture["\(name).precision"].doubles[label]))
            #expect(isClose(one.recall ?? 0, fixture["\(name).recall"].doubles[label]))
            #expect(isClose(one.f1 ?? 0, fixture["\(name).f1"].doubles[label]))
            #expect(
                (one.recall == nil) == (one.examples == 0) && (one.precision == nil) == (one.predicted == 0))
            for prediction in 0..<count {
                #expect(Double(tally.confusion[label, prediction]) == confusion[label * count + prediction])
            }
        }
    }

    @Test func theMostConfusedPairsComeFirst() {
        var matrix = ConfusionMatrix(classNames: ["a", "b", "c"])
        for (label, prediction) in [(0, 0), (2, 1), (1, 0), (0, 1), (2, 1), (0, 0), (0, 0)] {
            matrix.add(label: label, prediction: prediction)
        }
        #expect(
            matrix.confusedPairs.map { [$0.label, $0.prediction, $0.examples] } == [
                [2, 1, 2], [0, 1, 1], [1, 0, 1],
            ])
        #expect(matrix.byName == ["a": ["a": 3, "b": 1], "b": ["a": 1], "c": ["b": 2]])
    }

    /// What is said of each example is what the sums are of.
    @Test func everyExampleIsSaid() async throws {
        let run = try TinyRun(steps: 10)
        let summary = try await run.finish()
        let model = try run.trainer().model
        let scaling = try InputScaling(of: run.training)
        let collected = Collected()
        let measurement = try await Evaluator(ReferenceEngine(), options: EvaluationOptions(batchSize: 7))
            .measure(model, on: run.test!, scaling: scaling) { collected.add($0) }
        let examples = collected.all
        #expect(examples.map(\.index) == Array(0..<30))
        #expect(examples.map { Int32($0.label) } == run.test!.labels)
        #expect(measurement.evaluation.accuracy == Double(examples.count { $0.label == $0.prediction }) / 30)
        let loss = examples.reduce(0) { $0 - log($1.probabilities[$1.label]) } / 30
        #expect(abs(loss - measurement.evaluation.loss) < 1e-6)
        #expect(summary.test?.classes.allSatisfy { $0.predicted != nil } == true)
    }

    private final class Collected: @unchecked Sendable {
        // Called by one thread, and read after it has ended.
        private(set) var all: [ExampleResult] = []
        func add(_ result: ExampleResult) { all.append(result) }
    }
}
