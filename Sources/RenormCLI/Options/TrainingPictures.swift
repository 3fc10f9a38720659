import Foundation
import Renorm

/// The pictures that a network was trained on and others that were held out, as far as its run or the command line says.
struct TrainingPictures {
    var training: Dataset
    /// Not trained on, of the same kind; `nil` where there are none.
    var heldOut: Dataset?
    /// How training drew batches of them.
    var history = Doctor.History()
    /// Whether they have labels.
    var isLabelled = true

    /// What is scored: the held-out ones, else those of training.
    var scored: Dataset { heldOut ?? training }

    /// - Parameters:
    ///   - given: What is given in place of the run's own data.
    ///   - preparation: How pictures are prepared; `nil`: as the network has it.
    ///   - most: The most pictures without labels that are read; others are chosen from later.
    ///   - wantsHeldOut: Whether pictures to score on are looked for.
    init(
        of source: WeightsOptions.Source, _ given: TrainedNetworkOptions,
        as preparation: Preparation? = nil, atMost most: Int, wantsHeldOut: Bool
    ) throws {
        let (classifier, trained) = (source.classifier, source.run?.trained)
        let (named, files) = try given.data.parted("data")
        if let trained { history = TrainingPictures.history(trained, source) }
        guard files.isEmpty else {
            training = try given.unlabelled(files, "data").dataset(
                for: classifier, as: preparation ?? classifier.preparation, atMost: most)
            isLabelled = false
            return
        }
        var images = DataOptions()
        (images.data, images.pictures) = (named, given.pictures)
        let sources = try named.isEmpty ? source.ownData() : named
        let pictures = try source.pictureOptions(images, seed: given.seed)
        func load(_ part: Dataset.Part) throws -> Dataset {
            let loaded = try loading(sources, isGiven: !named.isEmpty) {
                try DataSource.load(
                    $0, part, classNames: classifier.classNames,
                    labelOffset: trained?.record.data.labelOffset ?? 0,
                    framing: (preparation ?? classifier.preparation).framing, pictures: pictures,
                    observe: DataProgress().observe)
            }.framed(as: preparation ?? classifier.preparation)
            // Images in memory that are of the network's size already.
            guard let framing = preparation?.framing, loaded.framing != framing, loaded.size == framing.size
            else { return loaded }
            return try Dataset(loaded.index, images: loaded.imageSource, framing: framing)
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
            return
        }
        if let configuration = trained?.record.configuration {
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
        if let folder = source.run?.saved.folder, folder.hasCheckpoint,
            let last = try? CheckpointRecord(reading: folder.last)
        {
            result.isFinished = last.step >= configuration.steps
        }
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
