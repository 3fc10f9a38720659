import Foundation
import Renorm

/// The trained network that a run goes on from (`--from`).
struct FineTuningSource {
    /// The network as it was saved: its classes, its pictures, its normalization.
    let classifier: Classifier
    /// What messages call it.
    let name: String

    /// What a run begins with.
    struct Start {
        var architecture: Architecture
        var model: Model
        /// Whether the layer that tells classes apart starts anew.
        var hasNewHead: Bool
    }
}

extension TrainOptions {
    /// The network that `--from` names; `nil` without it.
    func fineTuningSource() throws -> FineTuningSource? {
        guard let from else { return nil }
        let isModelGiven = CommandArguments.asked.contains("model")
        var classifier: Classifier
        if !isModelGiven, (try? ONNXModel.isONNX(from.url)) == true {
            classifier = try Classifier(onnx: from.url)
        } else {
            let file = try VariablesFile(reading: SavedRun(from.description).model)
            for remark in file.remarks { note(remark) }
            let origin = try Classifier.origin(of: file)
            if let origin, !isModelGiven || origin.architecture.name == network.model.description {
                classifier = try Classifier(file)
            } else if let origin {
                throw UsageError(
                    "--model: found '\(network.model.description.visible)' with '\(from.description.visible)', which is a "
                        + "\(origin.architecture.name.visible); expected the network that it is. Leave it out."
                )
            } else if isModelGiven {
                classifier = try weights(file)
            } else {
                throw UsageError(
                    "\(TrainingError.unknownNetwork(path: from.description)) (On the command line: --model NAME.)"
                )
            }
        }
        for remark in classifier.remarks { note(remark) }
        classifier.model.overrides = classifier.model.overrides.compactMap(\.withoutFreezing)
        return FineTuningSource(classifier: classifier, name: from.description)
    }

    /// The network of somebody else's weights.
    private func weights(_ file: VariablesFile) throws -> Classifier {
        let request = WeightsMatch.Request(
            name: network.model.description, description: network.model.described, stem: network.stem)
        var usage = Classifier.Usage()
        let architecture = try WeightsMatch(of: file, for: request).architecture
        usage.except = try exceptions(in: architecture.makeModel(seed: seed))
        return try Classifier(file, for: request, usage: usage, seed: seed)
    }

    /// Says something about the network in a line.
    private func note(_ text: String) { warn("note: \((from?.description ?? "").visible): \(text.visible)") }

    /// These options with the preparation of the network where nothing else is asked for.
    func preparing(as source: FineTuningSource) throws -> TrainOptions {
        var result = self
        let framing = source.classifier.preparation.framing
        func isOpen(_ option: String) -> Bool { !CommandArguments.asked.contains(option) }
        if isOpen("size") {
            result.preparation.size = PictureOptions.Size(
                height: framing.size.height, width: framing.size.width)
        }
        if isOpen("resize") { result.preparation.resize = framing.fit }
        if isOpen("interpolation") { result.preparation.interpolation = framing.interpolation }
        if isOpen("background") { result.preparation.background = framing.background }
        if isOpen("channels"), [1, 3].contains(framing.size.channels) {
            result.preparation.channels = framing.size.channels
        }
        if isOpen("stem") { result.network.stem = source.classifier.architecture?.stem }
        if let architecture = source.classifier.architecture {
            result.network.model =
                try architecture.description.map {
                    NetworkName(described: $0, at: architecture.name)
                } ?? NetworkName(parsing: architecture.name)
        }
        return result
    }

    /// These options with the scaling of the network, for pictures of so many channels, where nothing else is asked for.
    func scaling(as source: FineTuningSource, channels: Int) -> TrainOptions {
        guard CommandArguments.asked.isDisjoint(with: ["mean", "deviation"]) else { return self }
        var result = self
        let scaling = source.classifier.preparation.scaling.of(channels: channels)
        (result.preparation.mean, result.preparation.deviation) = (
            .given(scaling.mean), .given(scaling.deviation)
        )
        return result
    }

