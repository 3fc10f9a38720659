import Foundation
import Testing

/// A run is gone on with and measured on its own data, from wherever it is called; other data must be asked for.
@Suite(.serialized)
struct OwnDataTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func images(_ name: String, shade: UInt8 = 200) throws {
        let images = folder.url.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
        try SyntheticImages(shade: shade).write(to: images)
    }

    private func train(_ data: String, _ run: String, _ more: [String] = [], in place: URL? = nil) throws
        -> Program.Result
    {
        try Program.renorm.run(
            [
                "train", "--data", data, "--model", "small:0.25", "--batch-size", "16", "--steps", "3",
                "--validation", "20", "--schedule", "constant", "--threads", "1", "--run", run,
            ] + more, in: place ?? folder.url)
    }

    private func evaluate(_ arguments: [String], in place: URL? = nil) throws -> Program.Result {
        try Program.renorm.run(
            ["evaluate"] + arguments + ["--threads", "1", "--log", "json"], in: place ?? folder.url)
    }

    /// Folders whose names YAML or a line of a terminal could cut.
    @Test(arguments: [
        "a folder with a rather long name such as shared drives like to have it/and one more folder", " x ",
        "a: b",
        "a #b", "'q'", "\"q\"", "a\nb", "tab\tx", "é 日本 👍", "-x", "*x", "&x", "!x", "@x", "%x", "x~", "[x]",
        "{x}",
        "a\\b", "null", "1_000",
        (0..<20).map { "\($0) " + String(repeating: "x", count: 190) }.joined(separator: "/"),
    ])
    func aRunGoesOnFromAnotherFolder(name: String) throws {
        try images(name)
        let elsewhere = folder.url.appendingPathComponent("elsewhere")
        try FileManager.default.createDirectory(at: elsewhere, withIntermediateDirectories: true)
        let begun = try train("idx:\(name)", "run")
        try #require(begun.exitCode == 0, "\(begun.errors)")
        let resumed = try Program.renorm.run(
            ["train", "--run", folder.path("run"), "--resume", "--steps", "5", "--log", "json"], in: elsewhere
        )
        #expect(resumed.exitCode == 0, "\(resumed.errors)")
        let measured = try evaluate([folder.path("run")], in: elsewhere)
        #expect(measured.exitCode == 0 && measured.errors.isEmpty, "\(measured.errors)")
        let result = try #require(measured.events(named: "evaluation").first)
        let inRun = try #require(resumed.evaluations(of: "test").first)
        #expect(result["accuracy"] as? Double == inRun["accuracy"] as? Double)
        #expect((result["data"] as? [String: Any])?["isOwn"] as? Bool == true)
        // And the file repeats the run.
        let again = try Program.renorm.run(
            ["train", "--config", folder.path("run/config.yml"), "--run", folder.path("again")], in: elsewhere
        )
        #expect(again.exitCode == 0, "\(again.errors)")
    }

    @Test func pathsOfOtherOptionsHoldInEveryFolderToo() throws {
        try images("images")
        try #require(try train("idx:images", "first").exitCode == 0)
        try #"{"r_max": {"kind": "constant", "value": 3}, "d_max": {"kind": "constant", "value": 5}}"#
            .write(toFile: folder.path("my limits.json"), atomically: true, encoding: .utf8)
        let begun = try train(
            "idx:images", "run", ["--init", "first/model.safetensors", "--limits", "my limits.json"])
        try #require(begun.exitCode == 0, "\(begun.errors)")
        let elsewhere = folder.url.appendingPathComponent("elsewhere")
        try FileManager.default.createDirectory(at: elsewhere, withIntermediateDirectories: true)
        let resumed = try Program.renorm.run(
            ["train", "--run", folder.path("run"), "--resume", "--steps", "5"], in: elsewhere)
        #expect(resumed.exitCode == 0, "\(resumed.errors)")
        let again = try Program.renorm.run(
            ["train", "--config", folder.path("run/config.yml"), "--run", folder.path("again")], in: elsewhere
        )
        #expect(again.exitCode == 0, "\(again.errors)")
    }

    /// A run that was killed before its first checkpoint begins anew from the same file.
    @Test func aRunWithoutACheckpointBeginsFromItsFile() throws {
        try images("images")
        try #require(try train("idx:images", "first", ["--steps", "40"]).exitCode == 0)
        let start = ["--init", "first/model.safetensors", "--log", "json"]
        let whole = try train("idx:images", "whole", start)
        try FileManager.default.createDirectory(
            atPath: folder.path("killed"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: folder.path("whole/config.yml"), toPath: folder.path("killed/config.yml"))
        let resumed = try Program.renorm.run(
            ["train", "--run", "killed", "--resume", "--log", "json"], in: folder.url)
        #expect(resumed.exitCode == 0, "\(resumed.errors)")
        let losses = [whole, resumed].map { $0.events(named: "step").compactMap { $0["loss"] as? Double } }
        #expect(losses[0].count == 3 && losses[0] == losses[1])
    }

    @Test func dataThatHaveMovedAreNamedOnce() throws {
        try images("images")
        try #require(try train("idx:images", "run").exitCode == 0)
        try FileManager.default.moveItem(atPath: folder.path("images"), toPath: folder.path("moved"))
        let resume = ["train", "--run", "run", "--resume", "--steps", "5"]
        for result in [try Program.renorm.run(resume, in: folder.url), try evaluate(["run"])] {
            #expect(result.exitCode == 1 && result.errors.contains("--data idx:DIR"), "\(result.errors)")
        }
        let resumed = try Program.renorm.run(resume + ["--data", "idx:moved"], in: folder.url)
        #expect(resumed.exitCode == 0, "\(resumed.errors)")
        let measured = try evaluate(["run"])
        #expect(measured.exitCode == 0 && measured.errors.isEmpty, "\(measured.errors)")
    }

    @Test func otherImagesThanTheRunsOwnAreSaid() throws {
        try images("images")
        try images("others", shade: 120)
        try #require(try train("idx:images", "run").exitCode == 0)
        let asked = try evaluate(["run", "--data", "idx:others"])
        #expect(asked.exitCode == 0)
        #expect(
            asked.errors.contains("others") && asked.errors.contains("fingerprint")
                && asked.errors.contains("leave --data out"), "\(asked.errors)")
        let data = asked.events(named: "evaluation").first?["data"] as? [String: Any]
        #expect(data?["isOwn"] as? Bool == false && data?["name"] as? String == "others")
        // The same images in another place are the same.
        let same = try evaluate(["run", "--data", "idx:\(folder.path("images"))"])
        #expect(same.errors.isEmpty, "\(same.errors)")
        // The folder has other images now.
        try FileManager.default.removeItem(atPath: folder.path("images"))
        try images("images", shade: 100)
        let changed = try evaluate(["run"])
        #expect(changed.exitCode == 0 && changed.errors.contains("name the run's own"), "\(changed.errors)")
    }

    @Test func aFileByItselfNeedsItsDataNamed() throws {
        try images("images")
        try #require(try train("idx:images", "run").exitCode == 0)
        // In its run's folder it has data.
        let inFolder = try evaluate(["run/best.safetensors"])
        #expect(inFolder.exitCode == 0, "\(inFolder.errors)")
        try FileManager.default.createDirectory(
            atPath: folder.path("alone"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: folder.path("run/model.safetensors"), toPath: folder.path("alone/model.safetensors"))
        let alone = try evaluate(["alone/model.safetensors"])
        #expect(alone.exitCode == 1 && alone.output.isEmpty)
        #expect(alone.errors.contains("'images', 4 classes"), "\(alone.errors)")
        #expect(alone.errors.contains("--data idx:DIR"), "\(alone.errors)")
        let named = try evaluate(["alone/model.safetensors", "--data", "idx:images"])
        #expect(named.exitCode == 0 && named.errors.isEmpty, "\(named.errors)")
    }
}
