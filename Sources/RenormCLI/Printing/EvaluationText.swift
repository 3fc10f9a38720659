import Renorm

/// What a person is told of an evaluation besides accuracy and loss.
struct EvaluationText {
    /// More classes are not shown as a matrix.
    private static let classesOfMatrix = 20
    private static let pairs = 10
    private static let widthOfMatrix = 100

    private let evaluation: Evaluation
    private let confusion: ConfusionMatrix

    init(_ evaluation: Evaluation, _ confusion: ConfusionMatrix) {
        (self.evaluation, self.confusion) = (evaluation, confusion)
    }

    /// The measures of all examples, in a line.
    var summary: String {
        let parts: [(String, Double?)] = [
            ("balanced accuracy", evaluation.balancedAccuracy), ("macro F1", evaluation.macroF1),
            ("top 5", evaluation.topFiveAccuracy), ("mean confidence", evaluation.meanConfidence),
            ("calibration error", evaluation.calibrationError),
        ]
        return parts.compactMap { name, value in value.map { "\(name) \($0.percent)" } }.joined(
            separator: ", ")
    }

    /// The result of each class.
    var classes: [String] {
        Table(["class", "precision", "recall", "F1", "examples"], right: [1, 2, 3, 4]).lines(
            evaluation.classes.map { one in
                [
                    one.name, one.precision?.percent ?? "none predicted",
                    one.recall?.percent ?? "no examples",
                    one.f1?.percent ?? "", one.examples.grouped,
                ]
            })
    }

    /// Which classes were taken for which: a matrix or, of many classes, the pairs that were confused most often.
    var confusions: [String] {
        isShort ? matrix : mostConfused
    }

    /// Whether there are so few classes that all can be shown.
    var isShort: Bool { evaluation.classes.count <= EvaluationText.classesOfMatrix }

    private var matrix: [String] {
        let names = confusion.classNames
        let digits =
            names.indices.flatMap { row in names.indices.map { confusion[row, $0].grouped.count } }.max() ?? 1
        let rowNames = names.map { clipped($0, 20) }
        let first = rowNames.map(\.count).max() ?? 0
        let room = (EvaluationText.widthOfMatrix - first) / max(names.count, 1) - 2
        let columns = names.map { clipped($0, max(digits, min(room, 12), 3)) }
        let rows = names.indices.map { row in
            [rowNames[row]]
                + names.indices.map { confusion[row, $0] == 0 ? "." : confusion[row, $0].grouped }
        }
        return ["Examples of each class (rows) by what was predicted (columns):"]
            + Table([""] + columns, right: Set(1...max(names.count, 1))).lines(rows)
    }

    private var mostConfused: [String] {
        let pairs = confusion.confusedPairs.prefix(EvaluationText.pairs)
        guard !pairs.isEmpty else { return [] }
        return ["Most often confused:"]
            + Table(["class", "predicted", "examples", "of the class"], right: [2, 3]).lines(
                pairs.map { pair in
                    let all = evaluation.classes[pair.label].examples
                    return [
                        confusion.classNames[pair.label], confusion.classNames[pair.prediction],
                        pair.examples.grouped, (Double(pair.examples) / Double(max(all, 1))).percent,
                    ]
                })
    }

    private func clipped(_ name: String, _ width: Int) -> String {
        let name = name.visible
        return name.count <= width ? name : "\(name.prefix(width - 1))…"
    }
}
