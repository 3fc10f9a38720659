import Foundation
import Renorm
// Every file here uses its data and folders.
@_exported import RenormTestSupport

/// The engines that can be had here: oneDNN's only where the library is.
let engines: [any Engine] = [ReferenceEngine()] + ((try? OneDNNEngine(threads: 2)).map { [$0] } ?? [])

extension Engine {
    /// Whether activations may have a precision.
    func canCompute(_ precision: Precision) -> Bool { precision == .f32 || bf16Arithmetic != .none }
}

/// Runs of a very small network on very small images: 120 examples of which 20 are held out, batches of 8, so an epoch
/// has 12 steps and leaves 4 examples out.
struct TinyRun {
    var engine: any Engine = ReferenceEngine()
    var configuration: TrainingConfiguration
    var folder: RunFolder?
    var training: Dataset
    var test: Dataset?
    var overrides: [Override] = []

    init(_ folder: URL? = nil, normalization: Normalization = TinyRun.renorm, steps: Int = 20) throws {
        training = try TinyData.dataset(120)
        test = try TinyData.dataset(30, seed: 2, name: "tiny test")
        self.folder = folder.map { RunFolder($0) }
        configuration = TrainingConfiguration(
            architecture: Architecture(
                name: "small:0.125", classes: 3, input: [8, 8, 1], normalization: normalization),
            options: TrainingOptions(
                optimizer: .sgd(momentum: 0.9),
                learningRate: .cosine(from: 0.1, steps: 20).warmedUp(over: 5), weightDecay: 1e-3,
                labelSmoothing: 0.1, clipNorm: 5),
            steps: steps, batchSize: 8, augmentation: .standard, validation: 20, seed: 7, evaluateEvery: 5,
            checkpointEvery: 4, evaluationBatchSize: 8)
    }

    /// Limits that open from step 4 to step 16.
    static let limits = Limits.ramp(from: 4, rMax: 3, at: 16, dMax: 5, at: 14)
    static let renorm = Normalization(.batchRenorm(.limits(limits)))

    func trainer(resumes: Bool = false) throws -> Trainer {
        var model = try configuration.architecture!.makeModel(seed: configuration.seed)
        model.overrides = overrides
        return Trainer(
            model: model, configuration: configuration, engine: engine, training: training, test: test,
            folder: folder, resumes: resumes)
    }

    /// All events, and the error that ended them.
    func events(resumes: Bool = false) async throws -> (events: [TrainingEvent], error: (any Error)?) {
        var events: [TrainingEvent] = []
        do {
            for try await event in try trainer(resumes: resumes).events { events.append(event) }
        } catch {
            return (events, error)
        }
        return (events, nil)
    }

    /// Runs to the end.
    @discardableResult
    func finish(resumes: Bool = false) async throws -> TrainingSummary {
        try await trainer(resumes: resumes).run()
    }

    /// Runs until the reader knows that a step was made, and cancels the task while the step after it is under way.
    func interrupt(afterStep step: Int, resumes: Bool = false) async throws -> [TrainingEvent] {
        let gate = DispatchSemaphore(value: 0)
        var run = self
        run.engine = HookedEngine(base: engine, before: { now, _ in if now == step { gate.wait() } })
        let trainer = try run.trainer(resumes: resumes)
        return try await Task {
            var events: [TrainingEvent] = []
            for try await event in trainer.events {
                events.append(event)
                if case .step(let report) = event, report.step == step {
                    withUnsafeCurrentTask { $0?.cancel() }
                    // By then the reader has asked for the next event, and with that the run to stop.
                    Thread.detachNewThread {
                        Thread.sleep(forTimeInterval: 0.05)
                        gate.signal()
                    }
                }
            }
            return events
        }.value
    }
}

extension [TrainingEvent] {
    var steps: [StepReport] { compactMap { if case .step(let report) = $0 { report } else { nil } } }
    var skips: [SkipReport] { compactMap { if case .skipped(let report) = $0 { report } else { nil } } }
    var evaluations: [EvaluationReport] {
        compactMap { if case .evaluation(let report) = $0 { report } else { nil } }
    }
    var checkpoints: [CheckpointReport] {
        compactMap { if case .checkpoint(let report) = $0 { report } else { nil } }
    }
    var warnings: [String] { compactMap { if case .warning(let text) = $0 { text } else { nil } } }
    var interruption: Interruption? {
        if case .interrupted(let interruption) = last { interruption } else { nil }
    }
    var summary: TrainingSummary? { if case .finished(let summary) = last { summary } else { nil } }
}

extension RunFolder {
    /// The arrays of a file in the folder.
    func arrays(_ file: KeyPath<RunFolder, URL>) throws -> [String: NDArray] {
        try VariablesFile(reading: self[keyPath: file]).arrays
    }

    func record(_ file: KeyPath<RunFolder, URL>) throws -> CheckpointRecord {
        try TrainedModel(reading: self[keyPath: file]).record
    }
}
