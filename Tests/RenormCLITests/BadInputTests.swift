import Foundation
import Testing

/// What is wrong with the input is said in one message, with an exit code that is not 0, and nothing is written.
@Suite(.serialized)
struct BadInputTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SyntheticImages().write(to: folder.url)
    }

    /// Options that are refused, and a part of what is said.
    @Test(arguments: [
        (["--norm", "batchrenorm"], "batch-renorm"),
        (["--norm", "group:0"], "group:N"),
        (["--model", "resnet19"], "resnet18"),
        (["--model", "small:nan"], "small"),
        (["--learning-rate", "nan"], "--learning-rate"),
        (["--learning-rate=-1"], "more than 0"),
        (["--weight-decay", "inf"], "--weight-decay"),
        (["--averaging-rate", "1.5"], "0 to 1"),
        (["--norm-examples", "5", "--batch-size", "16"], "groups of 5 in batches of 16"),
        (["--sampling", "label-blocks:3x5", "--batch-size", "16"], "16"),
        (["--accumulate", "0"], "--accumulate"),
        (["--accumulate", "9000000000000000000"], "1 to 2147483647"),
        (["--accumulate", "3"], "at most 2, which 180 examples fill in batches of 64"),
        (["--sampling", "random"], "shuffled"),
        (["--sampling", "label-blocks:9223372036854775807x2"], "make too many examples"),
        (["--limits", "paper:9e18"], "paper:STEPS"),
        (["--limits", "ramp", "--steps", "2000000000000000000"], "1 to 16777216"),
        (["--limits", "wide"], "paper:STEPS"),
        (["--limits", "paper:0"], "paper:STEPS"),
        (["--averaging-rate", "0.1"], "--limits auto, which needs none"),
        (["--epochs", "1", "--steps", "2"], "one of them"),
        (["--epochs", "9000000000000000000"], "1 to 16777216"),
        (["--batch-size", "1000"], "1000"),
        (["--validation", "1000"], "1000"),
        (["--optimizer", "lion"], "rmsprop"),
        (["--engine", "gpu"], "reference"),
        (["--data", "cifar"], "fashion-mnist"),
        (["--init", "/no/such/file.safetensors"], "/no/such/file.safetensors"),
        (["--init-except", "fc"], "--init"),
        (["--config", "/no/such/file.yml"], "/no/such/file.yml"),
        (["--nonsense", "1"], "--nonsense"),
    ])
    func optionsAreChecked(arguments: [String], expected: String) throws {
        let result = try Program.renorm.run(
            [
                "train", "--data", "idx:\(folder.url.path)", "--validation", "20", "--steps", "2", "--run",
                folder.path("run"),
            ] + arguments)
        #expect(result.exitCode != 0)
        #expect(result.errors.contains(expected), "\(result.errors)")
        #expect(!result.errors.contains("Fatal error"), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("run")))
    }

    func train(_ more: [String] = []) throws -> Program.Result {
        try Program.renorm.run(
            [
                "train", "--data", "idx:\(folder.url.path)", "--model", "small:0.25", "--batch-size", "16",
                "--validation", "20", "--steps", "4", "--run", folder.path("run"),
            ] + more)
    }

    /// Damaged IDX files, and a part of what is said.
    @Test(arguments: ["missing", "truncated", "swapped", "noise", "label out of range"])
    func damagedImagesAreDescribed(damage: String) throws {
        let images = folder.url.appendingPathComponent("train-images-idx3-ubyte")
        let labels = folder.url.appendingPathComponent("t10k-labels-idx1-ubyte")
        let expected: String
        switch damage {
        case "missing":
            try FileManager.default.removeItem(at: images)
            expected = "train-images-idx3-ubyte"
        case "truncated":
            try Data(contentsOf: images).prefix(1000).write(to: images)
            expected = "12816"
        case "swapped":
            try Data(contentsOf: folder.url.appendingPathComponent("train-labels-idx1-ubyte")).write(
                to: images)
            expected = "labels"
        case "noise":
            try Data("no images here".utf8).write(to: images)
            expected = "IDX"
        default:
            var bytes = try Data(contentsOf: labels)
            bytes[20] = 9
            try bytes.write(to: labels)
            expected = "9"
        }
        let result = try train()
        #expect(result.exitCode != 0)
        #expect(result.errors.contains(expected), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("run")))
    }

    @Test func damagedWeightsAreDescribed() throws {
        try #require(try train().exitCode == 0)
        let model = URL(fileURLWithPath: folder.path("run/model.safetensors"))
        let whole = try Data(contentsOf: model)
        let broken = folder.url.appendingPathComponent("broken.safetensors")
        try whole.prefix(whole.count - 100).write(to: broken)
        let truncated = try Program.renorm.run(
            [
                "train", "--data", "idx:\(folder.url.path)", "--model", "small:0.25", "--init", broken.path,
                "--validation", "20", "--steps", "2", "--run", folder.path("other"),
            ])
        #expect(truncated.exitCode != 0)
        #expect(truncated.errors.contains("broken.safetensors"), "\(truncated.errors)")
        let wider = try Program.renorm.run(
            [
                "train", "--data", "idx:\(folder.url.path)", "--model", "small:0.5", "--init", model.path,
                "--validation", "20", "--steps", "2", "--run", folder.path("other"),
            ])
        #expect(wider.exitCode != 0)
        #expect(wider.errors.contains("conv1.weight"), "\(wider.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("other")))
        let evaluated = try Program.renorm.run(
            ["evaluate", broken.path, "--data", "idx:\(folder.url.path)"])
        #expect(evaluated.exitCode != 0)
        #expect(evaluated.errors.contains("broken.safetensors"), "\(evaluated.errors)")
    }

    @Test func theRunOfAnotherModelIsNotContinued() throws {
        try #require(try train().exitCode == 0)
        let before = try Data(contentsOf: URL(fileURLWithPath: folder.path("run/last.safetensors")))
        let result = try Program.renorm.run(
            ["train", "--run", folder.path("run"), "--resume", "--model", "small:0.5"])
        #expect(result.exitCode != 0)
        #expect(result.errors.contains("small:0.5"), "\(result.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path("run/last.safetensors"))) == before)
    }

    /// A file-size limit stands for a full disk: writing fails half-way.
    @Test func aFullDiskLeavesTheLastCheckpointWhole() throws {
        try #require(try train().exitCode == 0)
        let last = URL(fileURLWithPath: folder.path("run/last.safetensors"))
        let before = try Data(contentsOf: last)
        let result = try Program.renorm.run(
            [
                "train", "--data", "idx:\(folder.url.path)", "--model", "small", "--batch-size", "16",
                "--validation",
                "20", "--steps", "4", "--run", folder.path("large"),
            ], shellPrefix: "ulimit -f 40; trap '' XFSZ")
        #expect(result.exitCode == 1)
        #expect(result.errors.contains("last.safetensors") || result.errors.contains("best.safetensors"))
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path("large"))
        #expect(left.filter { $0.hasSuffix(".safetensors") || $0.contains("tmp") }.isEmpty, "\(left)")
        #expect(try Data(contentsOf: last) == before)
    }

    @Test func evaluatingNothingIsAnError() throws {
        let result = try Program.renorm.run(["evaluate", folder.path("nowhere")])
        #expect(result.exitCode == 1)
        #expect(result.errors.contains("nowhere"), "\(result.errors)")
    }

    @Test func predictingFromNoImageIsAnError() throws {
        try #require(try train().exitCode == 0)
        let text = folder.path("letter.png")
        try "Dear Sir".write(toFile: text, atomically: true, encoding: .utf8)
        let result = try Program.renorm.run(["predict", folder.path("run"), text])
        #expect(result.exitCode == 1)
        #expect(result.errors.contains("letter.png"), "\(result.errors)")
    }
}
