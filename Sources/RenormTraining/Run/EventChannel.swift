import Foundation

/// Passes events from the training thread to one asynchronous reader, in order and without loss. The thread waits while
/// too many are unread; the reader is suspended, never blocked, while there are none.
final class EventChannel: @unchecked Sendable {
    private let condition = NSCondition()
    private let capacity: Int
    /// Called with each event before it is handed over, on the training thread, which also sets it.
    var observer: ((TrainingEvent) -> Void)?
    // All guarded by `condition`.
    private var waiting: [TrainingEvent] = []
    private var reader: CheckedContinuation<TrainingEvent?, any Error>?
    private var end: Result<Void, any Error>?
    private var isAbandoned = false
    private var isStopping = false

    init(capacity: Int) { self.capacity = capacity }

    // MARK: The training thread

    /// Whether the work should come to its end after the step under way.
    var shouldStop: Bool { locked { isStopping } }

    /// Hands over an event, waiting while the reader is too far behind.
    func send(_ event: TrainingEvent) {
        observer?(event)
        let reader: CheckedContinuation<TrainingEvent?, any Error>? = locked {
            while waiting.count >= capacity, !isAbandoned { condition.wait() }
            if isAbandoned { return nil }
            if let reader = self.reader {
                self.reader = nil
                return reader
            }
            waiting.append(event)
            return nil
        }
        reader?.resume(returning: event)
    }

    /// Says that there are no more events, or why.
    func finish(_ result: Result<Void, any Error>) {
        let reader: CheckedContinuation<TrainingEvent?, any Error>? = locked {
            guard let reader = self.reader else {
                end = result
                return nil
            }
            // The end is told once; afterwards there is nothing.
            end = .success(())
            self.reader = nil
            return reader
        }
        reader?.resume(with: result.map { nil })
    }

    // MARK: The reader

    /// The next event, `nil` after the last.
    func next() async throws -> TrainingEvent? {
        try await withCheckedThrowingContinuation { continuation in
            let answer: Result<TrainingEvent?, any Error>? = locked {
                if !waiting.isEmpty {
                    condition.broadcast()
                    return .success(waiting.removeFirst())
                }
                if let end {
                    self.end = .success(())
                    return end.map { nil }
                }
                precondition(reader == nil, "the events of one run have one reader at a time")
                reader = continuation
                return nil
            }
            if let answer { continuation.resume(with: answer) }
        }
    }

    /// Asks the work to come to its end; events go on until it has.
    func stop() { locked { isStopping = true } }

    /// As `stop`, for a reader that is gone: further events are dropped.
    func abandon() {
        locked {
            isStopping = true
            isAbandoned = true
            waiting = []
            condition.broadcast()
        }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        condition.lock()
        defer { condition.unlock() }
        return body()
    }
}
