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
}

/// Prepares batches on one other thread, a few ahead of their use.
///
/// The thread sleeps while its ring of buffers is full, and nothing is allocated once the ring has gone round, as long as
/// a batch is released before the one after the next is asked for. (A batch that is kept stays as it is: arrays are
/// values, and its place in the ring gets new memory.)
///
///     let loader = BatchLoader(dataset: training, scaling: scaling, sampler: sampler)
///     while let batch = try loader.next() { … }
public final class BatchLoader: Sendable {
    private let ring: BatchRing

    /// A loader of training batches, from step `first` up to (not including) `end`, or for ever.
    ///
    /// - Parameters:
    ///   - seed: what augmentation depends on, with the step.
    ///   - depth: how many batches are prepared ahead.
    ///   - parts: how many equal batches each step's examples come in, one after another; a divisor of the sampler's
    ///     batch. Augmentation does not depend on it.
    public convenience init(
        dataset: Dataset, scaling: InputScaling, augmentation: Augmentation = .none, sampler: BatchSampler,
        seed: UInt64 = 0, from first: Int = 0, to end: Int? = nil, depth: Int = 2, parts: Int = 1
    ) {
        precondition(
            parts > 0 && sampler.batchSize % parts == 0, "batches of \(sampler.batchSize) in \(parts) parts")
        let size = sampler.batchSize / parts
        self.init(
            writer: BatchWriter(dataset: dataset, scaling: scaling, augmentation: augmentation, seed: seed),
            first: first * parts, parts: parts, depth: depth
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
    public convenience init(dataset: Dataset, scaling: InputScaling, batches: [[Int]], depth: Int = 2) {
        self.init(
            writer: BatchWriter(dataset: dataset, scaling: scaling, augmentation: .none, seed: 0), first: 0,
            depth: depth
        ) { step, indices in
            guard step < batches.count else { return false }
            indices.removeAll(keepingCapacity: true)
            indices.append(contentsOf: batches[step])
            return true
        }
    }

    /// A loader of batches from any source: `source` replaces its second argument by the examples of a step, or says that
    /// there are no more. An error that it throws is thrown by `next` in that step's place.
    package convenience init(
        dataset: Dataset, scaling: InputScaling, augmentation: Augmentation, seed: UInt64, from first: Int,
        depth: Int, source: @escaping @Sendable (Int, inout [Int]) throws -> Bool
    ) {
        self.init(
            writer: BatchWriter(dataset: dataset, scaling: scaling, augmentation: augmentation, seed: seed),
            first: first, depth: depth, source: source)
    }

    private init(
        writer: BatchWriter, first: Int, parts: Int = 1, depth: Int,
        source: @escaping @Sendable (Int, inout [Int]) throws -> Bool
    ) {
        precondition(depth > 0, "a loader prepares at least one batch ahead, not \(depth)")
        let ring = BatchRing(
            writer: writer, source: source, first: first, parts: parts, depth: depth)
        self.ring = ring
        // The thread holds the ring only, so that letting go of the loader ends the thread.
        startThread(named: "renorm.batches") { ring.produce() }
    }

    deinit { ring.cancel() }

    /// The next batch, waiting for it if need be; `nil` after the last one and after `cancel`.
    ///
    /// - Throws: what choosing the batch's examples threw; every later call throws it again.
    public func next() throws -> Batch? { try ring.next() }

    /// Stops preparing batches; may be called from any thread.
    public func cancel() { ring.cancel() }
}

/// What the loader and its thread share. Everything mutable is guarded by `condition`, but for the batch in a slot,
/// which belongs to the thread until the slot's step is announced as ready, and again once the slot is free.
private final class BatchRing: @unchecked Sendable {
    private final class Slot {
        var batch = Batch(
            step: 0, images: NDArray(zeros: [0]), labels: NDArray(zeros: [0], type: .i32), indices: [])
    }

    private let writer: BatchWriter
    private let source: (Int, inout [Int]) throws -> Bool
    private let first: Int
    /// The number of batches in a step. The ring counts batches.
    private let parts: Int
    private let slots: [Slot]
    private let condition = NSCondition()

    /// Batches before this step are ready.
    private var ready: Int
    /// Batches before this step have been handed out.
    private var taken: Int
    private var isCancelled = false
    private var isFinished = false
    private var failure: (any Error)?

    init(
        writer: BatchWriter, source: @escaping (Int, inout [Int]) throws -> Bool, first: Int, parts: Int,
        depth: Int
    ) {
        self.writer = writer
        self.source = source
        self.first = first
        self.parts = parts
        // Two more than are ahead: the batch in use, and the one that its user is only now replacing by it.
        slots = (0..<depth + 2).map { _ in Slot() }
        ready = first
        taken = first
    }

    func next() throws -> Batch? {
        condition.lock()
        defer { condition.unlock() }
        while !isCancelled, taken == ready, !isFinished, failure == nil { condition.wait() }
        if isCancelled { return nil }
        if taken < ready {
            let batch = slots[(taken - first) % slots.count].batch
            taken += 1
            condition.broadcast()
            return batch
        }
        if let failure { throw failure }
        return nil
    }

    func cancel() {
        condition.lock()
        isCancelled = true
        condition.broadcast()
        condition.unlock()
    }

    /// The thread's work: until cancelled, failed or out of batches.
    func produce() {
        var step = first
        while waitForSlot(step: step) {
            let result = Result { try prepare(&slots[(step - first) % slots.count].batch, step: step) }
            condition.lock()
            switch result {
            case .success(true): ready += 1
            case .success(false): isFinished = true
            case .failure(let error): failure = error
            }
            let goesOn = !isFinished && failure == nil
            condition.broadcast()
            condition.unlock()
            if !goesOn { return }
            step += 1
        }
    }

    private func waitForSlot(step: Int) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        // Batch `taken - 1` is in use and `taken - 2` may still be, so the slots of both stay as they are.
        while !isCancelled, step - slots.count >= taken - 2, step - slots.count >= first {
            condition.wait()
        }
        return !isCancelled
    }

    private func prepare(_ batch: inout Batch, step: Int) throws -> Bool {
        guard try source(step, &batch.indices) else { return false }
        let count = batch.indices.count
        let dataset = writer.dataset
        let (step, part) = step.quotientAndRemainder(dividingBy: parts)
        batch.step = step
        // A shape is made only where memory is.
        if batch.labels.elementCount != count {
            batch.images = NDArray(
                uninitialized: [count, dataset.height, dataset.width, dataset.channels], type: .f32)
            batch.labels = NDArray(uninitialized: [count], type: .i32)
        }
        writer.write(
            step: step, firstPosition: part * count, indices: batch.indices, images: &batch.images,
            labels: &batch.labels)
        return true
    }
}
