import Foundation
import Renorm
import Testing

@Suite struct ExperimentTests {
    // MARK: Text forms

    @Test func contendersAreRead() throws {
        let setting = try ExperimentSetting("four: shuffled examples=4 batch=16")
        #expect(setting.name == "four" && setting.batchSize == 16 && setting.examples == 4)
        func layer(_ text: String) throws -> Normalization {
            try Contender(text).normalization(in: setting, steps: 100)
        }
        #expect(try layer("batch") == Normalization(.batch, examples: 4))
        #expect(try layer("batch-renorm").limits == .automatic)
        #expect(try layer("BN, half: batch examples=half").examples == 2)
        #expect(try layer("batch examples=all").examples == nil)
        #expect(try layer("batch-renorm limits=ramp:0.1:0.5:3:5").limits.rMax == .linear([(10, 1), (50, 3)]))
        #expect(try layer("batch rate=0.3").averagingRate == 0.3)
        #expect(abs(try layer("batch rate=0.1/group").averagingRate - (1 - pow(0.9, 4))) < 1e-15)
        #expect(try layer("batch-renorm gain=0.05").limits == Limits(.fixed(gain: 0.05)))
        let narrow = try layer("batch-renorm r-max=2 d-max=1 widening=0").limits.selfTuning?.filter
        #expect(narrow == MomentFilter(rMax: 2, dMax: 1, widening: 0))
        #expect(try layer("batch-renorm projection=group").limits.selfTuning?.projectsOverGroups == true)
        #expect(try layer("batch-renorm limits=open projection=step").stepProjection == 1)
        #expect(try Contender("GN: group:8 learning-rate=0.05").learningRate == 0.05)
        #expect(try Contender("GN: group:8").name == "GN")
    }

    @Test(arguments: [
        ("", "batch-renorm"), ("bn", "batch-renorm"), ("batch rate=2", "0 to 1"), ("batch rate", "such as"),
        ("batch-renorm limits=wide", "auto"), ("batch examples=0", "half, all"), ("batch width=3", "gain"),
        ("batch-renorm spread=wide", "spread"), ("batch learning-rate=-1", "above 0"),
        ("batch-renorm rate=0.1", "limits=ramp"),
        ("batch-renorm limits=open gain=0.1", "automatic limits"),
        ("batch-renorm projection=0.95", "limits=ramp"), ("batch projection=step", "batch-renorm alone"),
        ("batch gain=0.1", "batch-renorm alone"), ("group:8 limits=ramp", "batch-renorm alone"),
        ("instance rate=0.1", "no moving averages"), ("frozen rate=0.3", "no moving averages"),
        ("group:8 examples=half", "batch and batch-renorm alone"),
        ("frozen examples=4", "batch and batch-renorm alone"),
    ])
    func wrongContendersAreDescribed(text: String, expected: String) {
        let error = #expect(throws: ExperimentError.self) { try Contender(text) }
        #expect(error.map { "\($0)".contains(expected) } == true, "\(String(describing: error))")
    }

    @Test(arguments: ["shuffled examples=5 batch=16", "shuffled batch=0", "", "shuffled 4"])
    func wrongSettingsAreDescribed(text: String) {
        #expect(throws: ExperimentError.self) { try ExperimentSetting(text) }
    }

    // MARK: Numbers

    /// As scipy.stats.t.interval gives it.
    @Test func intervalsAreStudents() throws {
        let interval = try #require(Interval([0.812, 0.83, 0.805, 0.841, 0.822]))
        #expect(abs(interval.mean - 0.822) < 1e-12)
        #expect(abs(interval.low - 0.804_287) < 2e-5 && abs(interval.high - 0.839_713) < 2e-5)
        #expect(Interval([]) == nil && Interval([0.5])?.margin == nil)
        #expect(abs(Interval([Double](repeating: 1, count: 60) + [2])!.margin! - 0.032_792) < 2e-5)
        #expect(abs(Interval.studentsT(degrees: 31) - 2.039_51) < 1e-4)
    }

    // MARK: Runs

    private func experiment(seeds: [UInt64] = [0, 1]) throws -> Experiment {
        var experiment = Experiment(
            model: "small:0.25", contenders: [try Contender("batch"), try Contender("batch-renorm")],
            settings: [
                try ExperimentSetting("shuffled examples=4", batchSize: 8),
                try ExperimentSetting("one label: label-blocks:1x4 examples=4", batchSize: 8),
            ], seeds: seeds, steps: 6)
        experiment.curvePoints = 2
        return experiment
    }

