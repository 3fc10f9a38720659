import Renorm
import RenormTestSupport
import Testing

/// What people read of an experiment.
@Suite struct ExperimentPageTests {
    private let experiment = Experiment(
        model: "small:0.25",
        contenders: [
            Experiment.Contender("batch", normalization: Normalization(.batch)),
            Experiment.Contender("batch-renorm", normalization: Normalization(.batchRenorm)),
        ],
        settings: [
            Experiment.Setting(
                "one label", sampling: .labelBlocks(labels: 1, each: 4), batchSize: 8, examples: 4)
        ], seeds: [0, 1, 2], steps: 6)

    private func data() throws -> Experiment.Data {
        try Experiment.Data(training: TinyData.dataset(80), heldOut: 16, test: TinyData.dataset(24, seed: 2))
    }

    private func result(_ cell: Experiment.Cell, accuracy: Double) -> ExperimentResult {
        ExperimentResult(
            cell, steps: 6, notFinite: nil, accuracy: accuracy, loss: 1, accuracyAsTrained: 0.75,
            accuracyOfBatches: 0.5, trainingAccuracy: 0.5, curve: [], gains: [], seconds: 1)
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
        let experiment = experiment
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

    /// Every run has its dot in the plot of accuracies, every mean one, and nothing is loaded from elsewhere.
    @Test func thePageShowsEveryRun() throws {
        let experiment = experiment
        let results = experiment.cells.map { result($0, accuracy: 0.5 + Double($0.seed) / 10) }
        let table = ExperimentTable(
            results, contenders: experiment.contenders, settings: experiment.settings, seeds: [0, 1, 2])
        let page = ExperimentPage(
            table, common: ExperimentFolder.Common(experiment, try data()), command: "renorm compare <a & b>")
        #expect(page.html.contains("&lt;a &amp; b&gt;"))
        #expect(!page.html.contains("href") && !page.html.contains("<script"))
        for cell in experiment.cells {
            let note = "\(cell.contender.name), seed \(cell.seed): \(50 + 10 * cell.seed) %"
            #expect(page.drawings["accuracy.svg"]?.contains(note) == true, "\(note)")
        }
        let accuracies = try #require(page.drawings["accuracy.svg"])
        #expect(accuracies.components(separatedBy: "<circle").count - 1 == 2 * (3 + 1))
    }
}
