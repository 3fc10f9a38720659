import Foundation
import RenormCLI
import Testing

/// Every option is declared once; command line, help, files and what happens when a run goes on agree about it.
@Suite(.serialized)
struct OptionTableTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func options(_ command: String) throws -> [OptionDefinition] {
        try #require(commandTables.first { $0.name == command }?.options)
    }

    private var recorded: [OptionDefinition] {
        get throws { try options("train").filter(\.isInFiles) }
    }

    // MARK: The command line

    /// What the parser knows, by its own account.
    @Test func theTableIsTheCommandLine() throws {
        let dump = try Program.renorm.run(["--experimental-dump-help"])
        let tool = try JSONSerialization.jsonObject(with: Data(dump.output.utf8)) as? [String: Any]
        let commands = (tool?["command"] as? [String: Any])?["subcommands"] as? [[String: Any]] ?? []
        #expect(
            commandTables.map(\.name) == [
                "train", "finetune", "compare", "evaluate", "predict", "describe", "convert", "adapt",
                "export", "stream", "doctor", "recalibrate", "report",
            ])
        for (name, options) in commandTables {
            let command = try #require(commands.first { $0["commandName"] as? String == name })
            var known: [String: String] = [:]
            for argument in command["arguments"] as? [[String: Any]] ?? [] {
                guard argument["kind"] as? String != "positional" else { continue }
                for spelling in argument["names"] as? [[String: Any]] ?? [] {
                    let option = try #require(spelling["name"] as? String)
                    if ["help", "version", "h"].contains(option) || option.hasPrefix("no-") { continue }
                    #expect(known[option] == nil, "\(name) --\(option) twice")
                    known[option] = argument["abstract"] as? String
                }
            }
            #expect(Set(options.map(\.name)) == Set(known.keys), "\(name)")
            #expect(options.count == known.count, "\(name) has an option twice")
            for option in options {
                // Other tests of this process add sources of data and networks, which its help lists.
                let help =
                    switch option.name {
                    case "data" where option.help.hasPrefix("Images: "): "Images: fashion-mnist, "
                    case "data": String(option.help.prefix { $0 != "," })
                    case "model":
                        String(option.help.prefix(upTo: option.help.firstRange(of: "small")!.upperBound))
                    default: option.help
                    }
                #expect(
                    !help.isEmpty && known[option.name]?.hasPrefix(help) == true,
                    "\(name) --\(option.name)")
            }
        }
    }

    @Test func whatSaysWhereAndHowACallRunsIsInNoFile() throws {
        for (name, options) in commandTables {
            let alone = Set(options.filter { !$0.isInFiles }.map(\.name))
            #expect(
                alone.isSubset(
                    of: [
                        "run", "resume", "config", "log", "output", "input", "pictures", "measure", "state",
                    ] + (name == "adapt" ? ["data"] : []) + (name == "report" ? ["tensorboard"] : [])),
                "\(name)")
            #expect(alone.contains("config"))
        }
    }

    @Test func valuesMayBeginWithADash() throws {
        try SyntheticImages().write(to: folder.url)
        let result = try Program.renorm.run(
            [
                "train", "--data", "idx:.", "--model", "small:0.25", "--validation", "20", "--steps", "2",
                "--run", "-x",
            ], in: folder.url)
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(FileManager.default.fileExists(atPath: folder.path("-x/model.safetensors")))
        // What is an option is never a value.
        let missing = try Program.renorm.run(["train", "--run", "--resume"], in: folder.url)
        #expect(missing.exitCode != 0 && missing.errors.contains("Missing value for '--run"))
    }

    // MARK: config.yml

    /// A value for each option of `train` that is recorded, none of them what the others here begin with.
    static let values: [String: String?] = [
        "columns": "path=file,label=breed", "source-level": "1", "skip-broken": nil, "check-images": nil,
        "max-pixels": "1000", "size": "32x48", "resize": "letterbox", "interpolation": "bicubic",
        "channels": "1", "background": "black", "mean": "0.4", "deviation": "0.3", "cache": "memory",
        "cache-budget": "5MiB", "data": "idx:/a folder/b", "classes": "6", "label-offset": "1",
        "model": "small:0.5",
        "stem": "imagenet", "norm": "batch", "norm-examples": "8", "averaging-rate": "0.2",
        "limits": "closed", "init": "/a/b c.safetensors", "init-except": "fc,layer4.*",
        "from": "/a/run", "unfreeze": "head for 1 epoch, all", "layer-decay": "0.8", "recalibrate": "32",
        "averages": "measured",
        "statistics-by": "source",
        "freeze": "first:2", "freeze-parameters": "conv1,layer*", "freeze-statistics": "**.bn1",
        "batch-size": "8",
        "accumulate": "2", "epochs": "1", "steps": "6", "sampling": "label-blocks:4x4",
        "class-weights": "balanced",
        "augment": "standard", "mixup": "0.2", "cutmix": "1", "validation": "30", "optimizer": "adamw",
        "learning-rate": "0.05",
        "schedule": "cosine", "warmup": "2", "momentum": "0.5", "nesterov": nil, "weight-decay": "0.1",
        "clip-norm": "1.5", "label-smoothing": "0.1", "ema": "0.1", "precision": "bf16",
        "evaluation-precision": "f32",
        "memory": "small", "recompute": nil, "on-non-finite": "skip", "evaluate-every": "2", "patience": "3",
        "checkpoint-every": "2", "seed": "5", "workers": "2", "threads": "2", "engine": "reference",
        "convolution": "winograd", "watch": "2", "tensorboard": nil, "freeze-statistics-from": "3",
    ]

    private func arguments(_ option: OptionDefinition, _ value: String?) -> [String] {
        ["--\(option.name)"] + (value.map { [$0] } ?? [])
    }

    @Test func everyRecordedOptionComesBack() throws {
        #expect(try Set(recorded.map(\.name)) == Set(Self.values.keys))
        let file = folder.path("config.yml")
        for option in try recorded {
            let value = try #require(Self.values[option.name])
            var given = arguments(option, value) + ["--run", "r"]
            if option.name == "init-except" { given += ["--init", "x"] }
            if option.name == "averages" { given += ["--from", "x"] }
            let text = try configurationText(given)
            let lines = text.split(separator: "\n")
            let written = lines.first { $0.hasPrefix("\(option.name):") }
            let line = option.isList ? lines.first { $0.hasPrefix("  - ") } : written
            #expect(
                line.map { $0.contains(value ?? "true") } == true, "\(option.name): \(written ?? "nothing")")
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            #expect(try configurationText(["--run", "r", "--config", file]) == text, "\(option.name)")
            // The command line counts more.
            let other = option.form == .flag ? ["--no-\(option.name)"] : arguments(option, value)
            let again = try configurationText(["--run", "r", "--config", file] + other)
            #expect((again == text) == (option.form != .flag), "\(option.name)")
        }
    }

    // MARK: Going on

    /// An option that may change can be changed when a run goes on; every other is refused by its name.
    @Test func whatMayChangeCanBeChangedAndNothingElse() throws {
        for (name, shade) in [("images", 200), ("others", 120)] as [(String, UInt8)] {
            let images = folder.url.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
            try SyntheticImages(shade: shade).write(to: images)
        }
        let begun = try Program.renorm.run(
            [
                "train", "--data", "idx:images", "--model", "small:0.25", "--batch-size", "16",
                "--validation", "40", "--steps", "4", "--schedule", "constant", "--limits", "open",
                "--threads", "1", "--run", "run",
            ], in: folder.url)
        try #require(begun.exitCode == 0, "\(begun.errors)")
        let last = try Data(contentsOf: folder.url.appendingPathComponent("run/last.safetensors"))
        let changeable = try recorded.filter(\.mayChange).map(\.name)
        #expect(
            changeable == [
                "skip-broken", "check-images", "epochs", "steps", "evaluation-precision", "memory",
                "recompute", "on-non-finite",
                "evaluate-every",
                "patience", "checkpoint-every", "watch", "tensorboard", "workers", "cache", "cache-budget",
                "threads", "engine",
                "convolution",
            ])
        let help = try Program.renorm.run(["help", "train"]).output.split(whereSeparator: \.isWhitespace)
        for name in changeable { #expect(help.contains { $0.hasPrefix("--\(name)") }) }
        for option in try recorded {
            let copy = "\(option.name) changed"
            try FileManager.default.copyItem(atPath: folder.path("run"), toPath: folder.path(copy))
            let value = option.name == "data" ? "idx:others" : try #require(Self.values[option.name])
            let result = try Program.renorm.run(
                ["train", "--run", copy, "--resume"] + arguments(option, value), in: folder.url)
            if option.mayChange {
                #expect(result.exitCode == 0, "\(option.name): \(result.errors)")
            } else {
                #expect(result.exitCode != 0, "\(option.name)")
                #expect(
                    result.errors.contains("--\(option.name)")
                        || option.name == "precision" && result.errors.contains("bf16")
                        || option.name == "statistics-by" && result.errors.contains("of one source"),
                    "\(option.name): \(result.errors)")
                #expect(
                    try Data(contentsOf: folder.url.appendingPathComponent("\(copy)/last.safetensors"))
                        == last)
            }
        }
    }

    @Test func anotherExperimentIsRefusedByTheNamesOfItsOptions() throws {
        try SyntheticImages().write(to: folder.url)
        func compare(_ more: [String]) throws -> Program.Result {
            try Program.renorm.run(
                [
                    "compare", "--data", "idx:.", "--model", "small:0.25", "--batch-size", "16",
                    "--held-out", "40", "--steps", "2", "--seeds", "1", "--run", "c",
                ] + more, in: folder.url)
        }
        try #require(try compare([]).exitCode == 0)
        for (option, value) in [
            ("model", "small:0.125"), ("steps", "3"), ("learning-rate", "0.2"), ("held-out", "48"),
            ("measure", "held-out"),
        ] {
            let result = try compare(["--\(option)", value])
            #expect(result.exitCode == 1)
            #expect(result.errors.contains("results of another experiment"), "\(result.errors)")
            #expect(result.errors.contains("--\(option)"), "\(option): \(result.errors)")
        }
    }

    // MARK: Files for every command

    @Test func everyCommandReadsAFileOfOptions() throws {
        try SyntheticImages().write(to: folder.url)
        func run(_ command: [String], _ options: String) throws -> Program.Result {
            try options.write(toFile: folder.path("o.yml"), atomically: true, encoding: .utf8)
            return try Program.renorm.run(command + ["--config", "o.yml"], in: folder.url)
        }
        let described = try run(
            ["describe", "--log", "json", "--classes", "7"],
            "model: resnet18\nimage: 32x32x3\nclasses: 5\nrecompute: true\nnorm-examples: ~\n")
        #expect(described.exitCode == 0, "\(described.errors)")
        let variables = described.events.first?["variables"] as? [[String: Any]] ?? []
        let bias = variables.first { $0["path"] as? String == "fc.bias" }
        #expect(bias?["shape"] as? [Int] == [7])

        let compared = try run(
            ["compare", "--run", "c"],
            """
            data: idx:.
            model: small:0.25
            norm: [batch, "mine: group:2"]
            setting: [shuffled examples=4]
            batch-size: 16
            held-out: 40
            steps: 2
            seeds: 1
            paper: false
            """)
        #expect(compared.exitCode == 0, "\(compared.errors)")
        #expect(compared.output.contains("2 normalizations × 1 settings × 1 seeds"), "\(compared.output)")

        let trained = try run(
            ["train", "--run", "r"], "data: idx:.\nmodel: small:0.25\nvalidation: 20\nsteps: 2\n")
        try #require(trained.exitCode == 0, "\(trained.errors)")
        let evaluated = try run(["evaluate", "r"], "statistics: batch\nthreads: 1\n")
        #expect(evaluated.output.contains("(batch statistics)"), "\(evaluated.errors)")
        let predicted = try run(["predict", "r", "t10k-images-idx3-ubyte"], "top: 1\n")
        #expect(predicted.exitCode == 0 && !predicted.output.contains(", "), "\(predicted.errors)")
        for command in [["predict", "r", "x"], ["evaluate", "r"], ["describe"], ["compare", "--run", "d"]] {
            let refused = try run(command, "nonsense: 1\n")
            #expect(refused.exitCode == 1 && refused.errors.contains("'nonsense'; expected one of"))
            #expect(try run(command, "a: &x 1\n").errors.contains("anchor or an alias"))
        }
        // What has no effect is said, since the file may be meant for others.
        let needless = try run(["describe"], "norm: layer\nnorm-examples: 4\n")
        #expect(needless.exitCode == 0 && needless.errors.contains("warning: --norm-examples: found"))
    }
}
