import Foundation
import Renorm
import Testing

/// What a run's folder says of what has happened in it.
@Suite struct HistoryTests {
    @Test func itHasEveryStepOnceHoweverOftenARunIsKilled() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        for step in [6, 11, 18] {
            run.engine = HookedEngine.dying(atStep: step)
            _ = try await run.events(resumes: step != 6)
        }
        run.engine = ReferenceEngine()
        let (last, error) = try await run.events(resumes: true)
        #expect(error == nil)
        let history = try RunHistory(reading: run.folder!)
        #expect(history.stretches.map(\.step) == Array(1...20))
        #expect(history.evaluations(on: .validation).map(\.step) == [5, 10, 15, 20])
        #expect(history.evaluations(on: .test).count == 1)
        #expect(history.session?.steps == 20 && history.session?.examplesPerStep == 8)
        // The same numbers as the events.
        for report in last.steps {
            let stretch = try #require(history.stretches.first { $0.step == report.step }?.stretch)
            #expect(stretch.loss == report.loss && stretch.gradientNorm == report.gradientNorm)
            #expect(stretch.normalization["r_max"] == report.normalization["r_max"])
        }
        guard case .finished = history.entries.last?.event else {
            Issue.record("\(history.entries.last as Any)")
            return
        }
        // And the same curve as a run that was not killed.
        var whole = run
        whole.folder = RunFolder(folder.appending("whole"))
        try await whole.finish()
        let other = try RunHistory(reading: whole.folder!)
        #expect(other.stretches.map(\.stretch.loss) == history.stretches.map(\.stretch.loss))
    }

    @Test func longRunsAreSummedUp() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), steps: 20)
        run.configuration.steps = 1100
        run.engine = HookedEngine.dying(atStep: 12)
        let (events, _) = try await run.events()
        let history = try RunHistory(reading: run.folder!)
        // 1,100 steps in some 500 entries are three an entry, but what is saved ends one.
        #expect(history.stretches.map(\.step) == [3, 4, 5, 6, 8, 9, 10, 12])
        #expect(history.stretches.map(\.stretch.steps) == [3, 1, 1, 1, 2, 1, 1, 2])
        let mean = events.steps.prefix(3).reduce(0) { $0 + $1.loss } / 3
        #expect(abs(history.stretches[0].stretch.loss - mean) < 1e-12)
    }

    @Test func aLineThatWasBegunIsLeftOut() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.engine = HookedEngine.dying(atStep: 9)
        _ = try await run.events()
        let file = run.folder!.history
        let before = try RunHistory(reading: run.folder!)
        let handle = try FileHandle(forWritingTo: file)
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"event\":\"steps\",\"st".utf8))
        try handle.close()
        #expect(try RunHistory(reading: run.folder!) == before)
        run.engine = ReferenceEngine()
        try await run.finish(resumes: true)
        #expect(try RunHistory(reading: run.folder!).stretches.map(\.step) == Array(1...20))
    }

    @Test(arguments: [
        "{}", "[]", "nonsense", "{\"event\":\"steps\",\"step\":1,\"time\":1}",
        "{\"event\":\"dance\",\"step\":1,\"time\":1}",
        "{\"event\":\"warning\",\"message\":\"a\",\"step\":-1,\"time\":1}",
    ])
    func whatIsNoLineIsNamed(_ line: String) throws {
        let folder = RunFolder(try TemporaryFolder().url.appendingPathComponent("run"))
        try FileManager.default.createDirectory(at: folder.url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder.url) }
        let good = "{\"event\":\"warning\",\"message\":\"a\",\"step\":1,\"time\":1}"
        try Data("\(good)\n\(line)\n".utf8).write(to: folder.history)
        let error = #expect(throws: TrainingError.self) { try RunHistory(reading: folder) }
        #expect("\(error as Any)".contains("line 2"))
    }

    @Test func runsOfEarlierVersionsHaveNone() throws {
        #expect(try RunHistory(reading: RunFolder(URL(fileURLWithPath: "/nowhere"))).entries.isEmpty)
    }
}
