import RenormArrays

/// The sums of an evaluation.
package struct EvaluationTally {
    private var loss = 0.0
    private var isFinite = true
    private var rightInFive = 0
    private var classes: [Evaluation.ClassResult]
    private var calibration = CalibrationTally()
    package private(set) var confusion: ConfusionMatrix

    package init(classNames: [String]) {
        classes = classNames.map { Evaluation.ClassResult(name: $0, examples: 0, correct: 0, predicted: 0) }
        confusion = ConfusionMatrix(classNames: classNames)
    }

    /// Adds a batch.
    ///
    /// - Parameters:
    ///   - indices: Where in the dataset the examples are.
    ///   - logits: [N, K], all finite.
    ///   - each: Called with the result of each example.
    /// - Throws: What `each` throws.
    package mutating func add(
        indices: [Int], labels: NDArray, losses: NDArray, logits: NDArray,
        each: ((ExampleResult) throws -> Void)?
    ) rethrows {
        loss += losses.doubles.reduce(0, +)
        let count = classes.count
        let (values, labels) = (logits.doubles, labels.values(of: Int32.self))
        for (position, label) in labels.enumerated() {
            let (row, label) = (values[position * count..<(position + 1) * count], Int(label))
            let probabilities = Softmax(row)
            add(label, probabilities, isInFive: row.isAmongFirst(5, label))
            try each?(
                ExampleResult(
                    index: indices[position], label: label, prediction: probabilities.largest,
                    probabilities: probabilities.values))
        }
    }

    private mutating func add(_ label: Int, _ probabilities: Softmax, isInFive: Bool) {
        let isRight = probabilities.largest == label
        classes[label].examples += 1
        classes[label].correct += isRight ? 1 : 0
        classes[probabilities.largest].predicted? += 1
        rightInFive += isInFive ? 1 : 0
        calibration.add(confidence: probabilities.confidence, isRight: isRight)
        confusion.add(label: label, prediction: probabilities.largest)
    }

    /// Adds a batch for which something was not finite, so that nothing was predicted.
    mutating func addNotFinite(labels: NDArray) {
        isFinite = false
        for label in labels.values(of: Int32.self) { classes[Int(label)].examples += 1 }
    }

    /// What the sums say.
    package var result: Evaluation {
        let examples = classes.reduce(0) { $0 + $1.examples }
        func part(_ count: Int) -> Double { Double(count) / Double(max(examples, 1)) }
        return Evaluation(
            accuracy: part(classes.reduce(0) { $0 + $1.correct }),
            loss: isFinite ? loss / Double(max(examples, 1)) : .nan, examples: examples, classes: classes,
            topFiveAccuracy: classes.count > 5 && examples > 0 ? part(rightInFive) : nil,
            calibrationError: isFinite ? calibration.error : nil,
            meanConfidence: isFinite ? calibration.meanConfidence : nil)
    }
}

extension ArraySlice<Double> {
    /// Whether fewer than `count` elements come before the one at `place`: larger ones, and equal ones that are earlier.
    fileprivate func isAmongFirst(_ count: Int, _ place: Int) -> Bool {
        let own = self[startIndex + place]
        var before = 0
        for index in indices where self[index] > own || (self[index] == own && index < startIndex + place) {
            before += 1
        }
        return before < count
    }
}
