import Foundation
import Renorm

/// The pictures that a network was trained on and others that were held out, as far as its run or the command line says.
struct TrainingPictures {
    var training: Dataset
    /// Not trained on, of the same kind; `nil` where there are none.
    var heldOut: Dataset?
    /// How training drew batches of them.
    var history = Doctor.History()

    /// - Parameters:
    ///   - images: What is given in place of the run's own data.
    ///   - wantsHeldOut: Whether pictures to score on are looked for.
    init(
        of source: WeightsOptions.Source, _ images: DataOptions, seed: UInt64, wantsHeldOut: Bool
    ) throws {
        let (classifier, trained) = (source.classifier, source.run?.trained)
        let sources = try images.data.isEmpty ? source.ownData() : images.data
        var pictures =
            try source.run.map { try $0.saved.pictureOptions(images, $0.trained) }
            ?? images.pictures.options(seed: seed)
        // Of pictures that nothing parts none is set apart as for a run: they are halved for what they are needed for.
        if source.run == nil { pictures.runLists = [] }
        func load(_ part: Dataset.Part) throws -> Dataset {
            try loading(sources, isGiven: !images.data.isEmpty) {
                try DataSource.load(
                    $0, part, classNames: classifier.classNames,
                    labelOffset: trained?.record.data.labelOffset ?? 0,
                    framing: classifier.preparation.framing, pictures: pictures,
                    observe: DataProgress().observe)
            }.framed(as: classifier.preparation)
        }
        func loadIfThere(_ part: Dataset.Part) throws -> Dataset? {
            do {
                return try load(part)
            } catch ImagesError.noPart {
                return nil
            }
        }
        guard var own = try loadIfThere(.training) else {
            // Pictures that nothing parts.
            training = try load(.test)
            if let trained { history = TrainingPictures.history(trained, source) }
            return
        }
        if let trained {
            history = TrainingPictures.history(trained, source)
            let configuration = trained.record.configuration
            if configuration.validation > 0, configuration.validation < own.count {
                let parts = try own.split(validation: configuration.validation, seed: configuration.seed)
                (own, heldOut) = parts
            }
        }
        training = own
        guard wantsHeldOut, heldOut == nil else { return }
        heldOut = try loadIfThere(.validation) ?? loadIfThere(.test)
    }

    private static func history(_ trained: TrainedModel, _ source: WeightsOptions.Source) -> Doctor.History {
        let (record, configuration) = (trained.record, trained.record.configuration)
        var result = Doctor.History()
        result.batchSize = configuration.batchSize
        result.sampling = configuration.sampling
        result.augmentation = configuration.augmentation
        result.seed = configuration.seed
        (result.step, result.steps) = (record.step, configuration.steps)
        result.isScalingMeasured = configuration.scaling == nil && configuration.initialization == nil
        let (options, stages) = (configuration.options, configuration.unfreezing.stages)
        result.optimizer = options.optimizer
        result.learningRate = options.learningRate.largest(in: configuration.steps)
        result.labelSmoothing = options.labelSmoothing
        result.trainsEverything = stages.count == 1 && stages[0].parts == .all
        return result
    }
}

extension Schedule {
    /// The largest value in so many steps, looked for at up to a thousand of them and where the warm-up ends.
    fileprivate func largest(in steps: Int) -> Double? {
        let places = Array(stride(from: 0, to: steps, by: max(steps / 1000, 1))) + [max(warmup - 1, 0)]
        return places.filter { $0 < steps }.map(value).max()
    }
}

extension VariablesFile {
    /// The parameters and statistics of a file by their paths, whatever else is in it; of a file from elsewhere everything is taken for a
    /// statistic that is called like one, and for a parameter otherwise.
    var values: Variables {
        var result = Variables()
        for (path, array) in arrays.sorted(by: { $0.key < $1.key }) {
            let kind = kinds?[path] ?? (path.contains(".running_") ? .statistic : .parameter)
            guard kind == .parameter || kind == .statistic else { continue }
            result[path] = Variable(kind: kind, value: array)
        }
        return result
    }
}