    private func data() throws -> Experiment.Data {
        let (training, test) = (try TinyData.dataset(80), try TinyData.dataset(24, seed: 2))
        return try Experiment.Data(training: training, heldOut: 16, test: test)
    }

    @Test func everyCellIsARun() async throws {
        let experiment = try experiment()
        let data = try data()
        try experiment.check(data)
        #expect(experiment.cells.count == 8 && Set(experiment.cells.map(\.key)).count == 8)
        let engine = try OneDNNEngine(threads: 1)
        for cell in experiment.cells.prefix(2) {
            let result = try await experiment.run(cell, data, on: engine)
            #expect(result.steps == 6 && result.notFinite == nil)
            #expect(result.curve.map(\.step) == [3, 6])
            #expect(result.accuracyAsTrained != nil && result.accuracyOfBatches != nil)
            #expect(result.gains.count == (cell.contender.name == "batch" ? 0 : 5))
            #expect(
                result.gains.allSatisfy { (0.002...1).contains($0.mean) && (0.002...1).contains($0.scale) })
            let again = try await experiment.run(cell, data, on: engine)
            #expect(again.accuracy == result.accuracy && again.loss == result.loss)
        }
    }

    /// A setting's groups are drawn the same for everybody, whatever is normalized together.
    @Test(arguments: ["layer", "batch examples=half", "batch examples=all"])
    func groupsAreTheSettings(contender: String) async throws {
        var experiment = try experiment()
        experiment.contenders = [try Contender(contender)]
        let data = try data()
        try experiment.check(data)
        let result = try await experiment.run(experiment.cells[1], data, on: OneDNNEngine(threads: 1))
        #expect(result.setting == "one label" && result.steps == 6)
        #expect((result.accuracyAsTrained != nil) == contender.hasPrefix("batch"))
    }

    @Test func whatIsNotFiniteEndsARunAndIsSaid() async throws {
        var experiment = try experiment()
        experiment.learningRate = 1e30
        let engine = try OneDNNEngine(threads: 1)
        let result = try await experiment.run(experiment.cells[0], try data(), on: engine)
        #expect(result.steps < 6 && result.notFinite != nil)
    }

    // MARK: Folders

    private func result(_ cell: Experiment.Cell, accuracy: Double) -> ExperimentResult {
        ExperimentResult(
            cell, steps: 6, notFinite: nil, accuracy: accuracy, loss: 1, accuracyAsTrained: 0.75,
            accuracyOfBatches: 0.5, trainingAccuracy: 0.5,
            curve: [ExperimentResult.CurvePoint(step: 3, accuracy: 0.25)],
            gains: [LayerGains(path: "bn1", mean: 0.5, scale: 0.25)], seconds: 1)
    }

    @Test func aFolderKeepsWhatWasMade() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "experiment \(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: url) }
        let experiment = try experiment()
        let common = ExperimentFolder.Common(experiment, try data())
        var folder = try ExperimentFolder(url, common)
        let results = experiment.cells.enumerated().map { result($1, accuracy: Double($0) / 10) }
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
        #expect(error.map { "\($0)".contains("--steps 6") && "\($0)".contains("--steps 7") } == true)
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

    /// What batches cannot be made of is said before any run.
    @Test func evaluationsAreChecked() throws {
        var experiment = try experiment()
        experiment.settings = [try ExperimentSetting("label-blocks:4x8 examples=32")]
        #expect(throws: ImagesError.self) { try experiment.check(try data()) }
    }

    /// With several sources, the parts that are measured often are not all of the first one.
    @Test func partsAreOfAllSources() throws {
        let sources = [try TinyData.dataset(3000), try TinyData.dataset(3000, seed: 2)]
        let both = try Dataset(joining: sources)
        let data = try Experiment.Data(training: both, heldOut: 2000, test: both)
        for part in [data.inBatches, data.alongTheWay] {
            let ofSecond = part.sourceOfExamples.filter { $0 == 1 }.count
            #expect(abs(Double(ofSecond) / Double(part.count) - 0.5) < 0.1)
        }
        #expect(data.inBatches.count == 2560 && data.alongTheWay.count == 1000)
        #expect(
            try Experiment.Data(training: both, heldOut: 2000, test: both).inBatches.labels
                == data.inBatches.labels)
    }

    @Test func brokenRunsAreCountedApart() throws {
        let experiment = try experiment(seeds: [0, 1, 2])
        let results = experiment.cells.map { cell in
            var found = result(cell, accuracy: cell.contender.name == "batch" ? 0.5 : 0.9)
            if cell.contender.name == "batch-renorm", cell.seed == 1 {
                (found.notFinite, found.accuracy) = ("bn1", 0.1)
            }
            return found
        }
        let table = ExperimentTable(
            results, contenders: experiment.contenders, settings: experiment.settings, seeds: [0, 1, 2])
        #expect(table.text("batch-renorm", "one label") == "90.0 ± 0.0 (1 broke)")
        #expect(table.text("batch", "one label") == "50.0 ± 0.0")
        #expect(table.best(in: "one label") == "batch")
        #expect(table.difference("batch-renorm", "batch", in: "one label")?.count == 2)
    }

    /// Accuracies by normalization and seed in one setting; `nil`: the run broke.
    @Test(arguments: [
        (
            [[0.8, 0.8, 0.8], [0.9, 0.9, 0.9]],
            "batch-renorm gets 90.0 % of the images right as deployed and batch 80.0 %."
        ),
        (
            [[0.5, 0.5, 0.5], [0.9, nil, 0.9]],
            "batch-renorm gets 90.0 % of the images right as deployed and batch 50.0 % (in training mode it seemed to reach "
                + "75.0 %). With batch-renorm, 1 of 3 runs broke."
        ),
        (
            [[nil, nil, nil], [0.9, 0.9, 0.9]],
            "batch-renorm gets 90.0 % of the images right as deployed. With batch, 3 of 3 runs broke."
        ),
        (
            [[nil, nil, nil], [nil, nil, nil]],
            "no run came to its end. With batch, 3 of 3 runs broke. With batch-renorm, 3 of 3 runs broke."
        ),
        ([[], []], "Nothing to compare yet."),
    ])
    func theSentenceSaysWhatBroke(accuracies: [[Double?]], expected: String) throws {
        var experiment = try experiment(seeds: [0, 1, 2])
        experiment.settings.removeFirst()
        let results = experiment.cells.compactMap { cell -> ExperimentResult? in
            let ofContender = accuracies[cell.contender.name == "batch" ? 0 : 1]
            guard Int(cell.seed) < ofContender.count else { return nil }
            let accuracy = ofContender[Int(cell.seed)]
            var found = result(cell, accuracy: accuracy ?? 0.1)
            found.notFinite = accuracy == nil ? "bn1" : nil
            return found
        }
        let table = ExperimentTable(
            results, contenders: experiment.contenders, settings: experiment.settings, seeds: [0, 1, 2])
        let text = ExperimentSentence(table).text
        #expect(text == (results.isEmpty ? expected : "With 'one label', " + expected))
    }

    @Test func differencesArePaired() throws {
        let experiment = try experiment(seeds: [0, 1, 2])
        let results = experiment.cells.map { cell in
            let base = Double(cell.seed) / 10
            return result(cell, accuracy: cell.contender.name == "batch" ? base : base + 0.05)
        }
        let table = ExperimentTable(
            results, contenders: experiment.contenders, settings: experiment.settings, seeds: [0, 1, 2])
        let difference = try #require(table.difference("batch-renorm", "batch", in: "one label"))
        #expect(abs(difference.mean - 0.05) < 1e-12 && difference.margin! < 1e-12)
        #expect(table.interval("batch", "one label")!.margin! > 0.2)
        #expect(table.best(in: "one label") == "batch-renorm")
        let page = ExperimentPage(
            table, common: ExperimentFolder.Common(experiment, try data()), command: "renorm compare <a & b>"
        ).html
        #expect(
            page.contains("<svg") && page.contains("&lt;a &amp; b&gt;") && !page.contains("href")
                && !page.contains("<script"))
        // A dot for each run, that says whose it is and what it got, and one for each mean.
        for run in results {
            let percent = Int((run.accuracy * 100).rounded())
            let note = "<title>\(run.contender), seed \(run.seed): \(percent) %</title>"
            let settings = experiment.settings.count
            #expect(page.components(separatedBy: note).count - 1 == settings, "\(note)")
        }
        for (name, percent) in [("batch", 10), ("batch-renorm", 15)] {
            #expect(page.contains("<title>\(name): \(percent) %, 3 seeds</title>"))
        }
    }
}
