import Foundation
import Testing

/// `renorm compare`, run as a user runs it.
@Suite(.serialized)
struct CompareTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SyntheticImages().write(to: folder.url)
    }

    private func arguments(_ more: [String], seeds: Int = 2) -> [String] {
        [
            "compare", "--data", "idx:\(folder.url.path)", "--model", "small:0.25", "--batch-size", "16",
            "--held-out", "40", "--steps", "5", "--seeds", "\(seeds)", "--run", folder.path("run"),
        ] + more
    }

    @Test func goesOnWhereItWas() throws {
        let chosen = [
            "--norm", "batch", "--norm", "A: batch-renorm", "--setting", "fours: shuffled examples=4",
        ]
        let first = try Program.renorm.run(arguments(chosen))
        #expect(first.exitCode == 0, "\(first.errors)")
        #expect(first.output.contains("4 runs of 5 steps") && first.output.contains("A"))
        for file in ["runs.jsonl", "results.csv", "results.json", "report.html"] {
            #expect(FileManager.default.fileExists(atPath: folder.path("run/\(file)")), "\(file)")
        }
        func lines() throws -> [Substring] {
            try String(contentsOfFile: folder.path("run/runs.jsonl"), encoding: .utf8).split(separator: "\n")
        }
        let made = try lines()
        #expect(made.count == 5)
        // More of it: what is there stays as it is.
        let second = try Program.renorm.run(arguments(chosen + ["--norm", "layer"]))
        #expect(second.exitCode == 0 && second.output.contains("4 are there already"), "\(second.output)")
        #expect(try lines().prefix(5) == made[...] && lines().count == 7)
    }

    @Test func anInterruptionLosesNoFinishedRun() throws {
        let chosen = ["--norm", "batch", "--norm", "batch-renorm"]
        let running = try Program.renorm.start(arguments(chosen, seeds: 40))
        #expect(running.waits(for: "seed 1"))
        running.process.interrupt()
        let result = running.finish()
        #expect(result.exitCode == 130 && result.output.contains("goes on"), "\(result.output)")
        let text = try String(contentsOfFile: folder.path("run/runs.jsonl"), encoding: .utf8)
        #expect(text.split(separator: "\n").count >= 3)
        #expect(FileManager.default.fileExists(atPath: folder.path("run/report.html")))
    }

    @Test(arguments: [
        (["--norm", "bn"], "batch-renorm"), (["--norm", "batch", "--norm", "batch"], "twice"),
        (["--setting", "shuffled examples=5"], "divisor"), (["--setting", "random"], "label-blocks"),
        (["--held-out", "100000"], "100000"), (["--seeds", "0"], "--seeds"),
        (["--setting", "label-blocks:3x5 examples=16"], "15"), (["--model", "resnet19"], "resnet18"),
        (["--batch-size", "1000"], "1000"), (["--norm", "group:7"], "7"),
        (["--first-seed", "18446744073709551615"], "--first-seed"),
        (["--steps", "5000000000000000000"], "16777216"),
    ])
    func optionsAreChecked(more: [String], expected: String) throws {
        let result = try Program.renorm.run(arguments(more))
        #expect(result.exitCode != 0)
        #expect(result.errors.contains(expected), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("run")))
    }
}
