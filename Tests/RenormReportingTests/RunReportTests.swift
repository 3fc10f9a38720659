import Foundation
import Renorm
import RenormTestSupport
import Testing

/// The page about runs.
@Suite struct RunReportTests {
    /// A run that was watched, on small images.
    private func run(_ folder: URL, name: String, normalization: Normalization, seed: UInt64 = 7) async throws
        -> (ReportedRun, TrainedModel)
    {
        let architecture = Architecture(
            name: "small:0.125", classes: 3, input: [8, 8, 1], normalization: normalization)
        let configuration = TrainingConfiguration(
            architecture: architecture,
            options: TrainingOptions(learningRate: .constant(0.05)), steps: 12, batchSize: 8, validation: 20,
            seed: seed, evaluateEvery: 4, watchEvery: 3)
        let trainer = Trainer(
            model: try architecture.makeModel(seed: seed), configuration: configuration,
            engine: ReferenceEngine(), training: try TinyData.dataset(100),
            test: try TinyData.dataset(30, seed: 2, name: "tiny <test>"), folder: RunFolder(folder),
            record: "norm: batch & more\n")
        try await trainer.run()
        let trained = try TrainedModel(reading: RunFolder(folder).chosen())
        return (try ReportedRun(name: name, folder: RunFolder(folder), record: trained.record), trained)
    }

    private func measured(_ run: ReportedRun, _ trained: TrainedModel) async throws -> ReportedRun {
        var run = run
        let test = try TinyData.dataset(30, seed: 2, name: "tiny <test>")
        let wrong = WrongPictures(atMost: 3)
        run.measured = try await Evaluator(ReferenceEngine()).measure(
            trained, on: test, each: { wrong.add($0) })
        run.wrong = try wrong.read(from: test)
        run.measuredOn = test.name
        return run
    }

    /// What lies between two texts, at the first place where they are.
    private func between(_ start: String, _ end: String, in text: String) throws -> String {
        let from = try #require(text.range(of: start))
        let to = try #require(text.range(of: end, range: from.upperBound..<text.endIndex))
        return String(text[from.upperBound..<to.lowerBound])
    }

