import RenormArrays
import RenormEngines
import RenormGraphs
import RenormImages
import RenormLayers
import RenormTraining

/// One examination of a network: what has been measured so far, and what was found. Its tests stand in files of their own, and run in
/// the order of `diagnosis`: each takes away what it explains, so that the next sees what is left.
final class Examination {
    let subject: Doctor.Subject
    let engine: any Engine
    let options: Doctor.Options
    let observe: ((DoctorStage) -> Void)?
    private let isCancelled: () -> Bool

    /// Training pictures to measure statistics on.
    let reference: Dataset
    /// Pictures to score on.
    let scored: Dataset
    /// The number of examples that were normalized together in training.
    let group: Int
    /// Every normalization that keeps averages, once.
    let records: [NormalizationRecord]
    /// Those of them whose averages move in training.
    let moving: [NormalizationRecord]

    /// The network; what cannot be computed with is mended.
    var model: Model
    var stored: [String: LayerAverages]
    /// The averages of A and of B.
    var training: [String: LayerAverages] = [:]
    var population: [String: LayerAverages] = [:]
    /// What comes to each normalization in groups as training has them, and in the chain of stored averages.
    var grouped: [String: NormalizationPass.Layer] = [:]
    var storedChain: [String: NormalizationPass.Layer] = [:]
    /// The same in the chain of B, with what ReLUs give.
    var soundChain: [String: NormalizationPass.Layer] = [:]
    var chainDifferences: [String: (all: Double, worst: Double)] = [:]
    var scores: [StatisticsKind: ScoredExamples] = [:]
    var layers: [String: LayerDiagnosis] = [:]
    var gradients: [GradientDiagnosis] = []
    var activations: [ActivationDiagnosis] = []
    var sampler: SamplerDiagnosis?
    var shifts: [LayerShift] = []
    var findings: [Finding] = []
    var remarks: [String] = []
    /// Averages of the population, where they do better than training's own estimator because of the groups that it sees.
    var mismatch: BestAverages?
    /// What is to be tried once everything is measured, one after another until something helps.
    var trials: [RetrainingTrial] = []
    /// Layers whose averages are 0 and 1.
    var resetLayers: Set<String> = []

    init(
        _ subject: Doctor.Subject, _ engine: any Engine, _ options: Doctor.Options,
        observe: ((DoctorStage) -> Void)? = nil, isCancelled: @escaping () -> Bool
    ) throws {
        var subject = subject
        remarks += subject.forgetLabels()
        self.subject = subject
        self.engine = engine
        self.options = options
        (self.observe, self.isCancelled) = (observe, isCancelled)
        model = subject.model
        try model.check(subject.training)
        if let heldOut = subject.heldOut { try model.check(heldOut) }
        if let target = subject.target { try model.check(target) }
        guard options.examples >= 2 else {
            throw TrainingError.option(
                name: "examples", found: "\(options.examples)", expected: "at least 2")
        }
        if let heldOut = subject.heldOut, heldOut.count > 0 {
            scored = try heldOut.sample(options.examples, seed: options.seed).inMemory()
            reference = try subject.training.sample(options.examples, seed: options.seed)
                .inMemory(unless: subject.history.augmentation != .none)
        } else {
            let all = subject.training.sample(2 * options.examples, seed: options.seed)
            let halves = try all.split(validation: all.count / 2, seed: options.seed)
            (reference, scored) = (
                try halves.training.inMemory(unless: subject.history.augmentation != .none),
                try halves.validation.inMemory()
            )
            remarks.append(
                "there are no held-out pictures: what is scored are training pictures that statistics were not measured on, on which losses are lower"
            )
        }
        if min(scored.count, reference.count) < Examination.fewPictures {
            remarks.append(
                "\(reference.count) pictures were measured and \(scored.count) scored: of so few only what is far off can be told from chance; a thousand show all"
            )
        }
        let size = min(subject.history.batchSize, reference.count)
        group = try model.commonGroupSize() ?? size
        records = try model.averagingNormalizations()
        moving = try model.movingNormalizations()
        stored = [:]
        readStored()
    }

    /// Fewer than these show wrong and reset layers, but not what costs little.
    private static let fewPictures = 256

    /// Takes the averages of the network as those that are stored.
    func readStored() {
        for record in records { stored[record.path] = LayerAverages(record, in: model.variables) }
    }

    var thresholds: DiagnosisThresholds { options.thresholds }

    func checkCancellation() throws { if isCancelled() { throw CancellationError() } }

    /// Measures and tests.
    func diagnosis() throws -> Diagnosis {
        guard testStructure() else { return result() }
        testMovedFreeze()
        try measure()
        observe?(.input)
        try testInput()
        try testPreparation()
        observe?(.averages)
        try testAverages()
        try testGroups()
        testNumbers()
        // Gradients are those of a loss, which takes labels.
        if subject.isLabelled {
            observe?(.gradients)
            try testGradients()
        }
        return result()
    }

    private func result() -> Diagnosis {
        let base = scores[.stored]
        let known = StatisticsKind.allCases.compactMap { kind in scores[kind].map { (kind, $0) } }
        return Diagnosis(
            data: subject.training.name, reference: reference.count, scored: scored.count,
            isLabelled: subject.isLabelled,
            scores: known.map { kind, score in
                StatisticsScore(
                    statistics: kind, loss: score.isLabelled ? score.evaluation.loss : nil,
                    accuracy: score.isLabelled ? score.accuracy : nil,
                    meanConfidence: score.evaluation.meanConfidence,
                    calibrationError: score.isLabelled ? score.evaluation.calibrationError : nil,
                    changedAnswers: base?.changedAnswers(in: score) ?? 0,
                    examples: score.evaluation.examples)
            },
            differences: zip(known, known.dropFirst()).map { from, to in
                ScoreDifference(
                    from.0, to.0, difference(from.0, to.0), isLabelled: subject.isLabelled)
            },
            layers: records.compactMap { layers[$0.path] }, gradients: gradients, activations: activations,
            sampler: sampler, shifts: shifts,
            findings: findings.sorted { $0.rank < $1.rank }, remarks: remarks)
    }

    /// How far another kind of statistics is from one, on the same examples. D has examples more than once, so whatever it is compared
    /// with is looked up.
    func difference(_ from: StatisticsKind, _ to: StatisticsKind) -> PairedDifference {
        guard let own = scores[from], let other = scores[to] else {
            return PairedDifference(loss: [], accuracy: [], inGroupsOf: 1, seed: options.seed)
        }
        return own.difference(of: other, seed: options.seed)
    }

    /// The network with averages in the place of those that it has.
    func model(with averages: [String: LayerAverages], at paths: Set<String>? = nil) throws -> Model {
        var result = model
        for record in records where paths?.contains(record.path) ?? true {
            if let own = averages[record.path] { try result.variables.set(own, of: record) }
        }
        return result
    }

    func add(_ finding: Finding) { findings.append(finding) }
}

extension Dataset {
    /// At most so many of the examples, by a seed, in their order.
    package func sample(_ count: Int, seed: UInt64) -> Dataset {
        guard count < self.count else { return self }
        var random = Random(seed: seed, stream: "doctor")
        return subset(random.permutation(self.count).prefix(count).sorted(), name: name)
    }

    /// The same with pictures that are decoded once, since they pass several times; those of several sources stay where they are, since
    /// batches may be drawn by source.
    func inMemory(unless stays: Bool = false) throws -> Dataset {
        guard imageSource.decodes, !stays, sources.count == 1 else { return self }
        return try Dataset(name: name, images: readImages(), labels: labels, classNames: classNames)
    }
}
