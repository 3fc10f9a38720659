import Foundation
import Renorm
import Testing

/// How convolutions are computed, and in which precision a trained network is used, as options of the tool.
@Suite(.serialized)
struct ArithmeticTests {
    let folder: TemporaryFolder
    /// As oneDNN can be made to believe, it has neither AVX-512 nor bf16.
    private static let withoutBF16 = "export ONEDNN_MAX_CPU_ISA=AVX2"

    init() throws {
        folder = try TemporaryFolder()
        try SyntheticImages().write(to: folder.url)
    }

    private func train(_ run: String, _ more: [String] = []) throws -> Program.Result {
        try Program.renorm.run(
            [
                "train", "--data", "idx:\(folder.url.path)", "--model", "small:0.25", "--batch-size", "16",
                "--validation", "40", "--steps", "12", "--schedule", "constant", "--learning-rate", "0.05",
                "--checkpoint-every", "4", "--evaluate-every", "4", "--ema", "0.1", "--threads", "1", "--log",
                "json",
                "--run", folder.path(run),
            ] + more)
    }

    private func resume(_ run: String, _ more: [String]) throws -> Program.Result {
        let result = try Program.renorm.run(
            ["train", "--run", folder.path(run), "--resume", "--log", "json"] + more)
        #expect(result.exitCode == 0, "\(result.errors)")
        return result
    }

    private func record(_ run: String) throws -> CheckpointRecord {
        try CheckpointRecord(reading: URL(fileURLWithPath: folder.path("\(run)/last.safetensors")))
    }

    private func options(_ run: String) throws -> String {
        try String(contentsOfFile: folder.path("\(run)/config.yml"), encoding: .utf8)
    }

    // MARK: Convolutions

    @Test(arguments: [nil, "auto", "direct", "winograd"] as [String?])
    func theAlgorithmIsRecordedAndKept(given: String?) throws {
        let algorithm = given ?? "auto"
        let result = try train("a", given.map { ["--convolution", $0] } ?? [])
        try #require(result.exitCode == 0, "\(result.errors)")
        #expect(try options("a").contains("\nconvolution: \(algorithm)\n"))
        #expect(try record("a").environment.engine.convolution.rawValue == algorithm)
        let resumed = try resume("a", ["--steps", "16"])
        #expect(resumed.events(named: "warning").isEmpty, "\(resumed.output)")
        #expect(try record("a").environment.engine.convolution.rawValue == algorithm)
        #expect(try record("a").step == 16)
    }

    /// As another number of threads: it may be asked for, and that bits can differ is said.
    @Test func anotherAlgorithmMayBeAskedFor() throws {
        try #require(try train("a").exitCode == 0)
        let resumed = try resume("a", ["--steps", "16", "--convolution", "direct"])
        let warnings = resumed.events(named: "warning").compactMap { $0["message"] as? String }
        #expect(warnings.count == 1)
        #expect(warnings.first?.contains("engine.convolution auto and goes on with direct") == true)
        #expect(try record("a").environment.engine.convolution == .direct)
    }

    /// A run of before there was a choice, with neither a line in config.yml nor a word in its checkpoint.
    @Test func anEarlierRunGoesOnDirectly() throws {
        try #require(try train("whole", ["--steps", "16", "--convolution", "direct"]).exitCode == 0)
        try #require(try train("earlier", ["--convolution", "direct"]).exitCode == 0)
        let last = URL(fileURLWithPath: folder.path("earlier/last.safetensors"))
        var arrays = try NamedArrays(safetensors: last)
        for (key, text) in arrays.metadata {
            arrays.metadata[key] = text.replacing(#""convolution":"direct","#, with: "")
        }
        try arrays.write(safetensors: last)
        #expect(try NamedArrays.metadata(safetensors: last).values.allSatisfy { !$0.contains("convolution") })
        let lines = try options("earlier").split(separator: "\n").filter { !$0.hasPrefix("convolution") }
        try lines.joined(separator: "\n").write(
            toFile: folder.path("earlier/config.yml"), atomically: true, encoding: .utf8)

        let resumed = try resume("earlier", ["--steps", "16"])
        #expect(resumed.events(named: "warning").isEmpty, "\(resumed.output)")
        let engine = (resumed.events(named: "started").first?["environment"] as? [String: Any])?["engine"]
        #expect((engine as? [String: Any])?["convolution"] as? String == "direct")
        #expect(
            try NamedArrays(safetensors: last).arrays
                == NamedArrays(safetensors: URL(fileURLWithPath: folder.path("whole/last.safetensors")))
                .arrays)
        // Its evaluation need not be direct.
        let evaluated = try Program.renorm.run([
            "evaluate", folder.path("earlier"), "--convolution", "winograd",
        ])
        #expect(evaluated.exitCode == 0, "\(evaluated.errors)")
    }

