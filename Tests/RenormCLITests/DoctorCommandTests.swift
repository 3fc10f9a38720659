import Foundation
import Testing

/// `renorm doctor` as a user has it: its exit codes, pictures without classes, and another preparation.
@Suite(.serialized)
struct DoctorCommandTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for (name, shade) in [("source", 200), ("target", 90)] as [(String, UInt8)] {
            let place = folder.url.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try SyntheticImages(training: 400, test: 100, shade: shade).write(to: place)
        }
    }

    @discardableResult
    private func renorm(_ arguments: String...) throws -> Program.Result {
        try Program.renorm.run(arguments, in: folder.url)
    }

    private func train() throws {
        let result = try renorm(
            "train", "--data", "idx:source", "--model", "small:0.25", "--batch-size", "16", "--steps", "60",
            "--validation", "100", "--norm", "batch", "--threads", "1", "--run", "run")
        try #require(result.exitCode == 0, "\(result.errors)")
    }

    private func diagnosis(_ more: String...) throws -> (result: Program.Result, measures: [String: Any]) {
        let result = try Program.renorm.run(
            ["doctor", "run", "--log", "json", "--threads", "1"] + more, in: folder.url)
        #expect([0, 1].contains(result.exitCode), "\(result.errors)")
        return (result, try #require(result.events(named: "diagnosis").first, "\(result.errors)"))
    }

    /// 1 is for what was found, so whatever keeps the doctor from looking is another code, the command line's own errors too.
    @Test(arguments: [
        (["doctor"], "found no network"), (["doctor", "--bogus"], "--bogus"),
        (["doctor", "nowhere"], "nowhere"), (["doctor", "nowhere", "--examples", "1"], "at least 2"),
        (["doctor", "nowhere", "--target", "elsewhere"], "where nothing is"),
        (["doctor", "nowhere", "--prepared-as", "size=8"], "interpolation=…"),
        (["doctor", "nowhere", "--config", "none.yml"], "none.yml"),
    ])
    func errorsHaveACodeOfTheirOwn(arguments: [String], expected: String) throws {
        let result = try Program.renorm.run(arguments, in: folder.url)
        #expect(result.exitCode == 2 && result.errors.contains(expected), "\(result.errors)")
    }

    @Test func otherCommandsKeepTheirCodes() throws {
        #expect(try renorm("doctor", "--help").exitCode == 0)
        #expect(try renorm("evaluate", "--bogus").exitCode == 64)
    }

    @Test func picturesNeedNoClasses() throws {
        try train()
        let (result, measures) = try diagnosis("--data", "source/train-images-idx3-ubyte")
        #expect(measures["isLabelled"] as? Bool == false)
        #expect(measures["reference"] as? Int == 200 && measures["scored"] as? Int == 200)
        let scores = try #require(measures["scores"] as? [[String: Any]])
        #expect(scores.count == 5)
        #expect(scores.allSatisfy { $0["loss"] is NSNull && $0["accuracy"] is NSNull })
        #expect(scores.allSatisfy { $0["changedAnswers"] is Double && $0["meanConfidence"] is Double })
        #expect(result.output.contains("cannot be told"))
        let human = try renorm("doctor", "run", "--data", "source/train-images-idx3-ubyte", "--threads", "1")
        #expect([0, 1].contains(human.exitCode) && human.output.contains("stored averages"))
        #expect(human.output.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(human.output)")
        let mixed = try renorm("doctor", "run", "--data", "idx:source", "--data", "source")
        #expect(mixed.exitCode == 2 && mixed.errors.contains("beside pictures without"))
        // What the doctor proposes takes the same pictures.
        let again = try renorm(
            "recalibrate", "run", "--data", "source/train-images-idx3-ubyte", "--examples", "200",
            "--threads", "1")
        #expect(again.exitCode == 0, "\(again.errors)")
    }

    @Test func theTargetNeedsNoClasses() throws {
        try train()
        let (_, measures) = try diagnosis("--target", "target/t10k-images-idx3-ubyte")
        #expect(measures["isLabelled"] as? Bool == true)
        let shifts = try #require(measures["shifts"] as? [[String: Any]])
        #expect(Set(shifts.compactMap { $0["path"] as? String }) == ["bn1", "bn2", "bn3", "bn4", "bn5"])
        let values = shifts.compactMap { $0["deviation"] as? Double }
        #expect(values == values.sorted(by: >) && values.count == 5 && values[0] > 0.1)
        #expect(measures["shift"] as? Double == values[0])
    }

    @Test func anotherPreparationIsCompared() throws {
        try train()
        let (same, _) = try diagnosis("--prepared-as", "resize=squash")
        #expect(same.output.contains("which is no difference"))
        let (other, _) = try diagnosis("--prepared-as", "mean=0.9 deviation=0.05")
        let finding = try #require(
            other.events(named: "finding").first { $0["cause"] as? String == "preparation" },
            "\(other.output)")
        let evidence = try #require(finding["evidence"] as? [String: Any])
        #expect((evidence["input_difference"] as? Double ?? 0) > 1 && evidence["loss_as_used"] is Double)
        let remedy = try #require((finding["remedy"] as? [String: Any])?["command"] as? String)
        #expect(
            remedy.contains("prepare pictures as in training: mean 0.") && remedy.contains(", deviation 0."))
        #expect(other.exitCode == 1)
        let wrong = try renorm("doctor", "run", "--prepared-as", "mean=measured")
        #expect(wrong.exitCode == 2 && wrong.errors.contains("--prepared-as"), "\(wrong.errors)")
    }
}