    /// The network for these data: with a head of its own where there are other classes, for their channels, with the normalization
    /// that is asked for.
    ///
    /// - Parameter data: The training images that are not held out, on which averages are measured.
    func start(
        from source: FineTuningSource, on data: Dataset, engine: any Engine
    ) throws -> FineTuningSource.Start {
        var classifier = source.classifier
        let (classes, old) = (data.classCount, classifier.classNames.count)
        let sentences = try classifier.adapt(
            classes: classes == old ? nil : classes, channels: data.channels,
            size: (data.height, data.width), seed: seed)
        for sentence in sentences {
            note(
                classes == old
                    ? sentence : "\(classes.grouped) classes in place of \(old.grouped). \(sentence)")
        }
        var model = classifier.model
        let head = try classifier.architecture?.headPaths() ?? []
        var hasNewHead = classes != old
        for pattern in try exceptions(in: model) {
            hasNewHead = hasNewHead || head.contains(where: pattern.matches)
            for specification in try model.specifications() where pattern.matches(specification.path) {
                model.variables[specification.path]?.value = specification.initialValue(seed: seed)
            }
        }
        if !normalization.norm.isKept {
            model = try converted(
                model, on: batches(of: data, classifier.preparation.scaling), engine: engine)
        }
        guard let architecture = classifier.architecture else {
            throw TrainingError.unknownLayers(path: source.name)
        }
        if try measuresAverages(model, images: data.count) {
            var random = Random(seed: seed, stream: "starting-averages")
            let order = random.permutation(data.count).prefix(FineTuningDefaults.measuredImages)
            let images = batches(
                of: data.subset(Array(order)), classifier.preparation.scaling,
                size: min(FineTuningDefaults.measuredTogether, order.count))
            model = try StatisticsMeasurement(engine).estimate(of: model, on: images)
            note(
                "Its averages begin as those of \(order.count.grouped) training images (--averages measured)."
            )
        }
        return try FineTuningSource.Start(
            architecture: architecture, model: model, hasNewHead: hasNewHead
        ).simplified(layer: model)
    }

    /// Images as the network takes them.
    private func batches(of data: Dataset, _ scaling: InputScaling, size: Int = 64) -> ImageBatches {
        ImageBatches(data, scaling: scaling, batchSize: size, workers: loading.workers)
    }

    /// Whether averages begin as those of the training images.
    private func measuresAverages(_ model: Model, images: Int) throws -> Bool {
        let records = try model.tracedNormalizations()
        if let averages {
            guard averages == .kept || records.contains(where: \.normalization.keepsPopulation) else {
                throw UsageError(
                    "--averages: found \(averages), with a network whose normalizations keep none; expected kept. Leave it out."
                )
            }
            return averages == .measured
        }
        let isPartFrozen = [freeze, freezeParameters, freezeStatistics].contains { $0 != nil }
        let staysPartFrozen = unfreeze.map { $0.stages.last?.parts != .all } ?? false
        return CommandArguments.isFineTuning && !isPartFrozen && !staysPartFrozen
            && images >= 2 * FineTuningDefaults.measuredTogether
            && records.contains { $0.normalization.kind is BatchRenormalization }
    }

    /// The network with the normalization that is asked for.
    private func converted(
        _ model: Model, on images: ImageBatches, engine: any Engine
    ) throws -> Model {
        let asked = try normalization.value(
            steps: steps ?? 1000, batchSize: batchSize, limits: limits, averagingRate: averagingRate)
        let before = try model.tracedNormalizations()
        guard !before.isEmpty else {
            throw UsageError(
                "--norm: found \(normalization.norm), with a network that has no normalization to convert; expected "
                    + "keep. Leave it out.")
        }
        let needsMeasuring = before.contains { !$0.normalization.keepsPopulation }
        let result: Model
        if let kind = asked.kind as? any PopulationNormalization, needsMeasuring {
            result = try StatisticsMeasurement(engine).convert(of: model, to: kind, on: images).model
        } else {
            result = try model.converting(to: asked.kind)
        }
        let changed = try ConversionReport(from: model, to: result)
        if let first = changed.layers.first {
            note(
                "\(changed.layers.count) normalizations become \(first.to)"
                    + (changed.keepsInference
                        ? ", which at inference say what they said."
                        : needsMeasuring
                            ? ", their averages measured on the training images."
                            : ", which changes what the network says until it is trained."))
        }
        return result
    }
}

extension FineTuningSource.Start {
    /// The same network with one normalization for all layers, if it has one, in place of overrides.
    fileprivate func simplified(layer model: Model) throws -> FineTuningSource.Start {
        let records = try model.tracedNormalizations()
        guard model.overrides.contains(where: { $0.normalization != nil }),
            let normalization = records.first?.normalization
        else { return self }
        var simple = self
        simple.architecture.normalization = normalization
        simple.model = Model(
            try simple.architecture.makeLayer(), input: model.input,
            overrides: model.overrides.compactMap(\.withoutNormalization), variables: model.variables)
        return try simple.model.tracedNormalizations() == records ? simple : self
    }
}

extension Override {
    /// The same but for what is frozen and for phases; `nil` where nothing is left.
    fileprivate var withoutFreezing: Override? {
        var result = self
        (result.isTrainable, result.freezesStatistics, result.phase) = (nil, nil, nil)
        return result == Override(pattern) ? nil : result
    }

    /// The same but for its normalization; `nil` where nothing is left.
    fileprivate var withoutNormalization: Override? {
        var result = self
        result.normalization = nil
        return result == Override(pattern) ? nil : result
    }
}
