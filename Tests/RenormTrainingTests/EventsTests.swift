import Foundation
import Renorm
import Testing

/// The way of events from the training thread to their reader.
@Suite struct EventsTests {
    @Test("a reader that is slow loses nothing, and the run waits for it")
    func slowReader() async throws {
        let steps = TrainingLimits.waitingEvents * 2
        var run = try TinyRun(steps: steps)
        run.configuration.validation = 0
        run.configuration.options.learningRate = .constant(0.01)
        run.test = nil
        let made = Counter()
        run.engine = HookedEngine(after: { step, _ in made.set(step + 1) })
        var iterator = try run.trainer().events.makeAsyncIterator()
        guard case .started = try await iterator.next() else {
            Issue.record("no start")
            return
        }
        while made.value < TrainingLimits.waitingEvents { try await Task.sleep(for: .milliseconds(5)) }
        try await Task.sleep(for: .milliseconds(200))
        // It waits with a step made that it cannot tell of yet.
        #expect(made.value == TrainingLimits.waitingEvents + 1)
        var events: [TrainingEvent] = []
        while let event = try await iterator.next() { events.append(event) }
        #expect(events.steps.map(\.step) == Array(1...steps))
        #expect(events.summary != nil)
        #expect(try await iterator.next() == nil)
    }

    @Test("giving up reading stops the run, with a checkpoint")
    func abandoned() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), steps: 100_000)
        run.configuration.checkpointEvery = 100_000
        run.configuration.evaluateEvery = 100_000
        for try await event in try run.trainer().events {
            if case .step(let report) = event, report.step == 3 { break }
        }
        let deadline = Date(timeIntervalSinceNow: 20)
        while !run.folder!.hasCheckpoint, Date() < deadline { try await Task.sleep(for: .milliseconds(10)) }
        let step = try run.folder!.record(\.last).step
        #expect(step >= 3 && step < 100_000)
    }

    @Test("a task that is cancelled before it reads makes no step, and the run can go on")
    func cancelledBefore() async throws {
        let folder = try TemporaryFolder()
        let run = try TinyRun(folder.appending("run"))
        let trainer = try run.trainer()
        let events = try await Task {
            withUnsafeCurrentTask { $0?.cancel() }
            var events: [TrainingEvent] = []
            for try await event in trainer.events { events.append(event) }
            return events
        }.value
        #expect(events.steps.isEmpty)
        #expect(events.interruption?.step == 0)
        #expect(try await run.finish(resumes: true).steps == 20)
    }

    @Test("run() throws when it is cancelled")
    func cancelledRun() async throws {
        let trainer = try TinyRun(steps: 100_000).trainer()
        let task = Task { try await trainer.run() }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("an evaluation stops when its task is cancelled")
    func cancelledEvaluation() async throws {
        let run = try TinyRun()
        let model = try run.trainer().model
        let data = try TinyData.dataset(20_000)
        let task = Task {
            try await Evaluator(ReferenceEngine(), options: EvaluationOptions(batchSize: 4)).evaluate(
                model, on: data, scaling: InputScaling(of: data))
        }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    private final class Counter: @unchecked Sendable {
        private let lock = NSLock()
        private var count = 0
        var value: Int { lock.withLock { count } }
        func set(_ value: Int) { lock.withLock { count = value } }
    }
}
