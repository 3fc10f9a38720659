import Foundation
import RenormArrays

/// The events of a run, in order. Reading the first starts the run; the last is `.finished` or `.interrupted`, or an
/// error is thrown.
///
/// None is lost: a reader that is far behind makes the run wait. When the reading task is cancelled events go on until
/// the run has saved its state and `.interrupted` was delivered.
public struct TrainingEvents: AsyncSequence, Sendable {
    /// An event.
    public typealias Element = TrainingEvent

    let trainer: Trainer

    /// Starts reading.
    public func makeAsyncIterator() -> Iterator { Iterator(trainer: trainer) }

    /// Reads the events of one run.
    public struct Iterator: AsyncIteratorProtocol {
        private let trainer: Trainer
        private var session: Session?

        init(trainer: Trainer) { self.trainer = trainer }

        /// The next event; `nil` after the last.
        ///
        /// - Throws: `TrainingError`, `FormatError`, `ImagesError`, `GraphError` or `EngineError`.
        public mutating func next() async throws -> TrainingEvent? {
            let session = self.session ?? Session(trainer)
            self.session = session
            return try await withTaskCancellationHandler {
                try await session.channel.next()
            } onCancel: {
                session.channel.stop()
            }
        }
    }

    /// A run under way; letting go of it ends the run.
    private final class Session: Sendable {
        let channel = EventChannel(capacity: TrainingLimits.waitingEvents)

        init(_ trainer: Trainer) {
            let channel = self.channel
            startThread(named: "renorm.training") {
                channel.finish(Result { try TrainingRun(trainer, channel).run() })
            }
        }

        deinit { channel.abandon() }
    }
}

/// The result of work done on a thread of its own, which is told when the task is cancelled.
package func onOwnThread<Value: Sendable>(
    named name: String,
    _ work: @escaping @Sendable (_ isCancelled: @escaping @Sendable () -> Bool) throws -> Value
) async throws -> Value {
    let cancellation = Cancellation()
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
            startThread(named: name) {
                continuation.resume(with: Result { try work { cancellation.isRequested } })
            }
        }
    } onCancel: {
        cancellation.request()
    }
}
