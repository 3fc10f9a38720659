import Renorm
import RenormTestSupport

/// Two normalizations in two settings: a grid of very small runs, from Swift code.
enum TinyExperiment {
    static func experiment(seeds: [UInt64] = [0, 1]) -> Experiment {
        var experiment = Experiment(
            model: "small:0.25",
            contenders: [
                Experiment.Contender("batch", normalization: Normalization(.batch)),
                Experiment.Contender("batch-renorm", normalization: Normalization(.batchRenorm)),
            ],
            settings: [
                Experiment.Setting("shuffled examples=4", sampling: .shuffled, batchSize: 8, examples: 4),
                Experiment.Setting(
                    "one label", text: "label-blocks:1x4 examples=4",
                    sampling: .labelBlocks(labels: 1, each: 4), batchSize: 8, examples: 4),
            ], seeds: seeds, steps: 6)
        experiment.curvePoints = 2
        return experiment
    }

    static func data() throws -> Experiment.Data {
        let (training, test) = (try TinyData.dataset(80), try TinyData.dataset(24, seed: 2))
        return try Experiment.Data(training: training, heldOut: 16, test: test)
    }

    /// A result that no run gave.
    static func result(_ cell: Experiment.Cell, accuracy: Double) -> ExperimentResult {
        ExperimentResult(
            cell, steps: 6, notFinite: nil, accuracy: accuracy, loss: 1, accuracyAsTrained: 0.75,
            accuracyOfBatches: 0.5, trainingAccuracy: 0.5,
            curve: [ExperimentResult.CurvePoint(step: 3, accuracy: 0.25)],
            gains: [
                NormalizationReport(
                    path: "bn1",
                    readings: [
                        NormalizationReading("mean", value: 0.5), NormalizationReading("scale", value: 0.25),
                    ])
            ], seconds: 1)
    }
}
