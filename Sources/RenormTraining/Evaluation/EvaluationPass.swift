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
    private let workers: Int?
    private let phase: Phase
    /// The network with groups of examples as asked for, and with all examples of a batch normalized together.
    private let grouped: Model
    private let ungrouped: Model
    /// Batches of a multiple of this many examples can be cut into the groups that are normalized together.
    private let groupSize: Int?
    private var compiled: [Key: CheckedExecutable] = [:]

    /// - Parameter workers: How many threads prepare batches; `nil`: as the images need.
    package init(
        _ model: Model, engine: any Engine, options: EvaluationOptions, workers: Int? = nil
    ) throws {
        if let size = options.batchSize, size < 1 {
            throw TrainingError.option(name: "batch size", found: "\(size)", expected: "at least 1")
        }
        if let together = options.examplesTogether, together < 1 {
            throw TrainingError.option(
                name: "examples normalized together", found: "\(together)", expected: "at least 1")
        }
        try (options.precision ?? .f32).check(on: engine)
        self.engine = engine
        self.options = options
        self.workers = workers
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

    /// How the network does on labelled examples, and whether everything was finite. The examples of a batch that was not are
    /// not classified rightly.
    ///
    /// - Parameters:
    ///   - stopsAtNotFinite: Whether the examples after the first batch that is not finite are left out.
    ///   - each: Called with the result of each example of a batch that is finite.
    /// - Throws: `CancellationError` between batches once `isCancelled` says so; what `each` throws.
    package func measure(
        _ dataset: Dataset, scaling: InputScaling, on store: any Store, stopsAtNotFinite: Bool,
        isCancelled: () -> Bool, each: ((ExampleResult) throws -> Void)? = nil
    ) throws -> DetailedEvaluation {
        try measure(
            [Part(dataset)], scaling: scaling, on: store, stopsAtNotFinite: stopsAtNotFinite,
            isCancelled: isCancelled, each: each)
    }

    /// Some of the examples, and what happens before them.
    struct Part {
        var dataset: Dataset
        /// Where its examples are in the whole; `nil`: it is the whole.
        var places: [Int]?
        var prepare: () throws -> Void

        init(_ dataset: Dataset, at places: [Int]? = nil, prepare: @escaping () throws -> Void = {}) {
            (self.dataset, self.places, self.prepare) = (dataset, places, prepare)
        }
    }

    /// The same on examples in parts, at least one, before each of which something can happen to the store.
    func measure(
        _ parts: [Part], scaling: InputScaling, on store: any Store, stopsAtNotFinite: Bool,
        isCancelled: () -> Bool, each: ((ExampleResult) throws -> Void)? = nil
    ) throws -> DetailedEvaluation {
        var tally = EvaluationTally(classNames: parts.first?.dataset.classNames ?? [])
        var notFinite: String?
        for part in parts where notFinite == nil || !stopsAtNotFinite {
            try part.prepare()
            let found = try add(
                part, to: &tally, scaling: scaling, on: store, stopsAtNotFinite: stopsAtNotFinite,
                isCancelled: isCancelled, each: each)
            notFinite = notFinite ?? found
        }
        return DetailedEvaluation(
            evaluation: tally.result, confusion: tally.confusion, notFinite: notFinite)
    }

    /// Adds examples to a tally.
    ///
    /// - Returns: The first layer that is not finite.
    private func add(
        _ part: Part, to tally: inout EvaluationTally, scaling: InputScaling, on store: any Store,
        stopsAtNotFinite: Bool, isCancelled: () -> Bool, each: ((ExampleResult) throws -> Void)?
    ) throws -> String? {
        let dataset = part.dataset
        let batches = try BatchSampler.evaluationBatches(
            options.sampling, dataset: dataset, batchSize: batchSize(dataset), groupSize: group,
            seed: options.seed)
        let loader = BatchLoader(
            dataset: dataset, scaling: scaling, batches: batches,
            workers: workers ?? BatchLoader.workers(for: dataset.imageSource))
        defer { loader.cancel() }
        var notFinite: String?
        while let batch = try loader.next() {
            if isCancelled() { throw CancellationError() }
            let executable = try executable(batch: batch.images.shape[0])
            let found = try executable.run(["images": batch.images, "labels": batch.labels], on: store)
            notFinite = notFinite ?? found
            if notFinite != nil, stopsAtNotFinite { break }
            if found == nil {
                try tally.add(
                    indices: part.places.map { places in batch.indices.map { places[$0] } } ?? batch.indices,
                    labels: batch.labels, losses: executable.result("losses"),
                    logits: executable.result("logits"), each: each)
            } else {
                tally.addNotFinite(labels: batch.labels)
            }
        }
        return notFinite
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
        let graph = try EvaluationGraph(
            isRest ? ungrouped : grouped, batch: batch, phase: phase, precision: options.precision ?? .f32
        ).graph
        let new = try CheckedExecutable(graph, on: engine)
        compiled[key] = new
        return new
    }
}