    @Test func oneRunWithEverything() async throws {
        let folder = try TemporaryFolder()
        let place = folder.appending("a")
        let (_, trained) = try await run(
            place, name: "a <b>", normalization: Normalization(.batchRenorm(.limits(.open))))
        try Data(
            """
            {"event":"finding","rank":1,"severity":"high","cause":"stale-averages","layer":"bn3","loss":0.7,"accuracy":0.12,"evidence":{"x":1},"remedy":{"command":"renorm recalibrate <run>","measured_loss":0.3,"measured_accuracy":0.9}}
            {"event":"finding","cause":"domain-shift","layer":null,"loss":"nan","accuracy":0.01,"evidence":{},"note":"μ & σ"}
            {"event":"verdict","healthy":false}

            """.utf8
        ).write(to: RunFolder(place).findings)
        var reported = try ReportedRun(name: "a <b>", folder: RunFolder(place), record: trained.record)
        reported = try await measured(reported, trained)
        let html = RunReport([reported]).html
        #expect(html.hasPrefix("<!DOCTYPE html>") && !html.contains("a <b>") && html.contains("a &lt;b&gt;"))
        // Nothing is fetched from anywhere.
        for outside in ["http://", "https://", "<script", "@import", "url("] {
            #expect(
                !html.replacingOccurrences(of: "http://www.w3.org/2000/svg", with: "").contains(outside),
                "\(outside)")
        }
        // Curves: of the run's 12 steps and three evaluations.
        let loss = try between("<title>Loss</title>", "</svg>", in: html)
        #expect(loss.components(separatedBy: "<circle").count == 4 && loss.contains("step 12:"))
        // The map: five layers by four looks.
        let map = try between("layer by layer, over the steps</title>", "</svg>", in: html)
        for layer in 1...5 {
            for step in [3, 6, 9, 12] {
                #expect(map.contains("<title>bn\(layer), step \(step): "), "\(layer) \(step)")
            }
        }
        #expect(html.contains("<title>r</title>") && html.contains("<title>d</title>"))
        // Findings.
        #expect(html.contains("stale-averages in bn3") && html.contains("renorm recalibrate &lt;run&gt;"))
        #expect(html.contains("0.7 nats, 12 points") && html.contains("measured: 90.0 %, loss 0.3"))
        #expect(html.contains("Inference is worse than it need be") && html.contains("μ &amp; σ"))
        // The matrix adds up to all images.
        let matrix = try between("<table class=\"confusion\">", "</table>", in: html)
        let counts = matrix.components(separatedBy: "<td").dropFirst().compactMap { cell in
            Int(cell.drop { $0 != ">" }.dropFirst().prefix { $0 != "<" })
        }
        #expect(counts.reduce(0, +) == 30)
        #expect(html.components(separatedBy: "data:image/png;base64,").count - 1 == reported.wrong.count)
        #expect(html.contains("norm: batch &amp; more"))
        // Each drawing and picture says what it is.
        #expect(
            html.components(separatedBy: "role='img'").count
                == html.components(separatedBy: "role='img' style='").count)
        #expect(!html.contains("alt=''"))
    }

    @Test func wrongPicturesAreTheMostConfidentOnes() async throws {
        let folder = try TemporaryFolder()
        let (_, trained) = try await run(
            folder.appending("a"), name: "a", normalization: Normalization(.batch))
        let test = try TinyData.dataset(30, seed: 2)
        let (few, all) = (WrongPictures(atMost: 3), WrongPictures(atMost: 100))
        let measured = try await Evaluator(ReferenceEngine()).measure(trained, on: test) {
            few.add($0)
            all.add($0)
        }
        let missed = Int((30 * (1 - measured.evaluation.accuracy)).rounded())
        #expect(all.results.count == missed)
        let confidences = all.results.map { $0.probabilities[$0.prediction] }
        #expect(confidences == confidences.sorted(by: >))
        #expect(few.results == Array(all.results.prefix(3)))
        for picture in try few.read(from: test) {
            let whole = test.images.rows(picture.result.index..<picture.result.index + 1)
            #expect((picture.pixels == whole.reshaped(to: [8, 8, 1])) == true)
            #expect(Int(test.labels[picture.result.index]) == picture.result.label)
        }
    }

    @Test func severalRunsShareTheirCharts() async throws {
        let folder = try TemporaryFolder()
        var runs: [ReportedRun] = []
        for (name, kind) in [("bn", Normalization(.batch)), ("gn", Normalization(.group(2)))] {
            runs.append(try await run(folder.appending(name), name: name, normalization: kind).0)
        }
        let html = RunReport(runs).html
        let loss = try between("<title>Loss</title>", "</svg>", in: html)
        #expect(loss.contains("bn, step 12:") && loss.contains("gn, step 12:"))
        #expect(html.components(separatedBy: "<title>Loss</title>").count == 2)
        #expect(html.contains("class='differs'><th scope='row'>normalization"))
        // Without averages there is nothing to see of the layers.
        #expect(html.components(separatedBy: "<h3>Difference between").count == 2)
    }

    @Test func aRunOfAnEarlierVersionHasNoCurvesAndSaysSo() async throws {
        let folder = try TemporaryFolder()
        let place = folder.appending("a")
        let (_, trained) = try await run(place, name: "a", normalization: Normalization(.batch))
        try FileManager.default.removeItem(at: RunFolder(place).history)
        let reported = try ReportedRun(name: "a", folder: RunFolder(place), record: trained.record)
        let html = RunReport([reported]).html
        #expect(html.contains("has no history") && !html.contains("<title>Loss</title>"))
    }

    @Test func linesOfTheDoctorThatAreNoneAreNamed() async throws {
        let folder = try TemporaryFolder()
        let run = RunFolder(folder.appending("a"))
        try FileManager.default.createDirectory(at: run.url, withIntermediateDirectories: true)
        #expect(try ReportedDiagnosis(of: run) == nil)
        try Data("{\"event\":\"verdict\",\"healthy\":true}\n{\"event\":\"finding\"}\n".utf8).write(
            to: run.findings)
        let error = #expect(throws: TrainingError.self) { try ReportedDiagnosis(of: run) }
        #expect("\(error as Any)".contains("line 2"))
    }

    /// WCAG's contrast of each colour of charts with white and near black.
    @Test func coloursOfChartsCanBeSeenOnLightAndDark() {
        func luminance(_ color: String) -> Double {
            let value = Int(color.dropFirst(), radix: 16)!
            let parts = [16, 8, 0].map { shift -> Double in
                let part = Double(value >> shift & 255) / 255
                return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
            }
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
        }
        for color in Palette.colors {
            for background in ["#ffffff", "#151517"] {
                let (a, b) = (luminance(color), luminance(background))
                let contrast = (max(a, b) + 0.05) / (min(a, b) + 0.05)
                #expect(contrast >= 3, "\(color) on \(background): \(contrast)")
            }
        }
    }
}
