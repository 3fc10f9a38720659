import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Results in a folder: what is kept, what is refused.
@Suite struct ExperimentFolderTests {
    @Test func aFolderKeepsWhatWasMade() throws {
        let temporary = try TemporaryFolder()
        let url = temporary.appending("experiment")
        let experiment = TinyExperiment.experiment()
        let common = ExperimentFolder.Common(experiment, try TinyExperiment.data())
        var folder = try ExperimentFolder(url, common)
        let results = experiment.cells.enumerated().map {
            TinyExperiment.result($1, accuracy: Double($0) / 10)
        }
        for result in results.prefix(3) { try folder.add(result) }
        // A program that was killed while it wrote leaves a part of a line.
        let handle = try FileHandle(forWritingTo: folder.journal)
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"contender\":\"ba".utf8))
        try handle.close()
        var again = try ExperimentFolder(url, common)
        #expect(again.results == Array(results.prefix(3)))
        #expect(again.contains(experiment.cells[2]) && !again.contains(experiment.cells[3]))
        try again.add(results[3])
        #expect(try ExperimentFolder(url, common).results == Array(results.prefix(4)))
        try again.writeTables()
        let csv = try String(contentsOf: again.csv, encoding: .utf8).split(separator: "\n")
        #expect(csv.count == 5 && csv[1].hasPrefix("batch,batch,shuffled examples=4,"))

        var other = common
        other.steps = 7
        let error = #expect(throws: ExperimentError.self) { try ExperimentFolder(url, other) }
        #expect(error.map { "\($0)".contains("found steps 6; expected steps 7.") } == true)
        other = common
        other.fingerprint = "1"
        #expect(throws: ExperimentError.self) { try ExperimentFolder(url, other) }
        other = common
        other.measuredFingerprint = "1"
        #expect(throws: ExperimentError.self) { try ExperimentFolder(url, other) }
        other = common
        other.gains.margin = 0
        #expect(throws: ExperimentError.self) { try ExperimentFolder(url, other) }

        var renamed = experiment
        renamed.contenders[0].name = "BN"
        again.rename(as: renamed)
        #expect(again.results[0].contender == "BN" && again.results[1].contender == "batch-renorm")
        let held = try ExperimentFolder.take(url)
        #expect(throws: TrainingError.self) { try ExperimentFolder.take(url) }
        withExtendedLifetime(held) {}
    }

    /// Records are decoded field by field, so that each is checked; none may be left out.
    @Test func resultsComeBack() throws {
        let text = """
            {"contender": "BN", "contenderText": "batch", "setting": "iid", "settingText": "shuffled", "seed": 3, \
            "steps": 10, "notFinite": "bn1", "notFiniteAsDeployed": "bn2", "accuracy": 0.5, "loss": 1.5, \
            "accuracyAsTrained": 0.25, "accuracyOfBatches": 0.75, "trainingAccuracy": 0.125, "seconds": 2, \
            "curve": [{"step": 5, "accuracy": 0.5, "gains": []}], "gains": []}
            """
        let written = try JSONCoder.encode(
            JSONCoder.decode(ExperimentResult.self, from: Data(text.utf8)))
        let found = try JSONSerialization.jsonObject(with: Data(written.utf8)) as? NSDictionary
        #expect(try found == JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary)
    }

    /// A line of results, and a part of what is said.
    @Test(arguments: [
        ("accuracy", "1e300", "accuracy: found 1e+300; expected 0 to 1"), ("steps", "-1", "steps"),
        ("seconds", "-1", "seconds"),
        ("curve", #"[{"step": 9223372036854775807, "accuracy": 0.5}]"#, "curve.[0]: steps"),
        ("gains", #"[{"path": "bn1", "mean": "x", "scale": 0.5}]"#, "mean"),
    ])
    func resultsOfNoRunAreRefused(key: String, json: String, expected: String) throws {
        let folder = try TemporaryFolder()
        let experiment = TinyExperiment.experiment()
        let common = ExperimentFolder.Common(experiment, try TinyExperiment.data())
        var results = try ExperimentFolder(folder.url, common)
        try results.add(TinyExperiment.result(experiment.cells[0], accuracy: 0.5))
        #expect(try ExperimentFolder(folder.url, common).results == results.results)
        var lines = try String(contentsOf: results.journal, encoding: .utf8).split(separator: "\n").map(
            String.init)
        var run = try #require(JSONSerialization.jsonObject(with: Data(lines[1].utf8)) as? [String: Any])
        run[key] = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed)
        lines[1] = String(decoding: try JSONSerialization.data(withJSONObject: run), as: UTF8.self)
        try (lines.joined(separator: "\n") + "\n").write(
            to: results.journal, atomically: true, encoding: .utf8)
        let error = try #require(throws: ExperimentError.self) { try ExperimentFolder(folder.url, common) }
        #expect(error.description.contains(expected) && error.description.contains("line 2"), "\(error)")
    }
}
