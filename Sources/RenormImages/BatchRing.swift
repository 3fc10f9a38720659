import Foundation
import RenormArrays

/// What a loader and its workers share: a ring of batches, which workers take in turn and fill, and which are handed out in
/// order.
///
/// Everything mutable is guarded by `condition`, but for the batch in a slot, which belongs to one worker from drawing its
/// examples until the slot is ready, and again once the slot is free.
final class BatchRing: @unchecked Sendable {
    private final class Slot {
        var batch = Batch(
            step: 0, images: NDArray(zeros: [0]), labels: NDArray(zeros: [0], type: .i32), indices: [])
        var isReady = false
    }

    private let writer: BatchWriter
    private let draw: (Int, inout [Int]) throws -> Bool
    private let first: Int
    /// The number of batches in a step. The ring counts batches.
    private let parts: Int
    private let slots: [Slot]
    private let condition = NSCondition()

    /// Batches before this one have been drawn by a worker.
    private var drawn: Int
    /// Whether a worker is drawing batch `drawn`.
    private var isDrawing = false
    /// Batches before this one have been handed out.
    private var taken: Int
    private var isCancelled = false
    /// The first batch that there is not; `nil` while it is not known.
    private var end: Int?
    /// The first batch that failed, and why.
    private var failure: (batch: Int, error: any Error)?

    init(
        writer: BatchWriter, draw: @escaping (Int, inout [Int]) throws -> Bool, first: Int, parts: Int,
        depth: Int
    ) {
        self.writer = writer
        self.draw = draw
        self.first = first
        self.parts = parts
        // Two more than are ahead: the batch in use, and the one that its user is only now replacing by it.
        slots = (0..<depth + 2).map { _ in Slot() }
        drawn = first
        taken = first
    }

    private func slot(_ number: Int) -> Slot { slots[(number - first) % slots.count] }

    func next() throws -> Batch? {
        condition.lock()
        defer { condition.unlock() }
        while !isCancelled {
            let slot = slot(taken)
            if slot.isReady {
                slot.isReady = false
                taken += 1
                condition.broadcast()
                return slot.batch
            }
            if let failure, failure.batch == taken { throw failure.error }
            if taken == end { return nil }
            condition.wait()
        }
        return nil
    }

    func cancel() {
        condition.withLock {
            isCancelled = true
            condition.broadcast()
        }
    }

    /// A worker's work: until there is nothing more to draw.
    func produce() {
        let workspace = ImageWorkspace()
        while let number = drawNext() {
            let result = Result { try fill(&slot(number).batch, number: number, in: workspace) }
            condition.withLock {
                switch result {
                case .success: slot(number).isReady = true
                case .failure(let error): fail(error, at: number)
                }
                condition.broadcast()
            }
        }
    }

    /// Draws the examples of the next batch once its slot is free: which batch it is, or `nil` when there are no more.
    private func drawNext() -> Int? {
        condition.lock()
        defer { condition.unlock() }
        while canGoOn, isDrawing || !isFree(drawn) { condition.wait() }
        guard canGoOn else { return nil }
        let number = drawn
        isDrawing = true
        condition.unlock()
        let result = Result { try draw(number, &slot(number).batch.indices) }
        condition.lock()
        isDrawing = false
        condition.broadcast()
        switch result {
        case .success(true):
            drawn += 1
            return number
        case .success(false): end = number
        case .failure(let error): fail(error, at: number)
        }
        return nil
    }

    private var canGoOn: Bool { !isCancelled && end == nil && failure == nil }

    /// Batch `taken - 1` is in use and `taken - 2` may still be, so the slots of both stay as they are.
    private func isFree(_ number: Int) -> Bool {
        number - slots.count < taken - 2 || number - slots.count < first
    }

    private func fail(_ error: any Error, at number: Int) {
        if number < failure?.batch ?? .max { failure = (number, error) }
    }

    private func fill(_ batch: inout Batch, number: Int, in workspace: ImageWorkspace) throws {
        let (step, part) = number.quotientAndRemainder(dividingBy: parts)
        batch.step = step
        try writer.fill(&batch, part: part, in: workspace)
    }
}
