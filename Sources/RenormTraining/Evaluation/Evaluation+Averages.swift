extension Evaluation.ClassResult {
    /// The part of the examples predicted to be of this class that are; `nil` if none was, or if that is not known.
    public var precision: Double? {
        predicted.flatMap { $0 > 0 ? Double(correct) / Double($0) : nil }
    }

    /// The part of the class's examples that was predicted to be of it, its accuracy; `nil` without examples.
    public var recall: Double? { accuracy }

    /// The harmonic mean of precision and recall; `nil` if there is neither an example nor a prediction of this class.
    public var f1: Double? {
        predicted.flatMap { examples + $0 > 0 ? 2 * Double(correct) / Double(examples + $0) : nil }
    }
}

extension Evaluation {
    /// The mean of the accuracies of the classes that have examples; `nil` without examples.
    public var balancedAccuracy: Double? { Evaluation.mean(classes.compactMap(\.recall)) }

    /// The mean precision of all classes that have examples or predictions, 0 where there was no prediction; `nil` if
    /// predictions were not counted.
    public var macroPrecision: Double? { mean(\.precision) }

    /// The mean recall of the same classes, 0 where there was no example.
    public var macroRecall: Double? { mean(\.recall) }

    /// The mean F1 of the same classes.
    public var macroF1: Double? { mean(\.f1) }

    private func mean(_ part: (ClassResult) -> Double?) -> Double? {
        guard classes.allSatisfy({ $0.predicted != nil }) else { return nil }
        return Evaluation.mean(classes.filter { $0.f1 != nil }.map { part($0) ?? 0 })
    }

    private static func mean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
}
