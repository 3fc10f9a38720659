import Foundation
import RenormFormats

/// Where a run keeps its files:
///
///     config.yml            the options (`Trainer.record`, which the command line gives), written before all else
///     history.jsonl         what has happened: losses, evaluations, looks at the normalizations, an object a line
///     doctor.json           what the doctor found, an object a line
///     learning-rate.csv     the curve of the range test, if the learning rate is from one
///     last.safetensors      the latest state: training goes on from it
///     best.safetensors      the state that did best on the validation set
///     pictures.csv          the pictures that are trained on, if they are in files; pictures-2.csv those of a second source
///     model.safetensors     at the end: the chosen parameters, statistics and counters alone, under PyTorch's names;
///                           of the last end, while a finished run makes more steps
public struct RunFolder: Sendable, Hashable {
    /// The folder.
    public let url: URL

    /// Names a folder; nothing is created.
    public init(_ url: URL) { self.url = url }

    /// The options as the command line read them.
    public var configuration: URL { url.appendingPathComponent("config.yml") }
    /// The list of the pictures that a run is trained on; of several sources that with the number, from 0.
    public func pictures(of source: Int = 0) -> URL {
        url.appendingPathComponent(source == 0 ? "pictures.csv" : "pictures-\(source + 1).csv")
    }

    /// The lists of pictures that are there.
    public var pictureLists: [URL] {
        (0...).lazy.map(pictures).prefix { FileManager.default.fileExists(atPath: $0.path) }.map { $0 }
    }

    /// What has happened in the run: a line of JSON for each `HistoryEntry`.
    public var history: URL { url.appendingPathComponent("history.jsonl") }
    /// What the doctor found in the run: a line of JSON for each finding, and one for the verdict.
    public var findings: URL { url.appendingPathComponent("doctor.json") }
    /// The curve of the range test that the learning rate is from.
    public var learningRates: URL { url.appendingPathComponent("learning-rate.csv") }
    /// The latest state.
    public var last: URL { url.appendingPathComponent("last.safetensors") }
    /// The state that did best on the validation set.
    public var best: URL { url.appendingPathComponent("best.safetensors") }
    /// The chosen model.
    public var model: URL { url.appendingPathComponent("model.safetensors") }

    /// Whether there is a state to go on from.
    public var hasCheckpoint: Bool { exists(last) }

    /// Whether nothing is in the folder, but what a killed program may have left of a file that it had begun.
    public var isEmpty: Bool {
        ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [])
            .allSatisfy(AtomicFile.isUnfinished)
    }

    /// The file that `evaluate` and `predict` read: the chosen model, else the best state, else the latest.
    ///
    /// A finished run that was given more steps has a model from before them until it has finished again; meanwhile its
    /// best state, or else its latest, is what it would choose.
    ///
    /// - Throws: `TrainingError.noCheckpoint` if there is none.
    public func chosen() throws -> URL {
        guard let file = [model, best, last].first(where: { exists($0) && ($0 != model || !hasGoneOn) })
        else { throw TrainingError.noCheckpoint(folder: url.path) }
        return file
    }

    /// Whether training has gone further than the run that chose the model.
    private var hasGoneOn: Bool {
        guard let chosen = try? CheckpointRecord(reading: model),
            let latest = try? CheckpointRecord(reading: last)
        else { return false }
        return latest.step > chosen.configuration.steps
    }

    /// Makes the folder for a new run.
    ///
    /// - Throws: `TrainingError.runExists` if there is something in it already, `.folder` if it cannot be made.
    public func create() throws {
        try createIfMissing()
        guard isEmpty else { throw TrainingError.runExists(folder: url.path) }
    }

    /// Makes the folder unless it is there.
    ///
    /// - Throws: `TrainingError.folder`.
    package func createIfMissing() throws {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), !isFolder.boolValue {
            throw TrainingError.folder(path: url.path, reason: "there is a file of this name")
        }
        guard makeWithParents(url) else {
            throw TrainingError.folder(path: url.path, reason: String(cString: strerror(errno)))
        }
    }

    /// Makes a folder and those above it. Foundation does so too, but does not always say why it could not.
    private func makeWithParents(_ folder: URL) -> Bool {
        if mkdir(folder.path, 0o777) == 0 { return true }
        let reason = errno
        var status = stat()
        // Another process may have been faster.
        if reason == EEXIST, stat(folder.path, &status) == 0 { return status.st_mode & S_IFMT == S_IFDIR }
        guard reason == ENOENT, folder.pathComponents.count > 1 else {
            errno = reason
            return false
        }
        return makeWithParents(folder.deletingLastPathComponent()) && mkdir(folder.path, 0o777) == 0
    }

    /// Makes the folder, or finds it to go on in, keeps other runs out of it, and writes `config.yml` unless it is there.
    ///
    /// - Throws: `TrainingError.runExists`, `.folder`, `.inUse`; `FormatError` if there is no room for the record: a
    ///   folder that is new is then taken away again.
    func take(resuming: Bool, record: String?) throws -> RunLock {
        let isNew = !exists(url)
        if resuming { try createIfMissing() } else { try create() }
        let lock = try RunLock(url)
        guard let record, !exists(configuration) else { return lock }
        do {
            try AtomicFile.write(record, to: configuration)
        } catch {
            if isNew { rmdir(url.path) }
            throw error
        }
        return lock
    }

    private func exists(_ file: URL) -> Bool { FileManager.default.fileExists(atPath: file.path) }
}
