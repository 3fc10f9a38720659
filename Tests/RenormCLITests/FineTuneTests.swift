import Foundation
import Renorm
import RenormTestSupport
import Testing

/// `renorm finetune` as a user meets it.
@Suite(.serialized)
struct FineTuneTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for (name, classes) in [("four", 4), ("three", 3)] {
            let images = folder.url.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
            try SyntheticImages(training: 120, test: 30, classes: classes).write(to: images)
        }
        let begun = try Program.renorm.run(
            [
                "train", "--data", "idx:four", "--model", "small:0.25", "--norm", "batch", "--batch-size",
                "16", "--validation", "20", "--steps", "20", "--freeze", "conv1", "--mean", "0.4",
                "--deviation", "0.3", "--run", "source",
            ], in: folder.url)
        try #require(begun.exitCode == 0, "\(begun.errors)")
    }

    private func finetune(_ options: [String], command: String = "finetune") throws -> Program.Result {
        try Program.renorm.run([command] + options, in: folder.url)
    }

    private func variables(_ file: String) throws -> [String: NDArray] {
        try VariablesFile(reading: folder.url.appendingPathComponent(file)).arrays
    }

    private func record(_ run: String) throws -> CheckpointRecord {
        try TrainedModel(reading: folder.url.appendingPathComponent("\(run)/model.safetensors")).record
    }

    private let usual = [
        "--from", "source", "--data", "idx:three", "--validation", "20", "--batch-size", "4",
    ]

    /// A head of its own, first alone; the network, its normalization and its preparation are the source's.
    @Test func aRunIsGoneOnFromWithAnotherHead() throws {
        let result = try finetune(
            usual + ["--unfreeze", "head for 6 steps, all", "--steps", "6", "--run", "head", "--log", "json"])
        try #require(result.exitCode == 0, "\(result.errors)")
        #expect(result.errors.contains("3 classes in place of 4. Starts anew: fc.weight, fc.bias."))
        let (before, after) = try (variables("source/best.safetensors"), variables("head/last.safetensors"))
        for (path, value) in before
        where !path.hasPrefix("optimizer.") && !path.hasPrefix("average.") && !path.hasPrefix("fc.") {
            #expect((after[path] == value) == true, "\(path)")
        }
        #expect(after["fc.weight"]?.shape[0] == 3)
        let record = try record("head")
        #expect(record.scaling.mean == [0.4] && record.scaling.deviation == [0.3])
        #expect(record.configuration.architecture?.normalization.kind.word == "batch")
        #expect(record.overrides.isEmpty, "what the source had frozen is open")
        #expect(result.events(named: "stage").isEmpty == false)
        #expect("\(record.configuration.unfreezing)" == "head for 6 steps, all")

        let all = try finetune(usual + ["--unfreeze", "all", "--steps", "6", "--run", "all"])
        try #require(all.exitCode == 0, "\(all.errors)")
        #expect(try variables("all/last.safetensors")["conv1.weight"] != before["conv1.weight"])
    }

    /// Only a head that starts anew is trained alone at first.
    @Test func aHeadThatIsKeptIsNotTrainedAlone() throws {
        let ways = [
            ("new", "idx:three", [], "head for 1 epoch, all"), ("kept", "idx:four", [], "all"),
            ("excepted", "idx:four", ["--init-except", "fc"], "head for 1 epoch, all"),
        ]
        for (run, data, options, expected) in ways {
            let result = try finetune(
                [
                    "--from", "source", "--data", data, "--validation", "20", "--batch-size", "4", "--epochs",
                    "2",
                    "--run", run,
                ] + options)
            try #require(result.exitCode == 0, "\(result.errors)")
            #expect("\(try record(run).configuration.unfreezing)" == expected, "\(run)")
        }
    }

    /// Averages are converted, and the first batches do not erase them.
    @Test func batchRenormalizationGoesOnFromAverages() throws {
        let result = try finetune(
            usual + [
                "--norm", "batch-renorm", "--unfreeze", "all", "--averages", "kept", "--steps", "1", "--run",
                "renorm",
            ])
        try #require(result.exitCode == 0, "\(result.errors)")
        #expect(result.errors.contains("5 normalizations become batch-renorm"))
        let (before, after) = try (
            variables("source/model.safetensors"), variables("renorm/last.safetensors")
        )
        let architecture = try #require(try record("renorm").configuration.architecture)
        #expect(architecture.normalization.kind.word == "batch-renorm")
        #expect(try record("renorm").overrides.isEmpty)
        for layer in 1...5 {
            let variance = try #require(before["bn\(layer).running_var"]).doubles
            let deviation = try #require(after["bn\(layer).running_std"]).doubles
            let gains = try #require(after["bn\(layer).gains"]).doubles
            // One batch of four moves averages by a gain of 0.01 of what they are off, not to where it is.
            for (old, new) in zip(variance, deviation) {
                #expect(abs(new / (old + 1e-5).squareRoot() - 1) < 0.1)
            }
            #expect(gains[0] < 0.05 && gains[3] < 0.05, "\(gains)")
        }
    }

    /// Batch renormalization begins with averages of the new pictures, other kinds with those that the network has.
    @Test func averagesBeginAsThoseOfTheTrainingImages() throws {
        let measured = "averages begin as those of 100 training images"
        let renorm = ["--norm", "batch-renorm"]
        let ways: [(String, [String], Bool)] = [
            ("renorm", renorm, true), ("kept", renorm + ["--averages", "kept"], false),
            ("frozen", renorm + ["--freeze", "conv1"], false),
            ("open", renorm + ["--unfreeze", "last:2"], false),
            ("batch", [], false), ("asked", ["--averages", "measured"], true),
        ]
        for (run, options, isMeasured) in ways {
            let result = try finetune(usual + options + ["--steps", "1", "--run", run])
            try #require(result.exitCode == 0, "\(result.errors)")
            #expect(result.errors.contains(measured) == isMeasured, "\(run): \(result.errors)")
        }
        let none = try finetune(
            usual + ["--norm", "group:4", "--averages", "measured", "--steps", "1", "--run", "group"])
        #expect(none.exitCode == 64 || none.exitCode == 1)
        #expect(none.errors.contains("whose normalizations keep none"), "\(none.errors)")
        let trained = try Program.renorm.run(
            ["train", "--data", "idx:four", "--averages", "kept", "--run", "new"], in: folder.url)
        #expect(trained.errors.contains("--averages: found 'kept' without --from"), "\(trained.errors)")
    }

    /// Killed and gone on with by either command; what config.yml says repeats the run.
    @Test func aRunGoesOnAndIsRepeated() throws {
        let options =
            usual + [
                "--steps", "12", "--unfreeze", "head for 4 steps, last:2 for 4 steps, all",
                "--layer-decay", "0.8", "--ema", "0.2", "--checkpoint-every", "2", "--mixup", "0.2",
                "--class-weights", "balanced", "--warmup", "3", "--patience", "5", "--accumulate", "2",
            ]
        let whole = try finetune(options + ["--run", "whole"])
        try #require(whole.exitCode == 0, "\(whole.errors)")
        #expect(whole.output.contains("stage 2 of 3: last:2"))
        let text = try String(
            contentsOf: folder.url.appendingPathComponent("whole/config.yml"), encoding: .utf8)
        #expect(text.contains("recalibrate: 512") && text.contains("norm: keep"), "\(text)")
        let expected = try variables("whole/last.safetensors")

        let running = try Program.renorm.start(
            ["finetune"] + options + ["--run", "killed", "--log", "json"], in: folder.url)
        #expect(running.waits(for: "\"step\":5"))
        kill(running.process.processIdentifier, SIGKILL)
        _ = running.finish()
        let resumed = try finetune(["--run", "killed", "--resume"], command: "train")
        try #require(resumed.exitCode == 0, "\(resumed.errors)")
        #expect(try (variables("killed/last.safetensors") == expected) == true)

        let repeated = try finetune(["--config", "whole/config.yml", "--run", "again"], command: "train")
        try #require(repeated.exitCode == 0, "\(repeated.errors)")
        #expect(try (variables("again/last.safetensors") == expected) == true)
        let more = try finetune(["--run", "whole", "--resume", "--from", "source"])
        #expect(more.exitCode != 0 && more.errors.contains("--from"))
    }

    @Test(arguments: ["finetune", "train"]) func aLearningRateIsFound(_ command: String) throws {
        let from = command == "finetune" ? ["--from", "source"] : ["--model", "small:0.25"]
        let result = try finetune(
            from + [
                "--data", "idx:three", "--validation", "20", "--batch-size", "4", "--steps", "5",
                "--learning-rate", "auto", "--run", "auto",
            ], command: command)
        try #require(result.exitCode == 0, "\(result.errors)")
        #expect(result.errors.contains("suggests a learning rate of"))
        let text = try String(
            contentsOf: folder.url.appendingPathComponent("auto/config.yml"), encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("learning-rate: ") })
        let rate = try #require(Double(line.dropFirst("learning-rate: ".count)))
        #expect(rate > 0)
        let curve = try String(
            contentsOf: folder.url.appendingPathComponent("auto/learning-rate.csv"), encoding: .utf8)
        #expect(curve.hasPrefix("stage,step,learning_rate,loss,untrained_loss,smoothed_loss\n"))
        let again = try finetune(["--run", "auto", "--resume"], command: command)
        #expect(again.exitCode == 0 && !again.errors.contains("range test"), "\(again.errors)")
    }

    /// From weights without a record, with pictures of other channels and another size.
    @Test func weightsOfOthersAreAdapted() throws {
        var content = NamedArrays()
        let architecture = Architecture(
            name: "small:0.25", classes: 5, input: [12, 12, 3], normalization: Normalization(.batch))
        let model = try architecture.makeModel(seed: 4)
        for (path, variable) in model.variables { content.arrays[path] = variable.value }
        try content.write(safetensors: folder.url.appendingPathComponent("weights.safetensors"))
        let result = try finetune([
            "--from", "weights.safetensors", "--model", "small:0.25", "--data", "idx:three", "--validation",
            "20", "--unfreeze", "head", "--steps", "2", "--batch-size", "2", "--run", "others",
        ])
        try #require(result.exitCode == 0, "\(result.errors)")
        #expect(result.errors.contains("Made for 1 channel of what was for 3: conv1.weight."))
        // A grey picture's answer is that of the same picture in grey colours.
        let weight = try #require(variables("others/model.safetensors")["conv1.weight"]).doubles
        let old = model.variables["conv1.weight"]!.value.doubles
        var sums: [Double] = []
        for start in stride(from: 0, to: old.count, by: 27) {
            for place in start..<start + 9 { sums.append(old[place] + old[place + 9] + old[place + 18]) }
        }
        #expect(zip(weight, sums).allSatisfy { abs($0 - $1) < 1e-6 })
        let unnamed = try finetune([
            "--from", "weights.safetensors", "--data", "idx:three", "--run", "unnamed",
        ])
        #expect(unnamed.exitCode != 0 && unnamed.errors.contains("--model NAME"), "\(unnamed.errors)")
    }

    @Test(arguments: [
        (["--data", "idx:three"], "--from: found no network"),
        (["--from", "nowhere", "--data", "idx:three"], "nowhere"),
        (["--unfreeze", "hat for 1 epoch, all"], "There is no layer 'hat'; expected one of: conv1"),
        (["--unfreeze", "head, all"], "'head' before another stage; expected how long it lasts"),
        (["--unfreeze", "last:9"], "1 to 6, which the network has"),
        (["--init", "source/model.safetensors"], "beside --from"),
        (["--norm", "batchrenorm"], "batchrenorm"),
        (["--limits", "open"], "--limits: found open with --norm keep"),
        (["--layer-decay", "0"], "--layer-decay"), (["--learning-rate", "fast"], "auto or a finite number"),
        (["--recalibrate", "-1"], "--recalibrate"), (["--model", "resnet18"], "--model: found 'resnet18'"),
        (["--freeze", "fc"], "in which nothing is trained"),
    ])
    func whatIsWrongIsSaid(_ options: [String], _ expected: String) throws {
        let isWhole = options.contains("--data")
        let result = try finetune(
            (isWhole ? [] : usual) + options + ["--steps", "4", "--run", "wrong"])
        #expect(result.exitCode != 0)
        #expect(result.errors.contains(expected), "\(result.errors)")
        #expect(!result.errors.contains("Fatal"))
        #expect(!FileManager.default.fileExists(atPath: folder.path("wrong")))
    }

    @Test func keepNeedsANetwork() throws {
        let result = try finetune(["--norm", "keep", "--data", "idx:four", "--run", "k"], command: "train")
        #expect(result.exitCode != 0 && result.errors.contains("--norm: found 'keep' without --from"))
    }

    /// The defaults in the help are the command's own.
    @Test func helpSaysTheDefaultsOfTheCommand() throws {
        let (train, finetune) = try (
            Program.renorm.run(["help", "train"]).output, Program.renorm.run(["help", "finetune"]).output
        )
        #expect(train.contains("Examples a batch. (default: 64)"))
        #expect(finetune.contains("Examples a batch. (default: \(8))"))
    }
}
