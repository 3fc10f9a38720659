import Foundation
import Testing

/// `renorm stream`: what is measured, what is predicted, and what is refused.
@Suite(.serialized)
struct StreamTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SyntheticImages().write(to: folder.url)
        let result = try Program.renorm.run(
            [
                "train", "--data", "idx:\(folder.url.path)", "--model", "small:0.25", "--validation", "20",
                "--batch-size", "16", "--steps", "20", "--norm", "batch", "--log", "json", "--run",
                folder.path("run"),
            ])
        try #require(result.exitCode == 0, "\(result.errors)")
    }

    private func stream(_ more: [String]) throws -> Program.Result {
        try Program.renorm.run(["stream", folder.path("run")] + more)
    }

    @Test func measuresAndPredicts() throws {
        let early = try stream([])
        #expect(early.exitCode != 0 && early.errors.contains("--measure"), "\(early.errors)")
        let measured = try stream(["--measure"])
        #expect(measured.exitCode == 0, "\(measured.errors)")
        #expect(FileManager.default.fileExists(atPath: folder.path("run/source-statistics.safetensors")))
        let table = folder.path("found.csv")
        let result = try stream([
            "--output", table, "--state", folder.path("state.safetensors"), "--batch-size", "3",
        ])
        #expect(result.exitCode == 0 && result.output.contains("right (bayes)"), "\(result.errors)")
        let lines = try String(contentsOfFile: table, encoding: .utf8).split(separator: "\n")
        #expect(lines[0].hasPrefix("path,label,prediction,") && lines.count > 2)
        // The stream goes on where it was; another method has no use for what this one has left.
        let again = try stream(["--state", folder.path("state.safetensors")])
        #expect(again.exitCode == 0, "\(again.errors)")
        let other = try stream(["--state", folder.path("state.safetensors"), "--method", "adabn"])
        #expect(other.exitCode != 0 && other.errors.contains("method 'bayes'"), "\(other.errors)")
    }

    @Test func takesEveryMethodAndCorruption() throws {
        for method in [
            "source", "batch", "adabn", "blend images=4", "ema", "tent", "sar", "note", "rotta", "delta",
            "lame",
        ] {
            let result = try stream(["--method", method, "--corruption", "gaussian-noise:3"])
            #expect(
                result.exitCode == 0 && result.output.contains("(\(method))"), "\(method): \(result.errors)")
        }
    }

    @Test func refusesWhatItDoesNotKnow() throws {
        for (more, message) in [
            (["--method", "bays"], "bayes"), (["--method", "ema rate=3"], "0.0 to 1.0"),
            (["--corruption", "fog:9"], "1 to 5"), (["--rank", "5"], "--measure"),
            (["--batch-size", "0"], "at least 1"),
        ] {
            let result = try stream(more)
            #expect(result.exitCode != 0 && result.errors.contains(message), "\(more): \(result.errors)")
        }
    }
}
