import Foundation
import Testing

/// What `renorm evaluate` and the end of `renorm train` say of a network.
@Suite(.serialized)
struct EvaluateOutputTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func train(
        _ images: SyntheticImages, _ more: [String] = [], steps: Int = 30
    ) throws -> Program.Result {
        try images.write(to: folder.url)
        let result = try Program.renorm.run(
            [
                "train", "--data", "idx:.", "--model", "small:0.25", "--batch-size", "16", "--steps",
                "\(steps)",
                "--validation", "40", "--threads", "1", "--run", "run",
            ] + more, in: folder.url)
        try #require(result.exitCode == 0, "\(result.errors)")
        return result
    }

    private func evaluate(_ more: [String]) throws -> Program.Result {
        let result = try Program.renorm.run(["evaluate", "run", "--threads", "1"] + more, in: folder.url)
        try #require(result.exitCode == 0, "\(result.errors)")
        return result
    }

    private func lines(_ text: String, from start: String) -> [String] {
        let lines = text.split(separator: "\n").map(String.init)
        guard let first = lines.firstIndex(where: { $0.hasPrefix(start) }) else { return [] }
        return Array(lines[first...])
    }

    /// JSON, tables and the file of all images say the same.
    @Test func tablesJSONAndFileAgree() throws {
        let trained = try train(SyntheticImages())
        let json = try evaluate(["--log", "json", "--output", "images.csv"])
        let event = try #require(json.events(named: "evaluation").first)
        let accuracy = try #require(event["accuracy"] as? Double)
        for measure in [
            "loss", "balancedAccuracy", "precision", "recall", "f1", "calibrationError", "meanConfidence",
        ] {
            #expect(event[measure] is Double, "\(measure)")
        }
        // Of four classes the five likeliest mean nothing.
        #expect(event["topFiveAccuracy"] == nil)
        let classes = try #require(event["classes"] as? [[String: Any]])
        let confusion = try #require(event["confusion"] as? [String: [String: Int]])
        #expect(classes.compactMap { $0["name"] as? String } == ["0", "1", "2", "3"])

        let rows = try String(contentsOfFile: folder.path("images.csv"), encoding: .utf8)
            .split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
        #expect(rows[0] == ["path", "label", "prediction", "0", "1", "2", "3"])
        #expect(rows.dropFirst().map { $0[0] } == (0..<50).map(String.init))
        var counted: [String: [String: Int]] = [:]
        for row in rows.dropFirst() {
            counted[row[1], default: [:]][row[2], default: 0] += 1
            let probabilities = row[3...].compactMap(Double.init)
            #expect(probabilities.count == 4 && abs(probabilities.reduce(0, +) - 1) < 1e-4)
            #expect(probabilities[Int(row[2])!] == probabilities.max())
        }
        #expect(counted == confusion)
        #expect(abs(Double(rows.dropFirst().count { $0[1] == $0[2] }) / 50 - accuracy) < 1e-12)

        let text = try evaluate([]).output
        let table = lines(text, from: "class ").prefix(5).map { $0.split(separator: " ") }
        #expect(table[0] == ["class", "precision", "recall", "F1", "examples"])
        for (row, one) in zip(table.dropFirst(), classes) {
            #expect(row.first == (one["name"] as? String)?[...])
            #expect(row.last.flatMap { Int($0) } == one["examples"] as? Int)
        }
        let matrix = lines(text, from: "Examples of each class").dropFirst().prefix(5)
        #expect(matrix.first?.split(separator: " ") == ["0", "1", "2", "3"])
        for row in matrix.dropFirst() {
            let fields = row.split(separator: " ").map(String.init)
            for prediction in 0..<4 {
                let count = confusion[fields[0]]?["\(prediction)"] ?? 0
                #expect(fields[prediction + 1] == (count == 0 ? "." : "\(count)"))
            }
        }
        // The end of training says it of the same network.
        #expect(lines(trained.output, from: "class ").prefix(5) == lines(text, from: "class ").prefix(5))
        #expect(
            lines(trained.output, from: "Examples of").prefix(6) == lines(text, from: "Examples of").prefix(6)
        )
    }

    @Test func ofManyClassesTheMostConfusedAreSaid() throws {
        let trained = try train(SyntheticImages(training: 300, test: 88, side: 22, classes: 22), steps: 2)
        let text = try evaluate([]).output
        #expect(lines(text, from: "class ").count > 22 && !text.contains("Examples of each class"))
        let pairs = lines(text, from: "Most often confused:")
        #expect(pairs.count == 12 && pairs[2].hasSuffix("100.00 %"), "\(pairs)")
        #expect(text.contains("top 5 "))
        #expect(trained.output.contains("Most often confused:"))
        #expect(!trained.output.contains("precision"))
    }

    @Test func aFileThatCannotBeWrittenIsNamed() throws {
        _ = try train(SyntheticImages(), steps: 2)
        let result = try Program.renorm.run(
            ["evaluate", "run", "--threads", "1", "--output", "none/images.csv"], in: folder.url)
        #expect(result.exitCode == 1 && result.errors.contains("none/images.csv"), "\(result.errors)")
    }

    // MARK: Training

    @Test func trainingThatEndsEarlySaysSo() throws {
        let options = [
            "--norm", "group:2", "--schedule", "constant", "--learning-rate", "1e-30", "--momentum", "0",
            "--weight-decay", "0", "--evaluate-every", "2", "--patience", "2",
        ]
        let trained = try train(SyntheticImages(), options)
        let said =
            "2 evaluations since step 2 found nothing better: training ends after step 6 of 30 (--patience)."
        #expect(trained.output.contains(said), "\(trained.output)")
        #expect(trained.output.contains("with the state of step 2"))
        let again = try Program.renorm.run(
            ["train", "--run", "run", "--resume", "--log", "json"], in: folder.url)
        #expect(again.events(named: "step").isEmpty && again.exitCode == 0, "\(again.errors)")
        let stop = try #require(again.events(named: "stopped-early").first)
        #expect(
            stop["step"] as? Int == 6 && stop["bestStep"] as? Int == 2 && stop["evaluations"] as? Int == 2)
        #expect(again.events(named: "finished").first?["chosenStep"] as? Int == 2)
        let more = try Program.renorm.run(
            ["train", "--run", "run", "--resume", "--log", "json", "--patience", "4"], in: folder.url)
        #expect(more.events(named: "step").compactMap { $0["step"] as? Int } == [7, 8, 9, 10])
    }

    @Test func classWeightsOfAFileAreRecorded() throws {
        try "class,weight\n0,1\n1,2\n2,3\n3,4\n".write(
            toFile: folder.path("weights.csv"), atomically: true, encoding: .utf8)
        let trained = try train(
            SyntheticImages(), ["--class-weights", "weights.csv", "--sampling", "balanced"], steps: 4)
        #expect(trained.output.contains("4 steps of 16"))
        let saved = try String(contentsOfFile: folder.path("run/config.yml"), encoding: .utf8)
        #expect(saved.contains("class-weights: ") && saved.contains("/weights.csv"), "\(saved)")
        let wrong = try Program.renorm.run(
            ["train", "--run", "run", "--resume", "--class-weights", "balanced"], in: folder.url)
        #expect(wrong.exitCode == 1 && wrong.errors.contains("--class-weights"), "\(wrong.errors)")
        try "0,1\n1,2\n2,3\n".write(
            toFile: folder.path("weights.csv"), atomically: true, encoding: .utf8)
        let missing = try Program.renorm.run(
            [
                "train", "--data", "idx:.", "--run", "other", "--validation", "40", "--class-weights",
                "weights.csv",
            ], in: folder.url)
        #expect(
            missing.exitCode == 1 && missing.errors.contains("no weight of the class '3'"),
            "\(missing.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("other")))
    }
}
