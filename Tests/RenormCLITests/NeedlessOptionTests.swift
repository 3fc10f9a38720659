import Foundation
import Testing

/// An option that has no effect is refused by name on the command line, and said if it comes from a file.
@Suite(.serialized)
struct NeedlessOptionTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SyntheticImages().write(to: folder.url)
    }

    private func train(_ more: [String], run: String = "run") throws -> Program.Result {
        try Program.renorm.run(
            [
                "train", "--data", "idx:\(folder.url.path)", "--model", "small:0.25", "--validation", "20",
                "--batch-size", "16", "--steps", "4", "--schedule", "constant", "--run", folder.path(run),
            ] + more)
    }

    /// Options of which the first has no effect, and what would give it one.
    static let needless: [([String], String)] = [
        (["--limits", "ramp", "--norm", "batch"], "batch-renorm"),
        (["--limits", "auto", "--norm", "batch"], "batch-renorm"),
        (["--limits", "closed", "--norm", "none"], "batch-renorm"),
        (["--averaging-rate", "0.1", "--norm", "layer"], "batch or batch-renorm"),
        (["--averaging-rate", "0.1", "--norm", "frozen"], "batch or batch-renorm"),
        (["--averaging-rate", "0.1", "--norm", "batch-renorm"], "--limits ramp"),
        (["--norm-examples", "4", "--norm", "group:2"], "batch or batch-renorm"),
        (["--stem", "imagenet"], "ResNet"),
        (["--momentum", "0.5", "--optimizer", "adamw"], "sgd or rmsprop"),
        (["--nesterov", "--optimizer", "rmsprop"], "sgd"), (["--nesterov", "--momentum", "0"], "momentum"),
        (["--warmup", "5"], "at most 4"), (["--evaluate-every", "2", "--validation", "0"], "held-out"),
        (["--patience", "2", "--validation", "0"], "held-out"),
        (["--mixup", "0.2", "--batch-size", "1"], "larger batches"),
        (["--threads", "2", "--engine", "reference"], "onednn"),
        (["--convolution", "winograd", "--engine", "reference"], "onednn"),
        (["--sampling", "source-blocks:2"], "several --data"), (["--sampling", "sorted-batches"], "groups"),
        (["--sampling", "sorted-batches:any-order"], "groups"),
        (["--sampling", "sorted-batches", "--norm", "layer", "--accumulate", "2"], "groups"),
    ]

    @Test(arguments: needless)
    func trainRefusesIt(arguments: [String], expected: String) throws {
        let result = try train(arguments)
        #expect(result.exitCode == 1)
        #expect(result.errors.contains("\(arguments[0]): found"), "\(result.errors)")
        #expect(result.errors.contains("expected") && result.errors.contains(expected), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("run")))
    }

    /// Options that are off, or that do have an effect.
    @Test(arguments: [
        ["--no-nesterov", "--optimizer", "adamw"], ["--warmup", "4"],
        ["--norm", "layer", "--accumulate", "1"],
        ["--norm", "batch", "--averaging-rate", "0.3", "--norm-examples", "4"],
        ["--convolution", "direct", "--engine", "reference"],
        ["--convolution", "auto", "--engine", "reference"],
        ["--limits", "ramp", "--averaging-rate", "0.3"], ["--threads", "1", "--engine", "reference"],
        ["--sampling", "sorted-batches", "--norm-examples", "4"], ["--evaluate-every", "9"],
        ["--sampling", "sorted-batches", "--batch-size", "8", "--accumulate", "2"],
    ])
    func trainTakesWhatHasAnEffect(arguments: [String]) throws {
        let result = try train(arguments)
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(!result.output.contains("warning: --"), "\(result.output)")
    }

    @Test func whatComesFromAFileIsSaidOnce() throws {
        let file = folder.path("options.yml")
        try "limits: open\naveraging-rate: 0.3\nwarmup: 9\n".write(
            toFile: file, atomically: true, encoding: .utf8)
        let result = try train(["--norm", "layer", "--config", file])
        #expect(result.exitCode == 0, "\(result.errors)")
        for option in ["--limits", "--averaging-rate", "--warmup"] {
            #expect(result.output.contains("warning: \(option): found"), "\(result.output)")
        }
        let resumed = try Program.renorm.run(
            ["train", "--run", folder.path("run"), "--resume", "--steps", "6"])
        #expect(resumed.exitCode == 0 && !resumed.output.contains("warning: --"), "\(resumed)")
    }

    @Test func whatACheckpointReplacesIsRefused() throws {
        try #require(try train([]).exitCode == 0)
        let result = try Program.renorm.run([
            "train", "--run", folder.path("run"), "--resume", "--steps", "6", "--init",
            folder.path("run/model.safetensors"),
        ])
        #expect(result.exitCode == 1 && result.errors.contains("--init: found"), "\(result.errors)")
    }

    @Test func otherCommandsKeepTheRule() throws {
        try #require(try train([]).exitCode == 0)
        try #require(try train(["--norm", "layer"], run: "layer").exitCode == 0)
        let run = folder.path("run")
        for (arguments, option) in [
            (["evaluate", run, "--sampling", "shuffled"], "--sampling"),
            (["evaluate", run, "--seed", "3"], "--seed"),
            (["evaluate", run, "--statistics", "batch", "--sampling", "sorted", "--seed", "3"], "--seed"),
            (["evaluate", run, "--label-offset", "1"], "--label-offset"),
            (["evaluate", run, "--engine", "reference", "--threads", "2"], "--threads"),
            (["evaluate", run, "--engine", "reference", "--convolution", "winograd"], "--convolution"),
            (
                [
                    "evaluate", run, "--data", "idx:\(folder.url.path)", "--statistics", "batch",
                    "--sampling",
                    "source-blocks:1",
                ], "--sampling"
            ),
            (["predict", run, "x.png", "--engine", "reference", "--threads", "2"], "--threads"),
            (
                ["predict", run, "x.png", "--engine", "reference", "--convolution", "winograd"],
                "--convolution"
            ),
            (["describe", "--norm", "layer", "--norm-examples", "2"], "--norm-examples"),
            (["describe", "--model", "small", "--stem", "cifar"], "--stem"),
            (
                [
                    "compare", "--run", folder.path("c"), "--setting", "shuffled batch=8", "--batch-size",
                    "8",
                ], "--batch-size"
            ),
            (["compare", "--run", folder.path("c"), "--engine", "reference", "--threads", "2"], "--threads"),
        ] {
            let result = try Program.renorm.run(arguments)
            #expect(result.exitCode == 1 && result.output.isEmpty, "\(arguments)")
            #expect(result.errors.contains("\(option): found"), "\(arguments): \(result.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path("c")))
        // What depends on the network of a run is said; the result is as asked for.
        for (arguments, option) in [
            (["evaluate", folder.path("layer"), "--statistics", "batch"], "--statistics"),
            (
                ["evaluate", run, "--statistics", "batch", "--sampling", "sorted-batches:any-order"],
                "--sampling"
            ),
        ] {
            let result = try Program.renorm.run(arguments)
            #expect(result.exitCode == 0 && result.output.contains("test images"), "\(result.errors)")
            #expect(result.errors.contains("warning: \(option): found"), "\(result.errors)")
        }
    }

    /// A setting is measured with every normalization, so it makes its row of the table.
    @Test func aSettingThatIsLikeAnotherIsSaid() throws {
        let result = try Program.renorm.run([
            "compare", "--data", "idx:\(folder.url.path)", "--model", "small:0.25", "--batch-size", "16",
            "--held-out", "40", "--steps", "3", "--seeds", "1", "--run", folder.path("c"), "--setting",
            "sorted-batches",
        ])
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(result.errors.contains("warning: --setting: found sorted-batches"), "\(result.errors)")
    }
}