    @Test func everyCommandThatComputesTakesIt() throws {
        try #require(try train("a").exitCode == 0)
        let images = folder.path("t10k-images-idx3-ubyte")
        let (run, data) = (folder.path("a"), "idx:\(folder.url.path)")
        for command in [
            ["evaluate", run], ["predict", run, images], ["describe", "--model", "small"],
            [
                "compare", "--run", folder.path("c"), "--data", data, "--model", "small:0.25", "--steps", "2",
                "--seeds",
                "1", "--held-out", "40", "--batch-size", "16",
            ],
            [
                "convert", run, "--norm", "batch", "--pictures", images, "--output",
                folder.path("c.safetensors"),
            ],
            [
                "export", run, "--to", "reference", "--input", images, "--output",
                folder.path("e.safetensors"),
            ],
        ] {
            let result = try Program.renorm.run(command + ["--convolution", "direct"])
            #expect(result.exitCode == 0, "\(command): \(result.errors)")
            let refused = try Program.renorm.run(command + ["--convolution", "fast"])
            #expect(
                refused.exitCode == 64 && refused.errors.contains("'fast'"), "\(command): \(refused.errors)")
            #expect(refused.errors.contains("expected \(ConvolutionAlgorithm.expected)"), "\(refused.errors)")
        }
    }

    // MARK: Precision

    /// The loss, the precision of activations and what was said beside.
    private func evaluate(_ run: String, _ more: [String] = [], shellPrefix: String? = nil) throws
        -> (loss: Double, precision: String, warnings: String)
    {
        let result = try Program.renorm.run(
            ["evaluate", folder.path(run), "--threads", "1", "--log", "json"] + more, shellPrefix: shellPrefix
        )
        #expect(result.exitCode == 0, "\(result.errors)")
        let event = try #require(result.events(named: "evaluation").first)
        return (
            try #require(event["loss"] as? Double), try #require(event["arithmetic"] as? String),
            result.errors
        )
    }

    private func testLoss(_ run: String) throws -> Double {
        try #require(
            try CheckpointRecord(reading: URL(fileURLWithPath: folder.path("\(run)/model.safetensors"))).test?
                .loss)
    }

    /// The reference engine rounds to bf16 on every machine.
    @Test func aRunIsUsedInItsPrecision() throws {
        let reference = ["--engine", "reference"]
        try #require(try train("rounded", reference + ["--precision", "bf16"]).exitCode == 0)
        let own = try evaluate("rounded", reference)
        #expect(own.precision == "bf16" && own.warnings.isEmpty)
        #expect(try abs(own.loss - testLoss("rounded")) < 1e-9)
        let exact = try evaluate("rounded", reference + ["--precision", "f32"])
        #expect(exact.precision == "f32" && exact.loss != own.loss)
        #expect(abs(exact.loss - own.loss) < 0.02 * exact.loss)

        let human = try Program.renorm.run(["evaluate", folder.path("rounded")] + reference)
        #expect(human.output.contains("(moving statistics, bf16)"), "\(human.output)")

        // Evaluations of a run in a precision of their own.
        try #require(
            try train("both", reference + ["--precision", "bf16", "--evaluation-precision", "f32"]).exitCode
                == 0)
        #expect(try options("both").contains("\nevaluation-precision: f32\n"))
        let both = try evaluate("both", reference)
        #expect(both.precision == "f32" && both.warnings.isEmpty)
        #expect(try abs(both.loss - testLoss("both")) < 1e-9)

        let images = folder.path("t10k-images-idx3-ubyte")
        func logits(_ more: [String]) throws -> [Double] {
            let result = try Program.renorm.run(
                ["predict", folder.path("rounded"), images, "--log", "json"] + reference + more)
            #expect(result.exitCode == 0 && !result.errors.contains("warning"), "\(result.errors)")
            return result.events(named: "prediction").flatMap { event in
                (event["classes"] as? [[String: Any]] ?? []).compactMap { $0["logit"] as? Double }
            }
        }
        let rounded = try logits([])
        #expect(try rounded.count == 150 && rounded == logits(["--precision", "bf16"]))
        #expect(try rounded != logits(["--precision", "f32"]))
    }

    /// Without instructions for bf16 a run in bf16 is computed in f32, which is said.
    @Test func aProcessorWithoutBF16ComputesInF32() throws {
        let reference = ["--engine", "reference"]
        try #require(try train("rounded", reference + ["--precision", "bf16"]).exitCode == 0)
        let fallen = try evaluate("rounded", shellPrefix: Self.withoutBF16)
        #expect(fallen.precision == "f32")
        #expect(fallen.warnings.contains("the run's precision is bf16"), "\(fallen.warnings)")
        #expect(!fallen.warnings.contains("emulates"))
        let exact = try evaluate("rounded", ["--precision", "f32"], shellPrefix: Self.withoutBF16)
        #expect(exact.loss == fallen.loss && exact.warnings.isEmpty)

        let images = folder.path("t10k-images-idx3-ubyte")
        let predicted = try Program.renorm.run(
            ["predict", folder.path("rounded"), images], shellPrefix: Self.withoutBF16)
        #expect(predicted.exitCode == 0 && predicted.errors.contains("the run's precision is bf16"))
        for command in [["evaluate", folder.path("rounded")], ["predict", folder.path("rounded"), images]] {
            let refused = try Program.renorm.run(
                command + ["--precision", "bf16"], shellPrefix: Self.withoutBF16)
            #expect(refused.exitCode == 1 && refused.output.isEmpty)
            #expect(refused.errors.contains("--precision: found bf16"), "\(refused.errors)")
            #expect(refused.errors.contains("expected f32"), "\(refused.errors)")
        }
        // Nor is a run begun that could not be evaluated.
        let begun = try Program.renorm.run(
            [
                "train", "--data", "idx:\(folder.url.path)", "--model", "small:0.25", "--steps", "2",
                "--validation",
                "20", "--evaluation-precision", "bf16", "--run", folder.path("n"),
            ], shellPrefix: Self.withoutBF16)
        #expect(begun.exitCode == 1 && begun.errors.contains("--evaluation-precision"), "\(begun.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("n")))
    }

    /// With AVX-512 alone bf16 is emulated where it is asked for; with instructions for it there is nothing to say.
    @Test func thisProcessorComputesAsItCan() throws {
        let support = try OneDNNEngine(threads: 1).bf16Arithmetic
        guard support != .none else { return }
        try #require(try train("rounded", ["--precision", "bf16"]).exitCode == 0)
        let asked = try evaluate("rounded", ["--precision", "bf16"])
        #expect(asked.precision == "bf16" && asked.warnings.isEmpty)
        #expect(try abs(asked.loss - testLoss("rounded")) < 1e-9)
        let own = try evaluate("rounded")
        let exact = try evaluate("rounded", ["--precision", "f32"])
        #expect(exact.loss != asked.loss)
        if support == .native {
            #expect(own.loss == asked.loss && own.warnings.isEmpty)
        } else {
            #expect(own.loss == exact.loss)
            #expect(own.warnings.contains("--precision bf16 rounds as training did"))
        }
    }

    @Test func otherPrecisionsAreRefused() throws {
        for (command, option) in [
            (["evaluate", "x"], "--precision"), (["predict", "x", "y"], "--precision"),
            (["train", "--run", "x"], "--precision"), (["train", "--run", "x"], "--evaluation-precision"),
        ] {
            let result = try Program.renorm.run(command + [option, "f16"], in: folder.url)
            #expect(result.exitCode == 64, "\(command)")
            #expect(
                result.errors.contains("'f16'") && result.errors.contains("expected \(Precision.expected)"),
                "\(result.errors)")
        }
    }
}
