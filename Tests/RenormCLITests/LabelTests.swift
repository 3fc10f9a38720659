import Foundation
import Testing

/// Labels that count from 1, stray labels, and classes that nothing is left of.
@Suite(.serialized)
struct LabelTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SyntheticImages().write(to: folder.url)
    }

    /// Changes the labels of a part.
    private func relabel(_ part: String, _ change: (Int, UInt8) -> UInt8) throws {
        let file = folder.url.appendingPathComponent("\(part)-labels-idx1-ubyte")
        var bytes = [UInt8](try Data(contentsOf: file))
        for index in 8..<bytes.count { bytes[index] = change(index - 8, bytes[index]) }
        try Data(bytes).write(to: file)
    }

    private func train(_ more: [String], run: String = "run") throws -> Program.Result {
        try Program.renorm.run(
            [
                "train", "--data", "idx:\(folder.url.path)", "--model", "small:0.25", "--validation", "20",
                "--batch-size", "16", "--steps", "20", "--schedule", "constant", "--log", "json", "--run",
                folder.path(run),
            ] + more)
    }

    private func warnings(_ result: Program.Result) -> [String] {
        result.events(named: "warning").compactMap { $0["message"] as? String }
    }

    @Test func labelsMayCountFromOne() throws {
        for part in ["train", "t10k"] { try relabel(part) { $1 + 1 } }
        let said = try train([], run: "said")
        #expect(said.exitCode == 0, "\(said.errors)")
        #expect(
            warnings(said).filter { $0.contains("say so (label offset 1)") }.count == 1, "\(warnings(said))")
        let refused = try train(["--sampling", "label-blocks:4x4"], run: "refused")
        #expect(refused.exitCode == 1 && refused.errors.contains("--label-offset 1"), "\(refused.errors)")

        let blocks = ["--sampling", "label-blocks:4x4", "--label-offset", "1"]
        let trained = try train(blocks)
        #expect(trained.exitCode == 0 && warnings(trained).isEmpty, "\(trained.errors) \(warnings(trained))")
        let test = try #require(trained.evaluations(of: "test").first)
        let names = (test["classes"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
        #expect(names == ["1", "2", "3", "4"])
        let saved = try String(contentsOfFile: folder.path("run/config.yml"), encoding: .utf8)
        #expect(saved.contains("label-offset: 1\n"), "\(saved)")
        // Evaluation knows it, with the run's own data and with others.
        for more in [[], ["--data", "idx:\(folder.url.path)"]] {
            let result = try Program.renorm.run(["evaluate", folder.path("run"), "--log", "json"] + more)
            #expect(result.exitCode == 0 && result.errors.isEmpty, "\(result.errors)")
            #expect(
                result.events(named: "evaluation").first?["accuracy"] as? Double == test["accuracy"]
                    as? Double)
        }
        let resumed = try Program.renorm.run(
            ["train", "--run", folder.path("run"), "--resume", "--steps", "22"])
        #expect(resumed.exitCode == 0, "\(resumed.errors)")
        let other = try Program.renorm.run(
            ["train", "--run", folder.path("run"), "--resume", "--steps", "24", "--label-offset", "0"])
        #expect(other.exitCode == 1 && other.errors.contains("--label-offset 1"), "\(other.errors)")
        let compared = try Program.renorm.run([
            "compare", "--data", "idx:\(folder.url.path)", "--model", "small:0.25", "--batch-size", "16",
            "--held-out", "40", "--steps", "3", "--seeds", "1", "--run", folder.path("c"), "--setting",
            "label-blocks:4x4", "--label-offset", "1",
        ])
        #expect(compared.exitCode == 0 && compared.errors.isEmpty, "\(compared.errors)")
    }

    @Test func aStrayLabelIsSaidAndRefusedOnceClassesAreCounted() throws {
        try relabel("train") { $0 == 77 ? 255 : $1 }
        let said = try train([], run: "said")
        #expect(said.exitCode == 0, "\(said.errors)")
        let text = warnings(said).joined()
        #expect(text.contains("251 classes of 256") && text.contains("number of classes"), "\(text)")
        #expect(text.contains("255, which 1 of 200 images has"), "\(text)")
        let refused = try train(["--classes", "4"])
        #expect(refused.exitCode == 1)
        #expect(refused.errors.contains("the label 255 at index 77"), "\(refused.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("run")))
    }

    @Test func moreClassesThanLabelsSay() throws {
        let trained = try train(["--classes", "6"])
        #expect(trained.exitCode == 0, "\(trained.errors)")
        let test = try #require(trained.evaluations(of: "test").first)
        #expect((test["classes"] as? [Any])?.count == 6)
        let saved = try String(contentsOfFile: folder.path("run/config.yml"), encoding: .utf8)
        #expect(saved.contains("classes: 6\n"), "\(saved)")
        #expect(try Program.renorm.run(["evaluate", folder.path("run")]).exitCode == 0)
    }

    @Test(arguments: [
        (["--classes", "0"], "1 to 256"), (["--label-offset=-1"], "0 to 255"),
        (["--label-offset", "9"], "the label 0 at index 0. Expected labels from 9"),
        (["--data", "fashion-mnist", "--label-offset", "1"], "from 1 to"),
    ])
    func absurdNumberingsAreRefused(arguments: [String], expected: String) throws {
        let result = try train(arguments)
        #expect(result.exitCode != 0 && result.errors.contains(expected), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("run")))
    }

    /// One image of a class, which validation takes.
    @Test func aClassThatIsHeldOutIsNamedWithTheOption() throws {
        try relabel("train") { $0 == 199 ? 3 : $1 % 3 }
        try relabel("t10k") { $1 % 3 }
        let most = ["--validation", "180"]
        let said = try train(most + ["--accumulate", "1"], run: "said")
        #expect(said.exitCode == 0, "\(said.errors)")
        #expect(
            warnings(said).contains { $0.contains("held out: 3") && $0.contains("Hold out fewer") },
            "\(warnings(said))")
        let refused = try train(most + ["--sampling", "label-blocks:4x4"])
        #expect(refused.exitCode == 1)
        #expect(
            refused.errors.contains("'3'") && refused.errors.contains("the only one is held out")
                && refused.errors.contains("--validation"), "\(refused.errors)")
        let compared = try Program.renorm.run([
            "compare", "--data", "idx:\(folder.url.path)", "--model", "small:0.25", "--batch-size", "16",
            "--held-out", "184", "--steps", "3", "--run", folder.path("c"), "--setting", "label-blocks:4x4",
        ])
        #expect(
            compared.exitCode == 1 && compared.errors.contains("held out")
                && compared.errors.contains("--held-out"), "\(compared.errors)")
        // An evaluation has no training examples.
        let evaluated = try Program.renorm.run([
            "evaluate", folder.path("said"), "--statistics", "batch", "--sampling", "label-blocks:4x4",
        ])
        #expect(evaluated.exitCode == 1 && evaluated.errors.contains("'3'"), "\(evaluated.errors)")
        #expect(!evaluated.errors.contains("raining example"), "\(evaluated.errors)")
    }

    @Test func holdingOutMoreThanThereIsIsSaidAsThat() throws {
        let result = try Program.renorm.run([
            "train", "--data", "idx:\(folder.url.path)", "--validation", "5000", "--run", folder.path("run"),
        ])
        #expect(result.exitCode == 1)
        #expect(
            result.errors.contains("5000 of 200") && result.errors.contains("--validation"),
            "\(result.errors)")
        #expect(!result.errors.contains("steps"), "\(result.errors)")
    }
}
