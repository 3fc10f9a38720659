import Renorm
import Testing

@Suite struct ExperimentTableTests {
    @Test func brokenRunsAreCountedApart() throws {
        let experiment = TinyExperiment.experiment(seeds: [0, 1, 2])
        let results = experiment.cells.map { cell in
            var found = TinyExperiment.result(cell, accuracy: cell.contender.name == "batch" ? 0.5 : 0.9)
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

    @Test func differencesArePaired() throws {
        let experiment = TinyExperiment.experiment(seeds: [0, 1, 2])
        let results = experiment.cells.map { cell in
            let base = Double(cell.seed) / 10
            return TinyExperiment.result(cell, accuracy: cell.contender.name == "batch" ? base : base + 0.05)
        }
        let table = ExperimentTable(
            results, contenders: experiment.contenders, settings: experiment.settings, seeds: [0, 1, 2])
        let difference = try #require(table.difference("batch-renorm", "batch", in: "one label"))
        #expect(abs(difference.mean - 0.05) < 1e-12 && difference.margin! < 1e-12)
        #expect(table.interval("batch", "one label")!.margin! > 0.2)
        #expect(table.best(in: "one label") == "batch-renorm")
    }
}
