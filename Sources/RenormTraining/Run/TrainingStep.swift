import RenormArrays
import RenormEngines
import RenormGraphs
import RenormImages

/// A compiled training step: runs on one batch after another, or on as many small ones as a step accumulates, with the
/// results' memory used again.
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

    /// A compiled graph and the memory of its results.
    private final class Part {
        let executable: any Executable
        var results: [NDArray] = []
        private var names: [String: Int] = [:]

        init(_ graph: Graph, on engine: any Engine) throws {
            executable = try engine.compile(graph)
            for (index, output) in executable.outputs.enumerated() { names[output.name] = index }
        }

        subscript(_ name: String) -> NDArray { results[names[name]!] }

        /// What was not finite; `nil` if everything was.
        func run(_ feeds: [NDArray], step: Int, on store: any Store) throws -> String? {
            do {
                try executable.run(feeds, step: step, on: store, into: &results)
                return nil
            } catch EngineError.notFinite(let path, _) {
                return path
            }
        }
    }

    /// The whole step or, with small batches, what gathers their gradients; and then what updates the variables.
    private let batchPart: Part
    private let updatePart: Part?
    /// What is fed, and where among it images, labels and the place are.
    private var feeds: [NDArray]
    private let positions: (images: Int, labels: Int, place: Int?)
    /// The place of each small batch in a step, as a feed.
    private let places: [NDArray]
    /// Where the parts have agreed on how variables lie.
    private weak var preparedStore: (any Store)?

    /// Compiles a step.
    package init(_ graph: TrainingGraph, on engine: any Engine) throws {
        batchPart = try Part(graph.graph, on: engine)
        updatePart = try graph.update.map { try Part($0, on: engine) }
        let names = batchPart.executable.inputs.map(\.name)
        positions = (
            names.firstIndex(of: "images")!, names.firstIndex(of: "labels")!, names.firstIndex(of: "place")
        )
        places = (0..<graph.accumulation).map { NDArray(scalar: Float($0)) }
        feeds = [NDArray](repeating: NDArray(scalar: Float(0)), count: names.count)
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
        var (loss, correct, examples) = (0.0, 0, 0)
        var broken: String?
        for place in places {
            guard let batch = try batches.next() else { return nil }
            // The batches of a step that is broken off are passed over, so that the next one meets its own.
            if broken != nil { continue }
            feed(batch, place)
            broken = try batchPart.run(feeds, step: step, on: store)
            if broken != nil { continue }
            loss += batchPart["loss"].number
            correct += rightAnswers(batch.labels)
            examples += batch.labels.elementCount
        }
        if let updatePart, broken == nil {
            broken = try updatePart.run([], step: step, on: store)
        }
        if let broken { return .notFinite(path: broken) }
        return .updated(
            Result(
                loss: loss / Double(places.count), accuracy: Double(correct) / Double(examples),
                gradientNorm: (updatePart ?? batchPart)["gradient_norm"].number))
    }

    /// Before the first step, so that its bits do not depend on whether a run begins or goes on there.
    private func prepare(on store: any Store) throws {
        guard let updatePart, preparedStore !== store else { return }
        for _ in 0..<2 {
            try batchPart.executable.prepare(on: store)
            try updatePart.executable.prepare(on: store)
        }
        preparedStore = store
    }

    private func feed(_ batch: Batch, _ place: NDArray) {
        feeds[positions.images] = batch.images
        feeds[positions.labels] = batch.labels
        if let position = positions.place { feeds[position] = place }
    }

    private func rightAnswers(_ labels: NDArray) -> Int {
        var correct = 0
        labels.withValues(of: Int32.self) { labels in
            batchPart["logits"].forEachRowsLargest { row, largest in
                if largest == Int(labels[row]) { correct += 1 }
            }
        }
        return correct
    }
}

extension NDArray {
    /// The first value of an array of floating-point numbers.
    fileprivate var number: Double {
        type == .f64
            ? withValues(of: Double.self) { $0[0] } : Double(withValues(of: Float.self) { $0[0] })
    }
}
