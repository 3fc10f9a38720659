import RenormArrays
import RenormEngines
import RenormImages
import RenormLayers

/// Evaluates one network on the calling thread, as often as wanted, on any store that holds its variables. What it has
/// compiled for a size of batch it keeps.
final class EvaluationPass {
    private struct Key: Hashable {
        var batch: Int
        var isRest: Bool
    }

    private let engine: any Engine
    private let options: EvaluationOptions
    private let phase: Phase
    /// The network with groups of examples as asked for, and with all examples of a batch normalized together.
    private let grouped: Model
    private let ungrouped: Model
    /// Batches of a multiple of this many examples can be cut into the groups that are normalized together.
    private let groupSize: Int?
    private var compiled: [Key: CheckedExecutable] = [:]

    init(_ model: Model, engine: any Engine, options: EvaluationOptions) throws {
        if let size = options.batchSize, size < 1 {
            throw TrainingError.option(name: "batch size", found: "\(size)", expected: "at least 1")
        }
        if let together = options.examplesTogether, together < 1 {
            throw TrainingError.option(
                name: "examples normalized together", found: "\(together)", expected: "at least 1")
        }
        self.engine = engine
        self.options = options
        switch options.statistics {
        case .moving:
            phase = .inference
            (grouped, ungrouped, groupSize) = (model, model, nil)
        case .batch:
            phase = .batchStatistics
            grouped = try options.examplesTogether.map { try model.normalizing(together: $0) } ?? model
            ungrouped = try model.normalizing(together: nil)
            groupSize = try grouped.commonGroupSize()
        }
    }

    /// What an evaluation gave.
    struct Measurement {
        var evaluation: Evaluation
        /// The first layer whose values were not finite, if any were not.
        var notFinite: String?
    }

    /// How the network does on labelled examples.
    ///
    /// - Throws: `CancellationError` between batches once `isCancelled` says so; `TrainingError.notFiniteOn`.
    func evaluate(
        _ dataset: Dataset, scaling: InputScaling, on store: any Store, isCancelled: () -> Bool
    ) throws -> Evaluation {
        let measurement = try measure(
            dataset, scaling: scaling, on: store, stopsAtNotFinite: true, isCancelled: isCancelled)
        if let path = measurement.notFinite {
            throw TrainingError.notFiniteOn(data: dataset.name, path: path)
        }
        return measurement.evaluation
    }

    /// How the network does on labelled examples, and whether everything was finite. An example whose logits are NaN was
    /// not classified rightly.
    ///
    /// - Parameter stopsAtNotFinite: Whether the examples after the first batch that is not finite are left out.
    /// - Throws: `CancellationError` between batches once `isCancelled` says so.
    func measure(
        _ dataset: Dataset, scaling: InputScaling, on store: any Store, stopsAtNotFinite: Bool,
        isCancelled: () -> Bool
    ) throws -> Measurement {
        let batches = try BatchSampler.evaluationBatches(
            options.sampling, dataset: dataset, batchSize: batchSize(dataset), groupSize: group,
            seed: options.seed)
        let loader = BatchLoader(dataset: dataset, scaling: scaling, batches: batches)
        defer { loader.cancel() }
        var tally = EvaluationTally(classNames: dataset.classNames)
        var notFinite: String?
        while let batch = try loader.next() {
            if isCancelled() { throw CancellationError() }
            let executable = try executable(batch: batch.images.shape[0])
            let feeds = executable.inputs.map { $0.name == "images" ? batch.images : batch.labels }
            let found = try executable.run(feeds, on: store)
            notFinite = notFinite ?? found
            if notFinite != nil, stopsAtNotFinite { break }
            tally.add(labels: batch.labels, losses: executable["losses"], logits: executable["logits"])
        }
        return Measurement(evaluation: tally.result, notFinite: notFinite)
    }

    /// The examples of a group, of those that are normalized together or that the order draws together.
    private var group: Int? { options.examplesOfBlock ?? groupSize }

    private func batchSize(_ dataset: Dataset) -> Int {
        if let given = options.batchSize { return given }
        if let group { return max(min(250, dataset.count) / group, 1) * group }
        if case .labelBlocks(let labels, let each) = options.sampling {
            // Without groups a batch is one block.
            let (size, overflow) = labels.multipliedReportingOverflow(by: each)
            return overflow ? 250 : size
        }
        return options.statistics == .batch ? options.trainedBatchSize ?? 250 : 250
    }

    private func executable(batch: Int) throws -> CheckedExecutable {
        // What is left of the examples when whole groups are taken away is a group of its own.
        let isRest = groupSize.map { batch % $0 != 0 } ?? false
        let key = Key(batch: batch, isRest: isRest)
        if let known = compiled[key] { return known }
        let graph = try EvaluationGraph(isRest ? ungrouped : grouped, batch: batch, phase: phase).graph
        let new = try CheckedExecutable(graph, on: engine)
        compiled[key] = new
        return new
    }
}

/// The sums of an evaluation.
private struct EvaluationTally {
    private var loss = 0.0
    private var classes: [Evaluation.ClassResult]

    init(classNames: [String]) {
        classes = classNames.map { Evaluation.ClassResult(name: $0, examples: 0, correct: 0) }
    }

    mutating func add(labels: NDArray, losses: NDArray, logits: NDArray) {
        loss += losses.doubles.reduce(0, +)
        labels.withValues(of: Int32.self) { labels in
            logits.forEachRowsLargest { row, largest in
                let label = Int(labels[row])
                classes[label].examples += 1
                if largest == label { classes[label].correct += 1 }
            }
        }
    }

    var result: Evaluation {
        let examples = classes.reduce(0) { $0 + $1.examples }
        let correct = classes.reduce(0) { $0 + $1.correct }
        return Evaluation(
            accuracy: Double(correct) / Double(max(examples, 1)), loss: loss / Double(max(examples, 1)),
            examples: examples, classes: classes)
    }
}

extension NDArray {
    /// Calls `body` with each row of `[N, K]` and the place of its largest value, the first of equals; −1 where none is
    /// larger than −∞, so that NaN is never a right answer.
    func forEachRowsLargest(_ body: (_ row: Int, _ largest: Int) -> Void) {
        let columns = shape[1]
        // An engine may compute in f64.
        converted(to: .f32).withValues(of: Float.self) { values in
            for row in 0..<shape[0] {
                var largest = -1
                var value = -Float.infinity
                for column in 0..<columns where values[row * columns + column] > value {
                    value = values[row * columns + column]
                    largest = column
                }
                body(row, largest)
            }
        }
    }
}
