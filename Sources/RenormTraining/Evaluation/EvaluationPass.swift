import RenormArrays
import RenormEngines
import RenormImages
import RenormLayers

/// Evaluates one network on the calling thread, as often as wanted, on any store that holds its variables. What it has
/// compiled for a size of batch it keeps.
package final class EvaluationPass {
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

    package init(_ model: Model, engine: any Engine, options: EvaluationOptions) throws {
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
    package struct Measurement {
        package var evaluation: Evaluation
        /// The first layer whose values were not finite, if any were not.
        package var notFinite: String?
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

    /// How the network does on labelled examples, and whether everything was finite. The examples of a batch that was not are
    /// not classified rightly.
    ///
    /// - Parameter stopsAtNotFinite: Whether the examples after the first batch that is not finite are left out.
    /// - Throws: `CancellationError` between batches once `isCancelled` says so.
    package func measure(
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
            let found = try executable.run(["images": batch.images, "labels": batch.labels], on: store)
            notFinite = notFinite ?? found
            if notFinite != nil, stopsAtNotFinite { break }
            if found == nil {
                tally.add(
                    labels: batch.labels, losses: try executable.result("losses"),
                    correct: try executable.result("correct"))
            } else {
                tally.addNotFinite(labels: batch.labels)
            }
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

    mutating func add(labels: NDArray, losses: NDArray, correct: NDArray) {
        loss += losses.doubles.reduce(0, +)
        for (label, correct) in zip(labels.values(of: Int32.self), correct.doubles) {
            classes[Int(label)].examples += 1
            classes[Int(label)].correct += Int(correct)
        }
    }

    mutating func addNotFinite(labels: NDArray) {
        loss = .nan
        for label in labels.values(of: Int32.self) { classes[Int(label)].examples += 1 }
    }

    var result: Evaluation {
        let examples = classes.reduce(0) { $0 + $1.examples }
        let correct = classes.reduce(0) { $0 + $1.correct }
        return Evaluation(
            accuracy: Double(correct) / Double(max(examples, 1)), loss: loss / Double(max(examples, 1)),
            examples: examples, classes: classes)
    }
}
