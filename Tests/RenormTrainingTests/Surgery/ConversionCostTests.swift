import Renorm
import RenormTestSupport
import Testing

import RenormOneDNN

/// What conversions do to a trained network's answers before any training.
@Suite struct ConversionCostTests {
    /// A small network after some steps with batch normalization, and its pictures.
    private static let trained = Result { () throws -> (model: Model, images: NDArray) in
        let model = try Model(
            Small(classes: 3, width: 0.5, normalization: Normalization(.batch)), input: [8, 8, 1], seed: 1)
        let dataset = try TinyData.dataset(400)
        let scaling = try InputScaling(of: dataset)
        let graph = try TrainingGraph(
            model, batch: 32, options: TrainingOptions(learningRate: .constant(0.05), weightDecay: 1e-3))
        let engine = try OneDNNEngine(threads: 2)
        let store = try engine.makeStore(graph.initialState(of: model))
        let step = try TrainingStep(graph, on: engine)
        let loader = try BatchLoader(
            dataset: dataset, scaling: scaling,
            sampler: BatchSampler(.shuffled, dataset: dataset, batchSize: 32, seed: 1))
        defer { loader.cancel() }
        for number in 0..<150 { _ = try step.run(loader, step: number, on: store) }
        var result = model
        let state = try store.read()
        result.variables = model.variables.mapValues { path, old in state[path] ?? old }
        let next = try ImageBatches(TinyData.dataset(300, seed: 9), scaling: scaling, batchSize: 300).open()
        return (result, try next()!)
    }

    private func effect(from model: Model, to other: Model, _ images: NDArray) throws -> ConversionEffect {
        try ConversionEffect(
            from: model, to: other, on: ImageBatches(images, batchSize: 128), engine: OneDNNEngine(threads: 2)
        )
    }

    @Test func exactConversionsCostNothing() throws {
        let (model, images) = try Self.trained.get()
        for kind in [.batchRenorm, .frozen] as [any NormalizationKind] {
            let effect = try effect(from: model, to: model.converting(to: kind), images)
            #expect(effect.images == 300 && effect.changedAnswers == 0 && effect.logitDistance < 1e-5)
        }
    }

    /// γ and β carried over keep more answers than γ and β as they were.
    @Test(arguments: [.group(4), .layer, .instance, .filterResponse] as [any NormalizationKind])
    func carriedOverMoreAnswersStay(_ kind: any NormalizationKind) throws {
        let (model, images) = try Self.trained.get()
        let carried = try model.converting(to: kind)
        var asTheyWere = carried
        for path in carried.variables.paths
        where model.variables[path]?.value.shape == carried.variables[path]!.value.shape {
            asTheyWere.variables[path] = model.variables[path]
        }
        let (near, far) = try (
            effect(from: model, to: carried, images), effect(from: model, to: asTheyWere, images)
        )
        #expect(near.logitDistance <= far.logitDistance, "\(near) \(far)")
        #expect(near.changedAnswers <= far.changedAnswers, "\(near) \(far)")
    }

    @Test func theWayBackMeasuresAverages() throws {
        let (model, images) = try Self.trained.get()
        let measurement = try StatisticsMeasurement(OneDNNEngine(threads: 2))
        let batches = ImageBatches(images, batchSize: 100)
        for kind in [.group(4), .layer, .filterResponse] as [any NormalizationKind] {
            let other = try model.converting(to: kind)
            let back = try measurement.convert(of: other, to: BatchNormalization(), on: batches)
            #expect(back.layers.count == 5 && back.passes == 5)
            #expect(back.model.variables.paths.filter { !$0.hasSuffix("threshold") } == model.variables.paths)
            let plain = try measurement.measure(of: other.converting(to: .batch), on: batches).model
            let (near, far) = try (
                effect(from: other, to: back.model, images), effect(from: other, to: plain, images)
            )
            #expect(near.logitDistance < far.logitDistance, "\(kind.word) \(near) \(far)")
        }
        // What has averages is not measured but converted.
        let mixed = try model.converting("bn2", to: .layer)
        let renorm = try measurement.convert(of: mixed, to: BatchRenormalization(), on: batches)
        #expect(renorm.layers.map(\.path) == ["bn2"])
        let exact = try model.converting(to: .batchRenorm)
        #expect(renorm.model.variables["bn4.running_std"] == exact.variables["bn4.running_std"])
    }
}
