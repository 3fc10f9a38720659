import Foundation
import Renorm
import RenormTestSupport
import Testing

/// One trained network, and others like it, in which illnesses are planted.
enum Patient {
    static let engine = Result { try OneDNNEngine(threads: 1) }
    static let healthy = Task { try await train() }
    static let data = Result {
        (training: try TinyData.dataset(1200), heldOut: try TinyData.dataset(600, seed: 2))
    }

    /// Images whose brightness is that of their class, so that a batch of one class has other moments.
    static func bright(_ dataset: Dataset) throws -> Dataset {
        let size = dataset.images.elementCount / dataset.count
        let pixels = dataset.images.values(of: UInt8.self).enumerated().map { place, pixel in
            UInt8(min(Int(pixel) / 2 + 60 * Int(dataset.labels[place / size]), 255))
        }
        return try Dataset(
            name: "bright", images: NDArray(pixels, shape: dataset.images.shape), labels: dataset.labels,
            classNames: dataset.classNames)
    }

    /// Images under so much noise that classes are not always told apart, and losses stay far above 0.
    static func faint(_ dataset: Dataset) throws -> Dataset {
        var random = Random(seed: 1, stream: "faint")
        let pixels = dataset.images.values(of: UInt8.self).map {
            UInt8(Int($0) / 2 + random.integer(below: 120))
        }
        return try Dataset(
            name: "faint", images: NDArray(pixels, shape: dataset.images.shape), labels: dataset.labels,
            classNames: dataset.classNames)
    }

    static func train(
        _ sampling: Sampling = .shuffled, batch: Int = 32, examples: Int? = nil,
        norm: any NormalizationKind = .batch,
        on images: Dataset? = nil, steps: Int = 300, from start: Model? = nil, network: (any Layer)? = nil
    ) async throws -> TrainedModel {
        let data = try data.get()
        let folder = try TemporaryFolder()
        let run = RunFolder(folder.appending("run"))
        var normalization = Normalization(norm)
        if let examples { normalization.examples = examples }
        let layer: any Layer = network ?? Small(classes: 3, width: 0.25, normalization: normalization)
        let configuration = TrainingConfiguration(
            options: TrainingOptions(learningRate: .cosine(from: 0.1, steps: 300)), steps: steps,
            batchSize: batch, sampling: sampling, validation: 0, seed: 4)
        _ = try await Trainer(
            model: start ?? Model(layer, input: [8, 8, 1], seed: 4), configuration: configuration,
            engine: engine.get(), training: images ?? data.training, folder: run
        ).run()
        return try TrainedModel(reading: run.chosen(), layer: layer)
    }

    static func diagnosis(
        _ trained: TrainedModel, faults: [Doctor.Fault] = [], target: Dataset? = nil,
        on other: (training: Dataset, heldOut: Dataset)? = nil, triesTraining: Bool = true,
        origin: Variables? = nil, live: Variables? = nil, _ change: (inout Variables) -> Void = { _ in },
        network changing: (inout Model) -> Void = { _ in }
    ) async throws -> Diagnosis {
        let data = try other ?? data.get()
        var history = Doctor.History()
        let configuration = trained.record.configuration
        (history.batchSize, history.sampling) = (configuration.batchSize, configuration.sampling)
        (history.step, history.steps) = (trained.step, configuration.steps)
        history.isScalingMeasured = true
        (history.origin, history.live) = (origin, live)
        var model = trained.model
        change(&model.variables)
        changing(&model)
        let subject = Doctor.Subject(
            model: model, scaling: trained.scaling, training: data.training, heldOut: data.heldOut,
            target: target, history: history, faults: faults)
        var options = Doctor.Options()
        options.triesTraining = triesTraining
        return try await Doctor(engine.get(), options: options).diagnose(subject)
    }

    /// The first finding, whose remedy must not measure worse than what is there.
    static func first(_ diagnosis: Diagnosis) throws -> Finding {
        let finding = try #require(
            diagnosis.findings.first, "\(diagnosis.scores) \(diagnosis.layers.map(\.deviation))")
        #expect(finding.kind == .finding && !diagnosis.isHealthy)
        if let measured = finding.remedy?.measuredLoss, let stored = diagnosis[.stored]?.loss,
            stored.isFinite,
            ![.preparation, .domainShift].contains(finding.cause)
        {
            #expect(measured < stored)
        }
        return finding
    }
}

extension Variables {
    /// Changes each value of a variable.
    mutating func change(_ path: String, _ transform: (Double) -> Double) {
        let old = self[path]!.value
        self[path]!.value = NDArray(old.doubles.map { Float(transform($0)) }, shape: old.shape)
    }
}
