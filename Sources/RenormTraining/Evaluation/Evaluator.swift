import Foundation
import RenormArrays
import RenormEngines
import RenormImages
import RenormLayers

/// Evaluates models.
///
///     let trained = try TrainedModel(reading: run.chosen())
///     let result = try await Evaluator(engine).evaluate(trained, on: test)
///
/// The work happens on a thread of its own; a cancelled task stops it between two batches.
public struct Evaluator: Sendable {
    /// What to compute with.
    public var engine: any Engine
    /// How.
    public var options: EvaluationOptions
    /// How many threads prepare batches, on which no result depends; `nil`: as the images need.
    public var workers: Int?

    /// Makes an evaluator.
    public init(
        _ engine: any Engine, options: EvaluationOptions = EvaluationOptions(), workers: Int? = nil
    ) {
        self.engine = engine
        self.options = options
        self.workers = workers
    }

    /// How a saved model does on labelled examples.
    ///
    /// With batch statistics and groups of k examples, examples that are left over when whole groups are taken are
    /// normalized as one group of their own.
    ///
    /// - Throws: `TrainingError` if the data are not for the model or its values are not finite on them, `ImagesError` if batch, groups and order do not fit
    ///   each other, `EngineError`, `CancellationError`.
    public func evaluate(_ trained: TrainedModel, on dataset: Dataset) async throws -> Evaluation {
        try await measure(trained, on: dataset).evaluation
    }

    /// How a model does on labelled examples.
    public func evaluate(_ model: Model, on dataset: Dataset, scaling: InputScaling) async throws
        -> Evaluation
    {
        try await measure(model, on: dataset, scaling: scaling).evaluation
    }

    /// How a saved model does on labelled examples, those of sources of which it has statistics of their own with these, and which classes it takes for which.
    ///
    /// - Parameter each: Called with the result of each example, one after another on one thread, in the order of the options.
    /// - Throws: As `evaluate`, and what `each` throws.
    public func measure(
        _ trained: TrainedModel, on dataset: Dataset,
        each: (@Sendable (ExampleResult) throws -> Void)? = nil
    ) async throws -> DetailedEvaluation {
        var own = self
        own.options.trainedBatchSize = trained.record.configuration.batchSize
        own.options.precision = options.precision ?? trained.precision(on: engine)
        let evaluator = own
        return try await evaluator.measure(
            trained.model, on: dataset, scaling: trained.scaling,
            parts: {
                evaluator.options.statistics == .moving
                    ? trained.parts(of: $0, on: $1) : [EvaluationPass.Part($0)]
            }, each: each)
    }

    /// How a model does on labelled examples, and which classes it takes for which.
    public func measure(
        _ model: Model, on dataset: Dataset, scaling: InputScaling,
        each: (@Sendable (ExampleResult) throws -> Void)? = nil
    ) async throws -> DetailedEvaluation {
        try await measure(
            model, on: dataset, scaling: scaling, parts: { dataset, _ in [EvaluationPass.Part(dataset)] },
            each: each)
    }

    /// The same with examples in parts that each need something of the store.
    private func measure(
        _ model: Model, on dataset: Dataset, scaling: InputScaling,
        parts: @escaping @Sendable (Dataset, any Store) -> [EvaluationPass.Part],
        each: (@Sendable (ExampleResult) throws -> Void)? = nil
    ) async throws -> DetailedEvaluation {
        try await onOwnThread(named: "renorm.evaluation") { [engine, options, workers] isCancelled in
            try model.check(dataset)
            try scaling.check(dataset)
            let pass = try EvaluationPass(model, engine: engine, options: options, workers: workers)
            let store = try engine.makeStore(model.variables)
            let measurement = try pass.measure(
                parts(dataset, store), scaling: scaling, on: store, stopsAtNotFinite: true,
                isCancelled: isCancelled, each: each)
            if let path = measurement.notFinite {
                throw TrainingError.notFiniteOn(data: dataset.name, path: path)
            }
            return measurement
        }
    }
}

extension InputScaling {
    /// Throws unless it is for as many channels as images have.
    func check(_ dataset: Dataset) throws {
        guard channels == dataset.channels else {
            throw TrainingError.option(
                name: "scaling", found: "\(channels) channels",
                expected: "\(dataset.channels), as the images of \(dataset.name) have")
        }
    }
}

extension Model {
    /// Throws unless images and classes of a dataset are those that the model takes and tells apart.
    package func check(_ dataset: Dataset) throws {
        let image: TensorShape = [dataset.height, dataset.width, dataset.channels]
        guard image == input else {
            throw TrainingError.imageShape(data: dataset.name, found: image, expected: input)
        }
        let classes = try outputShape()[-1]
        guard classes == dataset.classCount else {
            throw TrainingError.classes(data: dataset.name, found: dataset.classCount, expected: classes)
        }
    }
}
