/// How many examples of each class a network took for each class. Only what occurs takes memory.
public struct ConfusionMatrix: Sendable, Hashable, Codable {
    /// Examples of one class that were taken for one class.
    public struct Pair: Sendable, Hashable {
        /// The class that they are of.
        public var label: Int
        /// The class that was predicted.
        public var prediction: Int
        /// Their number.
        public var examples: Int
    }

    /// What the classes are called.
    public let classNames: [String]
    /// By class, then by prediction.
    private var counts: [Int: [Int: Int]] = [:]

    /// A matrix of zeros.
    public init(classNames: [String]) { self.classNames = classNames }

    /// Counts an example.
    public mutating func add(label: Int, prediction: Int) {
        precondition(
            classNames.indices.contains(label) && classNames.indices.contains(prediction),
            "class \(label) taken for \(prediction), of \(classNames.count)")
        counts[label, default: [:]][prediction, default: 0] += 1
    }

    /// The number of examples of class `label` for which class `prediction` was predicted.
    public subscript(label: Int, prediction: Int) -> Int { counts[label]?[prediction] ?? 0 }

    /// The pairs of different classes that were confused, the most frequent first, then in the order of the classes.
    public var confusedPairs: [Pair] {
        counts.flatMap { label, row in
            row.map { Pair(label: label, prediction: $0.key, examples: $0.value) }
        }
        .filter { $0.label != $0.prediction }
        .sorted { (-$0.examples, $0.label, $0.prediction) < (-$1.examples, $1.label, $1.prediction) }
    }

    /// The counts by the names of classes and predictions, without zeros.
    public var byName: [String: [String: Int]] {
        counts.reduce(into: [:]) { result, row in
            for (prediction, count) in row.value {
                result[classNames[row.key], default: [:]][classNames[prediction], default: 0] += count
            }
        }
    }
}
