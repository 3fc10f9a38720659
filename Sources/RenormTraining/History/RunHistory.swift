import Foundation
import RenormFormats

/// What has happened in a run, as its folder has it: losses along the way, evaluations, looks at the normalizations.
///
///     let history = try RunHistory(reading: RunFolder(url))
///     for entry in history.entries { … }
public struct RunHistory: Sendable, Hashable {
    /// What happened, in order. What a session made that was killed before it was saved, and that was made again, is left out.
    public let entries: [HistoryEntry]

    /// Takes entries as sessions wrote them.
    public init(_ written: [HistoryEntry]) {
        entries = written.reduce(into: []) { kept, entry in
            // A session goes on from a state: what came after that has not happened, and the end comes again.
            if case .session = entry.event { kept.removeAll { $0.step > entry.step || $0.isOfTheEnd } }
            kept.append(entry)
        }
    }

    /// Reads the history of a run; empty where it has none, as runs of earlier versions do.
    ///
    /// - Throws: `FormatError.unreadable`; `TrainingError.history` for a line that is none.
    public init(reading folder: RunFolder) throws {
        self.init(try RunHistory.lines(of: folder.history))
    }

    private static func lines(of file: URL) throws -> [HistoryEntry] {
        guard FileManager.default.fileExists(atPath: file.path) else { return [] }
        return try wholeLines(of: file).lines.enumerated().map { index, line in
            do {
                return try JSONCoder.decode(HistoryEntry.self, from: line)
            } catch let error as DecodingError {
                throw TrainingError.history(path: file.path, line: index + 1, reason: error.placeAndReason)
            }
        }
    }

    /// The lines that have an end: what a killed program had begun to write has none. And whether there is such a rest.
    static func wholeLines(of file: URL) throws -> (lines: [Data], whole: Data, hasRest: Bool) {
        let data: Data
        do {
            data = try Data(contentsOf: file)
        } catch {
            throw FormatError.unreadable(path: file.path, reason: error.localizedDescription)
        }
        let end = UInt8(ascii: "\n")
        let whole = data.lastIndex(of: end).map { data[...$0] } ?? Data()
        return (whole.split(separator: end), whole, whole.count < data.count)
    }

    /// The last session.
    public var session: HistoryEntry.Session? {
        entries.lazy.reversed().compactMap {
            if case .session(let session) = $0.event { session } else { nil }
        }
        .first
    }

    /// The steps, summed up, each with the number of steps made after them.
    public var stretches: [(step: Int, stretch: HistoryEntry.Stretch)] {
        entries.compactMap { if case .steps(let stretch) = $0.event { ($0.step, stretch) } else { nil } }
    }

    /// The evaluations on a set.
    public func evaluations(on set: EvaluationSet) -> [(step: Int, measured: HistoryEntry.Measured)] {
        entries.compactMap { entry in
            guard case .evaluation(let measured) = entry.event, measured.set == set else { return nil }
            return (entry.step, measured)
        }
    }

    /// The looks at the normalizations.
    public var watches: [WatchReport] {
        entries.compactMap { if case .watch(let report) = $0.event { report } else { nil } }
    }

    /// What the looks have warned of.
    public var watchWarnings: [WatchWarning] { watches.flatMap(\.warnings) }
}

extension HistoryEntry {
    /// Whether it is of what a run does once all steps are made.
    fileprivate var isOfTheEnd: Bool {
        switch event {
        case .finished: true
        case .evaluation(let measured): measured.set == .test
        default: false
        }
    }
}
