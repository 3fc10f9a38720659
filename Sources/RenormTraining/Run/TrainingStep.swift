import RenormArrays
import RenormEngines
import RenormImages

/// A compiled training step: runs on one batch after another, or on as many small ones as a step accumulates. Of what it
/// computes only the numbers that it reports are read.
package final class TrainingStep {
    /// What a step says of itself.
    package struct Result {
        package var loss: Double
        package var accuracy: Double
        package var gradientNorm: Double
    }

    /// What became of a step.
    package enum Outcome {
        /// The variables were updated.
        case updated(Result)
        /// Nothing was updated, because this was not finite.
        case notFinite(path: String)
    }

    /// The whole step or, with small batches, what gathers their gradients; and then what updates the variables.
    private let batchPart: GraphRunner
    private let updatePart: GraphRunner?
    /// The place of each small batch in a step, as a feed.
    private let places: [NDArray]
    /// The source of each example of the training data, and what is fed for each source; `nil` where statistics are of all together.
    private let sources: (ofExamples: [Int], feeds: [NDArray])?
    /// The source of the last batch; `nil` where statistics are of all together.
    private(set) var source: Int?
    /// Where the parts have agreed on how variables lie.
    private weak var preparedStore: (any Store)?

    /// Compiles a step.
    ///
    /// - Parameter sources: The source of each example, of how many, where each has statistics of its own.
    package init(
        _ graph: TrainingGraph, on engine: any Engine, sources: (ofExamples: [Int], count: Int)? = nil
    ) throws {
        self.sources = sources.map { sources in
            let feeds = (0..<sources.count).map { own in
                NDArray((0..<sources.count).map { $0 == own ? Float(1) : 0 }, shape: [sources.count])
            }
            return (sources.ofExamples, feeds)
        }
        batchPart = try GraphRunner(graph.graph, on: engine)
        updatePart = try graph.update.map { try GraphRunner($0, on: engine) }
        places = (0..<graph.accumulation).map { NDArray(scalar: Float($0)) }
    }

    /// The planned peak of its memory in bytes, variables not included.
    package var plannedByteCount: Int {
        batchPart.executable.plannedByteCount + (updatePart?.executable.plannedByteCount ?? 0)
    }

    /// Makes a step with the batches that come next; `nil` if there are none.
    ///
    /// - Throws: What the engine and the loader throw, but for what is not finite.
    package func run(_ batches: BatchLoader, step: Int, on store: any Store) throws -> Outcome? {
        try prepare(on: store)
        var (loss, correct, examples) = (0.0, 0.0, 0)
        var broken: String?
        for place in places {
            guard let batch = try batches.next() else { return nil }
            // The batches of a step that is broken off are passed over, so that the next one meets its own.
            if broken != nil { continue }
            batchPart.feed("images", batch.images)
            batchPart.feed("labels", batch.labels)
            if let weights = batch.weights { batchPart.feed("weights", weights) }
            if let labels = batch.otherLabels { batchPart.feed("other_labels", labels) }
            if let weights = batch.otherWeights { batchPart.feed("other_weights", weights) }
            if updatePart != nil { batchPart.feed("place", place) }
            if let sources {
                let source = sources.ofExamples[batch.indices[0]]
                precondition(
                    batch.indices.allSatisfy { sources.ofExamples[$0] == source },
                    "a batch of several sources")
                batchPart.feed("domain", sources.feeds[source])
                self.source = source
            }
            broken = try batchPart.firstNotFinite(step: step, on: store)
            if broken != nil { continue }
            loss += try batchPart.number("loss")
            correct += try batchPart.number("correct")
            examples += batch.labels.elementCount
        }
        if let updatePart, broken == nil {
            broken = try updatePart.firstNotFinite(step: step, on: store)
        }
        if let broken { return .notFinite(path: broken) }
        return .updated(
            Result(
                loss: loss / Double(places.count), accuracy: correct / Double(examples),
                gradientNorm: try (updatePart ?? batchPart).number("gradient_norm")))
    }

    /// What the last batch gave under a name of the step's graph.
    func result(_ name: String) throws -> NDArray { try batchPart.result(name) }

    /// Before the first step, so that its bits do not depend on whether a run begins or goes on there.
    private func prepare(on store: any Store) throws {
        guard let updatePart, preparedStore !== store else { return }
        for _ in 0..<2 {
            try batchPart.executable.prepare(on: store)
            try updatePart.executable.prepare(on: store)
        }
        preparedStore = store
    }
}
