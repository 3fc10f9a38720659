/// Runs a compiled training step on one batch after another, with the results' memory used again.
final class TrainingStep {
    /// What a step says of itself.
    struct Result {
        var loss: Double
        var accuracy: Double
        var gradientNorm: Double
    }

    /// What became of a step.
    enum Outcome {
        /// The variables were updated.
        case updated(Result)
        /// Nothing was updated, because this was not finite.
        case notFinite(path: String)
    }

    private let executable: any Executable
    private let imagesFirst: Bool
    private let places: (loss: Int, logits: Int, gradientNorm: Int)
    private var results: [NDArray] = []

    init(_ executable: any Executable) {
        self.executable = executable
        imagesFirst = executable.inputs.first?.name == "images"
        let names = executable.outputs.map(\.name)
        places = (
            names.firstIndex(of: "loss")!, names.firstIndex(of: "logits")!,
            names.firstIndex(of: "gradient_norm")!
        )
    }

    func run(_ batch: Batch, step: Int, on store: any Store) throws -> Outcome {
        let feeds = imagesFirst ? [batch.images, batch.labels] : [batch.labels, batch.images]
        do {
            try executable.run(feeds, step: step, on: store, into: &results)
        } catch EngineError.notFinite(let path, _) {
            return .notFinite(path: path)
        }
        var correct = 0
        batch.labels.withValues(of: Int32.self) { labels in
            results[places.logits].forEachRowsLargest { row, largest in
                if largest == Int(labels[row]) { correct += 1 }
            }
        }
        return .updated(
            Result(
                loss: results[places.loss].doubles[0],
                accuracy: Double(correct) / Double(batch.labels.elementCount),
                gradientNorm: results[places.gradientNorm].doubles[0]))
    }
}
