import Foundation
import RenormFormats

/// Adds the events of a session to the history of its run. Lines wait until they are flushed, which is before a state is saved, so
/// that a history is never behind the state that a run goes on from.
final class HistoryFile {
    private let file: URL
    private var notes = HistoryNotes()
    private var waiting: [UInt8] = []
    private var flushed = ContinuousClock.now

    /// - Throws: `FormatError` where there is a history that cannot be gone on with.
    init(_ folder: RunFolder) throws {
        file = folder.history
        guard try AtomicFile.isOwnFile(file) else { return }
        let found = try RunHistory.wholeLines(of: file)
        if found.hasRest { try AtomicFile.write([UInt8](found.whole), to: file) }
    }

    /// Takes an event.
    func add(_ event: TrainingEvent) {
        write(notes.add(event))
    }

    /// Ends what is summed up so far.
    func close() { write(notes.close()) }

    private func write(_ entries: [HistoryEntry]) {
        for entry in entries {
            guard let line = try? JSONCoder.encode(entry) else {
                preconditionFailure("entries are objects that JSON can hold")
            }
            waiting += Array("\(line)\n".utf8)
        }
    }

    /// Writes what waits.
    ///
    /// - Throws: `FormatError`.
    func flush() throws {
        flushed = ContinuousClock.now
        guard !waiting.isEmpty else { return }
        try AtomicFile.append(waiting, to: file)
        waiting = []
    }

    /// Writes what waits, every few seconds.
    func flushIfDue() throws {
        if ContinuousClock.now - flushed > .seconds(5) { try flush() }
    }
}
