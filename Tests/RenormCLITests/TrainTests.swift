import Foundation
import Testing

/// `renorm train` as a user runs it, on small images.
@Suite(.serialized)
struct TrainTests {
    let folder: TemporaryFolder
    let data: String

    init() throws {
        folder = try TemporaryFolder()
        let images = folder.url.appendingPathComponent("images")
        try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
        try SyntheticImages().write(to: images)
        data = "idx:\(images.path)"
    }

    func arguments(_ run: String, steps: Int = 40, data: String? = nil) -> [String] {
        [
            "train", "--data", data ?? self.data, "--model", "small:0.25", "--batch-size", "16", "--steps",
            "\(steps)",
            "--validation", "40", "--learning-rate", "0.05", "--evaluate-every", "10", "--checkpoint-every",
            "7",
            "--ema", "0.05", "--augment", "standard", "--log", "json", "--threads", "1", "--run",
            folder.path(run),
        ]
    }

    func model(_ run: String) throws -> Data {
        try Data(
            contentsOf: URL(fileURLWithPath: folder.path(run)).appendingPathComponent("model.safetensors"))
    }

    @Test func aRunPrintsItsStepsAndOneTestEvaluation() throws {
        let result = try Program.renorm.run(arguments("a"))
        #expect(result.exitCode == 0, "\(result.errors)")
        let steps = result.events(named: "step")
        #expect(steps.compactMap { $0["step"] as? Int } == Array(1...40))
        let losses = steps.compactMap { $0["loss"] as? Double }
        #expect(losses.count == 40)
        let (first, last) = (losses.prefix(5).reduce(0, +), losses.suffix(5).reduce(0, +))
        #expect(last < 0.85 * first)
        #expect(result.evaluations(of: "validation").count == 4)
        // Each normalization's gains come along.
        let gains = try #require(
            result.evaluations(of: "validation").last?["normalizations"] as? [[String: Any]])
        #expect(gains.compactMap { $0["path"] as? String } == ["bn1", "bn2", "bn3", "bn4", "bn5"])
        #expect(gains.compactMap { $0["mean"] as? Double }.allSatisfy { (0.002...1).contains($0) })
        let test = result.evaluations(of: "test")
        #expect(test.count == 1)
        #expect(test.first?["examples"] as? Int == 50)
        let accuracy = try #require(test.first?["accuracy"] as? Double)
        #expect(accuracy > 0.5)
        #expect(test.first?["loss"] is Double)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path("a")).sorted()
        #expect(
            files == [
                "best.safetensors", "config.yml", "history.jsonl", "last.safetensors", "model.safetensors",
            ])
    }

    @Test func aKilledRunGoesOnToTheSameBits() throws {
        try #require(try Program.renorm.run(arguments("whole", steps: 200)).exitCode == 0)
        for moment in [1, 9, 60, 111] {
            let run = "killed \(moment)"
            let running = try Program.renorm.start(arguments(run, steps: 200))
            try #require(running.waits(for: "\"step\":\(moment)}"))
            kill(running.process.processIdentifier, SIGKILL)
            _ = running.finish()
            let resumed = try Program.renorm.run(arguments(run, steps: 200) + ["--resume"])
            #expect(resumed.exitCode == 0, "\(resumed.errors)")
            #expect(try model(run) == model("whole"), "killed at step \(moment)")
        }
    }

    @Test func accumulatedBatchesAreOneStep() throws {
        // Automatic limits filter the groups of a batch one after another, accumulated batches each from the same averages.
        let ramp = ["--limits", "ramp"]
        let small = arguments("small batches", steps: 20) + ["--batch-size", "8", "--accumulate", "2"] + ramp
        let accumulated = try Program.renorm.run(small)
        #expect(accumulated.exitCode == 0, "\(accumulated.errors)")
        let grouped = try Program.renorm.run(
            arguments("groups", steps: 20) + ["--norm-examples", "8"] + ramp)
        func losses(_ result: Program.Result) -> [Double] {
            result.events(named: "step").compactMap { $0["loss"] as? Double }
        }
        #expect(losses(accumulated).count == 20)
        for (a, b) in zip(losses(accumulated), losses(grouped)).prefix(5) { #expect(abs(a - b) < 1e-3 * b) }
        let saved = try String(contentsOfFile: folder.path("small batches/config.yml"), encoding: .utf8)
        #expect(saved.contains("accumulate: 2"))
        let refused = try Program.renorm.run([
            "train", "--run", folder.path("small batches"), "--resume", "--accumulate", "4",
        ])
        #expect(refused.errors.contains("accumulation: saved 2, given 4"), "\(refused.errors)")

        let running = try Program.renorm.start(
            arguments("killed small", steps: 20) + ["--batch-size", "8", "--accumulate", "2"] + ramp)
        try #require(running.waits(for: "\"step\":9}"))
        kill(running.process.processIdentifier, SIGKILL)
        _ = running.finish()
        let resumed = try Program.renorm.run([
            "train", "--run", folder.path("killed small"), "--resume", "--log", "json",
        ])
        #expect(resumed.exitCode == 0, "\(resumed.errors)")
        #expect(try model("killed small") == model("small batches"))
    }

    /// Where the processor multiplies bf16 it trains nearly as f32 does; a processor that does not (as oneDNN can be made
    /// to believe) refuses, and nothing is written.
    @Test func precisionIsAnOption() throws {
        func losses(_ run: String, _ more: [String]) throws -> [Double]? {
            let result = try Program.renorm.run(arguments(run, steps: 20) + more)
            guard result.exitCode == 0 else {
                #expect(result.errors.contains("bf16"), "\(result.errors)")
                return nil
            }
            return result.events(named: "step").compactMap { $0["loss"] as? Double }
        }
        let exact = try #require(try losses("exact", []))
        if let rounded = try losses("rounded", ["--precision", "bf16"]) {
            #expect(rounded != exact)
            for (a, b) in zip(rounded, exact).prefix(5) { #expect(abs(a - b) < 0.05 * b) }
            let saved = try String(contentsOfFile: folder.path("rounded/config.yml"), encoding: .utf8)
            #expect(saved.contains("precision: bf16"))
        }
        let refused = try Program.renorm.run(
            arguments("refused", steps: 2) + ["--precision", "bf16"],
            shellPrefix: "export ONEDNN_MAX_CPU_ISA=AVX2")
        #expect(refused.exitCode != 0 && refused.errors.contains("bf16"), "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("refused")))
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func aSignalSavesAndSaysHowToGoOn(signal: Int32) throws {
        let run = "signal \(signal)"
        let running = try Program.renorm.start(arguments(run, steps: 4000))
        try #require(running.waits(for: "\"step\":20}"))
        kill(running.process.processIdentifier, signal)
        let result = running.finish()
        #expect(result.exitCode == 128 + signal)
        #expect(result.events(named: "interrupted").count == 1)
        // The run's own config.yml is enough to go on from.
        let step = try #require(result.events(named: "interrupted").first?["step"] as? Int)
        let again = try Program.renorm.start([
            "train", "--run", folder.path(run), "--resume", "--log", "json",
        ])
        #expect(again.waits(for: "\"step\":\(step + 1)}"))
        kill(again.process.processIdentifier, SIGKILL)
        _ = again.finish()
    }

    @Test func resumingWithAnotherOptionIsRefusedByName() throws {
        try #require(try Program.renorm.run(arguments("b", steps: 14)).exitCode == 0)
        let before = try Data(contentsOf: URL(fileURLWithPath: folder.path("b/last.safetensors")))
        let result = try Program.renorm.run([
            "train", "--run", folder.path("b"), "--resume", "--batch-size", "8",
        ])
        #expect(result.exitCode != 0)
        #expect(result.errors.contains("batch"), "\(result.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path("b/last.safetensors"))) == before)
    }

    @Test func anExistingRunIsNotOverwritten() throws {
        try #require(try Program.renorm.run(arguments("c", steps: 7)).exitCode == 0)
        let before = try model("c")
        let result = try Program.renorm.run(arguments("c", steps: 7))
        #expect(result.exitCode != 0)
        #expect(result.errors.contains("--resume"), "\(result.errors)")
        #expect(try model("c") == before)
    }

    @Test func resumingBeforeTheFirstCheckpointStartsAnew() throws {
        let result = try Program.renorm.run(arguments("d", steps: 7) + ["--resume"])
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(result.events(named: "started-anew").count == 1)
    }

    @Test func aConfigurationFileHoldsOptionsAndTheCommandLineWins() throws {
        let file = folder.path("options.yml")
        try "norm: group:2\nsteps: 5\nnesterov: true\n".write(toFile: file, atomically: true, encoding: .utf8)
        let result = try Program.renorm.run(
            [
                "train", "--config", file, "--data", data, "--model", "small:0.25", "--validation", "20",
                "--steps",
                "3", "--log", "json", "--run", folder.path("e"),
            ])
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(result.events(named: "step").count == 3)
        let saved = try String(contentsOfFile: folder.path("e/config.yml"), encoding: .utf8)
        for line in ["norm: group:2", "steps: 3", "nesterov: true", "instruction-set:", "engine-threads:"] {
            #expect(saved.contains(line), "\(saved)")
        }
        // And the saved file repeats the run.
        let again = try Program.renorm.run(
            ["train", "--config", folder.path("e/config.yml"), "--log", "json", "--run", folder.path("f")])
        #expect(again.exitCode == 0, "\(again.errors)")
        #expect(try model("e") == model("f"))
    }

    @Test func evaluateAndPredictUseWhatTheRunSaved() throws {
        let trained = try Program.renorm.run(arguments("g"))
        let inRun = try #require(trained.evaluations(of: "test").first)
        let evaluated = try Program.renorm.run(
            ["evaluate", folder.path("g"), "--data", data, "--log", "json", "--threads", "1"])
        #expect(evaluated.exitCode == 0, "\(evaluated.errors)")
        let result = try #require(evaluated.events(named: "evaluation").first)
        let (again, then) = (result["accuracy"] as? Double, inRun["accuracy"] as? Double)
        #expect(again == then)
        let byBatch = try Program.renorm.run(
            [
                "evaluate", folder.path("g"), "--data", data, "--statistics", "batch", "--norm-examples", "4",
                "--log", "json",
            ])
        #expect(byBatch.events(named: "evaluation").first?["examples"] as? Int == 50, "\(byBatch.errors)")
        let needless = try Program.renorm.run([
            "evaluate", folder.path("g"), "--data", data, "--norm-examples", "4",
        ])
        #expect(
            needless.exitCode != 0 && needless.errors.contains("expected --statistics batch"),
            "\(needless.errors)")
        let images = folder.path("images/t10k-images-idx3-ubyte")
        let predicted = try Program.renorm.run([
            "predict", folder.path("g"), images, "--log", "json", "--top", "1",
        ])
        #expect(predicted.events(named: "prediction").count == 50, "\(predicted.errors)")
    }

    @Test func sourcesAreTrainedOnAndEvaluatedTogether() throws {
        let images = folder.url.appendingPathComponent("other images")
        try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
        try SyntheticImages(test: 30, shade: 80).write(to: images)
        let both = ["--data", data, "--data", "idx:\(images.path)"]
        let trained = try Program.renorm.run(
            arguments("two") + both.suffix(2) + ["--sampling", "source-blocks:2"])
        let inRun = try #require(trained.evaluations(of: "test").first, "\(trained.errors)")
        func evaluate(_ more: [String]) throws -> [String: Any] {
            let result = try Program.renorm.run(
                ["evaluate", folder.path("two"), "--log", "json", "--threads", "1"] + more)
            return try #require(result.events(named: "evaluation").first, "\(result.errors)")
        }
        let together = try evaluate(both)
        #expect(together["examples"] as? Int == 80)
        let accuracy = try #require(together["accuracy"] as? Double)
        #expect(inRun["accuracy"] as? Double == accuracy)
        let parts = try [Array(both.prefix(2)), Array(both.suffix(2))].map {
            try #require(try evaluate($0)["accuracy"] as? Double)
        }
        #expect(abs(80 * accuracy - (50 * parts[0] + 30 * parts[1])) < 1e-9)
        // Batches of one source each.
        let inTurn = try evaluate(
            both + ["--statistics", "batch", "--sampling", "source-blocks:1", "--batch-size", "10"])
        #expect(inTurn["examples"] as? Int == 80)
    }

    @Test func aFileForOtherClassesIsStartedFromWithoutItsClassifier() throws {
        try #require(try Program.renorm.run(arguments("four", steps: 5)).exitCode == 0)
        let images = folder.url.appendingPathComponent("three classes")
        try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
        try SyntheticImages(classes: 3).write(to: images)
        let file = folder.path("four/model.safetensors")
        func train(_ run: String, _ more: [String]) throws -> Program.Result {
            try Program.renorm.run(
                arguments(run, steps: 5, data: "idx:\(images.path)") + ["--init", file] + more)
        }
        let refused = try train("refused", [])
        #expect(refused.exitCode != 0)
        #expect(refused.errors.contains("--init-except fc"), "\(refused.errors)")
        let unknown = try train("unknown", ["--init-except", "head"])
        #expect(unknown.errors.contains("matches nothing"), "\(unknown.errors)")
        let begun = try train("begun", ["--init-except", "fc"])
        #expect(begun.exitCode == 0, "\(begun.errors)")
        let saved = try String(contentsOfFile: folder.path("begun/config.yml"), encoding: .utf8)
        #expect(saved.contains("init-except: fc"))
    }

    @Test func aBatchThatIsNotFiniteIsNamedAndNothingIsLost() throws {
        let result = try Program.renorm.run(arguments("h", steps: 20) + ["--learning-rate", "1e30"])
        #expect(result.exitCode == 1)
        #expect(result.errors.contains("not finite"), "\(result.errors)")
        #expect(FileManager.default.fileExists(atPath: folder.path("h/last.safetensors")))
    }
}
