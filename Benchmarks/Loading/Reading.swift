import Foundation
import Renorm
import Serving

/// Batches of photographs taken as fast as workers prepare them, without a network; a step is a batch.
final class Reading: Served {
    struct Facts: Encodable {
        var ready = true
        var program = "renorm"
        var modes: [String]
        var version = ""
        var batch: Int
        var workers: Int
        var pictures: Int
        var bytesAtStart = ProcessMemory.resident
        /// What the first pass took, in which a cache is filled.
        var firstPassSeconds = 0.0
    }

    private(set) var facts: Facts
    private let dataset: Dataset
    private let augmentation: Augmentation
    private let scaling: InputScaling
    private let sampler: BatchSampler
    private var count = 0

    init(_ options: Options) throws {
        dataset = try options.dataset()
        augmentation = try options.augmentation()
        scaling = try options.scaling(of: dataset)
        let batch = try options.number("batch", default: 32)
        sampler = try BatchSampler(.shuffled, dataset: dataset, batchSize: batch, seed: 0)
        let mode = options["cache"].map { $0 == "none" ? "decoded" : "cached" } ?? "decoded"
        facts = Facts(
            modes: [mode], batch: batch, workers: try options.number("threads", default: 2),
            pictures: dataset.count)
        facts.firstPassSeconds = try run(max(dataset.count / batch, 1))
    }

    /// Workers begin with nothing, and have nothing left when it ends, so they do nothing in other programs' turns.
    func run(_ steps: Int) throws -> Double {
        let start = ContinuousClock.now
        let loader = BatchLoader(
            dataset: dataset, scaling: scaling, augmentation: augmentation, sampler: sampler, seed: 0,
            from: count,
            to: count + steps, depth: 2 * facts.workers, workers: facts.workers)
        count += steps
        while try loader.next() != nil {}
        return (ContinuousClock.now - start) / .seconds(1)
    }
}
