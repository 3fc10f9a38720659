import Foundation
import Renorm
import Testing

/// Files of networks that no run has or that cannot be used, in every command that reads one.
@Suite(.serialized)
struct NotFiniteFilesTests {
    let folder: TemporaryFolder
    let data: String

    init() throws {
        folder = try TemporaryFolder()
        try SyntheticImages().write(to: folder.url)
        data = "idx:\(folder.url.path)"
    }

    private func train(_ normalization: String) throws {
        let result = try Program.renorm.run([
            "train", "--data", data, "--model", "small:0.25", "--norm", normalization, "--batch-size", "16",
            "--validation", "20", "--steps", "4", "--run", folder.path("run"),
        ])
        try #require(result.exitCode == 0, "\(result.errors)")
    }

    /// A file of the run with one value changed.
    private func spoil(_ name: String, _ path: String, _ value: Float) throws {
        let url = folder.url.appendingPathComponent("run/\(name)")
        let file = try VariablesFile(reading: url)
        var variables = Variables()
        for (path, value) in file.arrays {
            variables[path] = Variable(kind: file.kinds![path]!, value: value)
        }
        variables[path]!.value.withMutableValues(of: Float.self) { $0[0] = value }
        try VariablesFile.write(variables, metadata: file.metadata, to: url)
    }

    @Test(arguments: [
        ("batch", "bn1.running_var", Float.nan, "'bn1.running_var' holds NaN or infinity"),
        ("batch", "bn2.running_var", -1, "'bn2.running_var' holds -1.0 at index 0; expected at least 0"),
        (
            "batch-renorm", "bn2.running_std", 0,
            "'bn2.running_std' holds 0.0 at index 0; expected more than 0"
        ),
        ("batch-renorm", "conv2.weight", .infinity, "'conv2.weight' holds NaN or infinity"),
    ])
    func everyCommandRefusesThem(normalization: String, path: String, value: Float, expected: String) throws {
        try train(normalization)
        for name in ["model.safetensors", "last.safetensors"] { try spoil(name, path, value) }
        let image = folder.path("t10k-images-idx3-ubyte")
        let model = folder.path("run/model.safetensors")
        let commands = [
            ["evaluate", folder.path("run"), "--data", data],
            [
                "evaluate", folder.path("run"), "--data", data, "--engine", "reference", "--statistics",
                "batch",
            ],
            ["predict", model, image],
            [
                "train", "--data", data, "--model", "small:0.25", "--norm", normalization, "--validation",
                "20",
                "--init", model, "--run", folder.path("other"),
            ],
            ["train", "--run", folder.path("run"), "--resume", "--steps", "4"],
        ]
        for command in commands {
            let result = try Program.renorm.run(command)
            #expect(result.exitCode == 1, "\(command)")
            #expect(result.errors.contains(expected), "\(command): \(result.errors)")
            #expect(result.output.isEmpty || command[0] == "train", "\(result.output)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path("other")))
    }

    /// Finite values whose sums are not: only using the network shows it.
    @Test(arguments: ["onednn", "reference"])
    func overflowsAreNamed(engine: String) throws {
        try train("batch")
        let image = folder.path("t10k-images-idx3-ubyte")
        try spoil("model.safetensors", "bn2.running_mean", 3e38)
        try spoil("model.safetensors", "bn2.running_var", 1e-4)
        for command in [
            ["evaluate", folder.path("run"), "--data", data], ["predict", folder.path("run"), image],
        ] {
            let result = try Program.renorm.run(command + ["--engine", engine, "--log", "json"])
            #expect(result.exitCode == 1 && result.output.isEmpty)
            #expect(result.errors.contains("'bn2' is not finite (NaN or infinity) on "), "\(result.errors)")
        }
    }
}
