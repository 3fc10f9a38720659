import RenormArrays
import RenormEngines
import RenormGraphs
import RenormImages
import RenormLayers
import RenormTraining

/// Measures the moving averages of a trained network anew, its weights as they are.
///
///     let better = try Recalibrator(engine).recalibrate(
///         model, by: .training, on: training, scaling: scaling, history: history)
///
/// What is frozen stays as it is.
public struct Recalibrator: Sendable {
    /// Whose averages.
    public enum Estimator: String, Sendable, Hashable, Codable, CaseIterable {
        /// Training's own, averaged anew on batches as training draws them, all layers in training mode (`Recalibration`).
        case training
        /// Exact statistics of the population, layers in order (`StatisticsMeasurement`).
        case population
    }

    /// What to compute with.
    public var engine: any Engine
    /// How many threads prepare batches; `nil`: as the images need.
    public var workers: Int?

    /// Makes a recalibrator.
    public init(_ engine: any Engine, workers: Int? = nil) { (self.engine, self.workers) = (engine, workers) }

    /// The network with measured averages.
    ///
    /// - Parameters:
    ///   - pictures: Training pictures, each of which passes once or, of the population, once for each layer of the longest chain.
    ///   - history: How training drew batches.
    /// - Throws: `TrainingError.option` where there are fewer pictures than a batch has, or nothing to measure; `ImagesError` where
    ///   batches cannot be drawn so; what the engine throws.
    public func recalibrate(
        _ model: Model, by estimator: Estimator, on pictures: Dataset, scaling: InputScaling,
        history: Doctor.History
    ) throws -> Model {
        let moving = try model.movingNormalizations()
        guard !moving.isEmpty else {
            throw TrainingError.option(
                name: "recalibration",
                found: "a network whose normalizations keep no averages that move",
                expected: "batch or batch-renorm normalizations that are not frozen")
        }
        switch estimator {
        case .population:
            let paths = Set(moving.map(\.path))
            return try StatisticsMeasurement(engine).measure(
                of: model, on: ImageBatches(pictures, scaling: scaling, workers: workers)
            ) { paths.contains($0.path) }.model
        case .training:
            let group = try model.commonGroupSize() ?? 1
            let batch = max(min(history.batchSize, pictures.count) / group * group, group)
            guard pictures.count >= batch else {
                throw TrainingError.option(
                    name: "examples", found: "\(pictures.count) pictures",
                    expected: "at least those of a group, \(batch)")
            }
            let sampler = try BatchSampler(
                history.sampling, dataset: pictures, batchSize: batch,
                groupSize: try model.commonGroupSize() ?? batch, seed: history.seed)
            let loader = BatchLoader(
                dataset: pictures, scaling: scaling, augmentation: history.augmentation, sampler: sampler,
                seed: history.seed, from: 0, to: max(pictures.count / batch, 1),
                workers: workers ?? BatchLoader.workers(for: pictures.imageSource))
            defer { loader.cancel() }
            let measuring = try Recalibration(
                model, stage: 0, batch: batch, precision: .f32, engine: engine)
            let averages = try measuring.averages(
                of: engine.makeStore(model.variables), on: { try loader.next()?.images },
                step: history.step ?? 0,
                isCancelled: { false })
            var result = model
            for (path, variable) in averages { result.variables[path]?.value = variable.value }
            return result
        }
    }
}

extension Model {
    /// The normalizations that keep averages, each once, as they are in training.
    func averagingNormalizations() throws -> [NormalizationRecord] {
        let builder = GraphBuilder()
        var known: Set<String> = []
        // A batch that groups of examples divide.
        let images = try builder.images(input, batch: commonGroupSize() ?? 1)
        return try trace(images, on: builder, phase: .training).normalizations.filter {
            $0.normalization.keepsPopulation && known.insert($0.path).inserted
        }
    }

    /// Those of them whose averages move in training.
    func movingNormalizations() throws -> [NormalizationRecord] {
        try averagingNormalizations().filter {
            $0.normalization.isBatchwise && $0.phase.statistics == .batch && $0.phase.updatesStatistics
        }
    }
}
