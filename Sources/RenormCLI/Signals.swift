import ArgumentParser
import Foundation
import Renorm

/// Turns SIGINT, SIGTERM and SIGHUP into a call; a second one ends the process at once.
final class Signals: @unchecked Sendable {
    private let lock = NSLock()
    private var number: Int32?
    private var sources: [any DispatchSourceSignal] = []
    private var former: [(Int32, FormerHandler)] = []

    init(_ cancel: @escaping @Sendable () -> Void) {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            let before = signal(number, SIG_IGN)
            // What `nohup` starts outlives its terminal.
            if number == SIGHUP, isIgnoring(before) { continue }
            former.append((number, before))
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [weak self] in
                guard let self else { return }
                let isFirst = lock.withLock {
                    defer { self.number = number }
                    return self.number == nil
                }
                if isFirst { cancel() } else { _exit(128 + number) }
            }
            source.resume()
            sources.append(source)
        }
    }

    /// The signal received, if any.
    var received: Int32? { lock.withLock { number } }

    /// What a shell expects of a process ended by the signal received.
    var exitCode: Int32 { 128 + (received ?? SIGINT) }

    /// Gives signals their usual meaning back.
    func restore() {
        sources.forEach { $0.cancel() }
        for (number, handler) in former { signal(number, handler) }
    }

    /// What a command ends with that stopped because its output could not be written.
    ///
    /// A reader that went away, as `head` does, wanted no more: that is no error to tell. But if Ctrl-C ended both, how to
    /// go on must be said, and standard error may still be there.
    ///
    /// - Parameter advice: What is saved, and how to go on.
    func ending(_ failure: ReportingError, advice: String) -> any Error {
        if case .readerGone = failure {
            // The same Ctrl-C reaches us, but perhaps a moment later.
            for _ in 0..<20 where received == nil { usleep(10_000) }
            guard received != nil else { return failure }
            warn(advice)
            return ExitCode(exitCode)
        }
        let message = "\(failure) \(advice)"
        guard received != nil else { return UsageError(message) }
        warn(message)
        return ExitCode(exitCode)
    }
}

#if canImport(Darwin)
    private typealias FormerHandler = sig_t?
#else
    private typealias FormerHandler = __sighandler_t?
#endif

private func isIgnoring(_ handler: FormerHandler) -> Bool {
    unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN as FormerHandler, to: Int.self)
}
