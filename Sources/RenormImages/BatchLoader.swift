import Foundation
import RenormArrays

/// One batch, ready for a network.
public struct Batch: Sendable {
    /// The training step that it is for, or its number in an evaluation.
    public internal(set) var step: Int
    /// The scaled images, `f32` [N, H, W, C].
    public internal(set) var images: NDArray
    /// The classes, `i32` [N].
    public internal(set) var labels: NDArray
    /// Where in the dataset the examples are.
    public internal(set) var indices: [Int]
    /// The weight of each example's loss for its label, `f32` [N]: its class's weight times its share of a mix. `nil` where there are
    /// neither weights of classes nor mixing.
    public internal(set) var weights: NDArray?
    /// The class of what was mixed into each example, `i32` [N]; `nil` without mixing.
    public internal(set) var otherLabels: NDArray?
    /// The weight of each example's loss for that label, `f32` [N]; `nil` without mixing.
    public internal(set) var otherWeights: NDArray?
}

/// Prepares batches on other threads, a few ahead of their use.
///
/// The threads sleep while the ring of buffers is full, and nothing is allocated once the ring has gone round, as long as
/// a batch is released before the one after the next is asked for. (A batch that is kept stays as it is: arrays are
/// values, and its place in the ring gets new memory.) The batches, and their order, do not depend on how many threads
/// there are.
///
///     let loader = BatchLoader(dataset: training, scaling: scaling, sampler: sampler)
///     while let batch = try loader.next() { … }
public final class BatchLoader: Sendable {
    private let ring: BatchRing

    /// A loader of training batches, from step `first` up to (not including) `end`, or for ever.
    ///
    /// - Parameters:
    ///   - mixing: how the pictures of a batch are mixed with one another.
    ///   - classWeights: the weight of each class in the loss, a finite number of at least 0 for each.
    ///   - seed: what augmentation and mixing depend on, with the step.
    ///   - depth: how many batches are prepared ahead; at least as many as there are workers.
    ///   - workers: how many threads prepare batches, each one at a time. One is enough for images in memory.
    ///   - parts: how many equal batches each step's examples come in, one after another; a divisor of the sampler's
    ///     batch. Augmentation does not depend on it; pictures are mixed within each.
    public convenience init(
        dataset: Dataset, scaling: InputScaling, augmentation: Augmentation = .none,
        mixing: BatchMixing? = nil, classWeights: [Float]? = nil,
        sampler: BatchSampler, seed: UInt64 = 0, from first: Int = 0, to end: Int? = nil, depth: Int = 2,
        parts: Int = 1,
        workers: Int = 1
    ) {
        precondition(
            parts > 0 && sampler.batchSize % parts == 0, "batches of \(sampler.batchSize) in \(parts) parts")
        let size = sampler.batchSize / parts
        self.init(
            writer: BatchWriter(
                dataset: dataset, scaling: scaling, augmentation: augmentation,
                mixing: mixing, classWeights: classWeights, seed: seed),
            first: first * parts, parts: parts, depth: depth, workers: workers
        ) { number, indices in
            let (step, part) = number.quotientAndRemainder(dividingBy: parts)
            if let end, step >= end { return false }
            sampler.write(step: step, into: &indices)
            if parts > 1 {
                indices.removeLast((parts - 1 - part) * size)
                indices.removeFirst(part * size)
            }
            return true
        }
    }

    /// A loader of the given batches, without augmentation: for evaluation.
    public convenience init(
        dataset: Dataset, scaling: InputScaling, batches: [[Int]], depth: Int = 2, workers: Int = 1
    ) {
        self.init(
            writer: BatchWriter(dataset: dataset, scaling: scaling), first: 0,
            depth: depth, workers: workers
        ) { step, indices in
            guard step < batches.count else { return false }
            indices.removeAll(keepingCapacity: true)
            indices.append(contentsOf: batches[step])
            return true
        }
    }

    /// A loader of any batches: `draw` replaces its second argument by the examples of a step, or says that there are no
    /// more. It is called for one step after another, by one thread at a time. An error that it throws is thrown by `next`
    /// in that step's place.
    package convenience init(
        dataset: Dataset, scaling: InputScaling, augmentation: Augmentation, seed: UInt64, from first: Int,
        depth: Int, workers: Int = 1, draw: @escaping @Sendable (Int, inout [Int]) throws -> Bool
    ) {
        self.init(
            writer: BatchWriter(
                dataset: dataset, scaling: scaling, augmentation: augmentation, seed: seed),
            first: first, depth: depth, workers: workers, draw: draw)
    }

    private init(
        writer: BatchWriter, first: Int, parts: Int = 1, depth: Int, workers: Int,
        draw: @escaping @Sendable (Int, inout [Int]) throws -> Bool
    ) {
        precondition(depth > 0, "a loader prepares at least one batch ahead, not \(depth)")
        precondition(workers > 0, "a loader has at least one worker, not \(workers)")
        let ring = BatchRing(
            writer: writer, draw: draw, first: first, parts: parts, depth: max(depth, workers))
        self.ring = ring
        // The threads hold the ring only, so that letting go of the loader ends them.
        for _ in 0..<workers { startThread(named: "renorm.batches") { ring.produce() } }
    }

    deinit { ring.cancel() }

    /// How many threads it takes to prepare batches beside an engine that uses all cores: one for images in memory, else one
    /// a core but for one.
    public static func workers(for source: any ImageSource) -> Int {
        source.decodes ? max(1, ProcessInfo.processInfo.activeProcessorCount - 1) : 1
    }

    /// The next batch, waiting for it if need be; `nil` after the last one and after `cancel`.
    ///
    /// - Throws: what choosing the batch's examples or reading their images threw, after all batches before it; every later
    ///   call throws it again.
    public func next() throws -> Batch? { try ring.next() }

    /// Stops preparing batches; may be called from any thread.
    public func cancel() { ring.cancel() }
}
