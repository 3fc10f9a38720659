import RenormArrays
import RenormEngines
import RenormGraphs
import RenormImages
import RenormLayers
import RenormTraining

extension Examination {
    /// Measures the five kinds of statistics, what comes to each layer, and how batches are drawn.
    func measure() throws {
        observe?(.stored)
        scores[.stored] = try score(model)
        guard !records.isEmpty else { return }
        storedChain = try pass(model, phase: .inference, on: images(lookedAt))
        if !moving.isEmpty {
            observe?(.training)
            training = try trainingAverages(of: model)
            try checkCancellation()
        }
        observe?(.population)
        population = try populationAverages(of: model)
        try checkCancellation()
        // Averages that are wrong make channels silent that are not dead.
        soundChain = try pass(
            model(with: population), phase: .inference, on: images(lookedAt), wantsMaxima: true)
        if !moving.isEmpty {
            scores[.training] = try score(model(with: training))
            try measureGroups()
        }
        scores[.population] = try score(model(with: population))
        try checkCancellation()
        if !moving.isEmpty {
            observe?(.groups)
            scores[.independent] = try score(model, batchStatistics: .shuffled)
            do {
                scores[.drawn] = try score(model, batchStatistics: subject.history.sampling)
            } catch let error as ImagesError {
                remarks.append(
                    "batches could not be drawn from \(scored.count) pictures as in training (\(error))")
            }
        }
        observe?(.chain)
        try measureChain()
        for record in records { layers[record.path] = diagnosis(of: record) }
    }

    /// The pictures on which layers are looked at: means by channel need fewer than losses.
    private var lookedAt: Dataset { reference.sample(512, seed: options.seed) }

    /// Each picture once, in batches that fit the memory.
    ///
    /// - Parameter isShuffled: Whether they come in an order of the seed's: data are often sorted by class, and batches then would be too.
    func images(
        _ dataset: Dataset, batch: Int? = nil, isShuffled: Bool = true, scaling: InputScaling? = nil
    ) -> ImageBatches {
        var random = Random(seed: options.seed, stream: "doctor's order")
        let ordered =
            isShuffled
            ? dataset.subset(random.permutation(dataset.count), name: dataset.name) : dataset
        return ImageBatches(
            ordered, scaling: scaling ?? subject.scaling, batchSize: batch ?? min(largeBatch, dataset.count),
            workers: options.workers)
    }

    /// A batch whose largest activations take a quarter of a gibibyte.
    var largeBatch: Int {
        let largest = records.map { $0.input.elementCount / max($0.input[0], 1) }.max() ?? 1
        return min(max((1 << 26) / max(largest, 1), 32), 1000)
    }

    func pass(
        _ model: Model, phase: Phase, on images: ImageBatches, group: Int? = nil, wantsMaxima: Bool = false,
        comparedWith other: Phase? = nil
    ) throws -> [String: NormalizationPass.Layer] {
        try NormalizationPass(engine: engine).run(
            model, phase: phase, on: images, group: group, wantsMaxima: wantsMaxima, comparedWith: other)
    }

    // MARK: Scores

    /// How a network does with moving averages or, in groups of training's size, with batch statistics.
    func score(
        _ model: Model, batchStatistics sampling: Sampling? = nil, on dataset: Dataset? = nil,
        scaling: InputScaling? = nil, isLabelled: Bool? = nil
    ) throws -> ScoredExamples {
        try checkCancellation()
        let dataset = dataset ?? scored
        let large = largeBatch >= 250 ? 250 : 64
        var options = EvaluationOptions(
            statistics: sampling == nil ? .moving : .batch, batchSize: large, seed: self.options.seed,
            precision: .f32)
        var together = 1
        if let sampling {
            together = min(group, dataset.count)
            options.sampling = sampling
            options.examplesTogether = together
            options.examplesOfBlock = together
            // Batches that are sorted in themselves are so as a whole.
            let isSortedInBatches = sampling == .sortedBatches || sampling == .sortedBatchesInAnyOrder
            let batch = isSortedInBatches ? subject.history.batchSize : large
            options.batchSize = max(min(batch, dataset.count) / together, 1) * together
        }
        let pass = try EvaluationPass(model, engine: engine, options: options, workers: self.options.workers)
        var result = ScoredExamples(group: together, isLabelled: isLabelled ?? subject.isLabelled)
        result.evaluation = try pass.measure(
            dataset, scaling: scaling ?? subject.scaling, on: engine.makeStore(model.variables),
            stopsAtNotFinite: false, isCancelled: { false }
        ) { result.add($0) }.evaluation
        return result
    }

    // MARK: Averages

    /// A: the averages that training's estimator gives anew, as it takes batches.
    func trainingAverages(of model: Model) throws -> [String: LayerAverages] {
        guard reference.count >= group else {
            remarks.append("\(reference.count) pictures fill no group of \(group): A was not measured")
            return [:]
        }
        func measured(_ sampling: Sampling) throws -> Model {
            var history = subject.history
            history.sampling = sampling
            return try Recalibrator(engine, workers: options.workers).recalibrate(
                model, by: .training, on: reference, scaling: subject.scaling, history: history)
        }
        let batch = max(min(subject.history.batchSize, reference.count) / group * group, group)
        let variables = try measured(sampler(subject.history.sampling, batch: batch).sampling).variables
        return moving.reduce(into: [:]) { $0[$1.path] = LayerAverages($1, in: variables) }
    }

    /// Batches of the reference as training drew and changed them.
    private func drawnImages(of size: Int, steps: Int) throws -> ImageBatches {
        let open = try drawnBatches(of: size, steps: steps, groupSize: group)
        return ImageBatches(reference.name) {
            let loader = open()
            return { try loader.next()?.images }
        }
    }

    /// The same with labels; what it returns begins anew.
    func drawnBatches(of size: Int, steps: Int, groupSize: Int) throws -> @Sendable () -> BatchLoader {
        let sampler = try self.sampler(subject.history.sampling, batch: size, groupSize: groupSize)
        let (reference, scaling) = (reference, subject.scaling)
        let (augmentation, seed) = (subject.history.augmentation, subject.history.seed)
        let workers = options.workers ?? BatchLoader.workers(for: reference.imageSource)
        return {
            BatchLoader(
                dataset: reference, scaling: scaling, augmentation: augmentation, sampler: sampler,
                seed: seed, from: 0, to: steps, workers: workers)
        }
    }

    /// A sampler of the reference; independent batches where it has too few pictures of some class.
    private func sampler(_ sampling: Sampling, batch: Int, groupSize: Int? = nil) throws -> BatchSampler {
        let together = groupSize ?? group
        do {
            return try BatchSampler(
                sampling, dataset: reference, batchSize: batch, groupSize: together,
                seed: subject.history.seed)
        } catch let error as ImagesError where sampling != .shuffled {
            let text =
                "the reference's batches could not be drawn as in training (\(error)); they are independent"
            if !remarks.contains(text) { remarks.append(text) }
            return try BatchSampler(
                .shuffled, dataset: reference, batchSize: batch, groupSize: together,
                seed: subject.history.seed)
        }
    }

    /// B: the population's averages, layers in order where the chain is short; of longer ones, for which pictures would have to pass once
    /// for each layer, those of batches as large as memory allows, in one pass.
    func populationAverages(of model: Model, on dataset: Dataset? = nil) throws -> [String: LayerAverages] {
        let dataset = dataset ?? reference
        let paths = Set(moving.map(\.path))
        guard !paths.isEmpty else {
            return try pass(model, phase: .inference, on: images(dataset)).mapValues(\.averages)
        }
        if records.count <= Examination.shortChain {
            let measured = try StatisticsMeasurement(engine).measure(of: model, on: images(dataset)) {
                paths.contains($0.path)
            }
            var result = measured.layers.reduce(into: [String: LayerAverages]()) {
                $0[$1.path] = LayerAverages(
                    means: $1.moments.means, variances: $1.moments.variances)
            }
            for record in records where !paths.contains(record.path) {
                result[record.path] = stored[record.path]
            }
            return result
        }
        let ungrouped = try model.normalizing(together: nil)
        // Equal batches: a small last one would count as much as it is of them, but be further off.
        let batch = dataset.count / max((dataset.count + largeBatch - 1) / largeBatch, 1)
        let whole = dataset.subset(Array(0..<dataset.count / batch * batch), name: dataset.name)
        let seen = try pass(ungrouped, phase: .batchStatistics, on: images(whole, batch: batch))
        return records.reduce(into: [:]) {
            $0[$1.path] = paths.contains($1.path) ? seen[$1.path]?.averages : stored[$1.path]
        }
    }

    /// The longest chain of normalizations that are measured in order.
    private static let shortChain = 6

    // MARK: Groups

    /// What comes to layers in batches as training takes them, and how these are drawn.
    private func measureGroups() throws {
        let batch = max(min(subject.history.batchSize, reference.count) / group * group, group)
        guard reference.count >= batch else { return }
        let steps = min(max(reference.count / batch, 1), Examination.mostSteps)
        let phase = Phase(statistics: .batch, corrects: true, updatesStatistics: false, dropout: false)
        grouped = try pass(
            model, phase: phase,
            on: drawnImages(of: batch, steps: steps), group: group)
        try measureSampler(batch: batch)
    }

    private static let mostSteps = 48

    private func measureSampler(batch: Int) throws {
        let steps = max(64 * group / batch, 16)
        func draws(_ sampling: Sampling) throws -> [[Int]] {
            let sampler = try self.sampler(sampling, batch: batch)
            return (0..<steps).map { sampler.indices(step: $0) }
        }
        let drawn = try draws(subject.history.sampling)
        func classes(_ batches: [[Int]]) -> Double? {
            guard subject.isLabelled else { return nil }
            return batches.flatMap { indices in
                stride(from: 0, to: indices.count - group + 1, by: group).map { start in
                    Double(Set(indices[start..<start + group].map { reference.labels[$0] }).count)
                }
            }.mean
        }
        let repetition = zip(drawn, drawn.dropFirst()).map { before, now in
            Double(now.filter(Set(before).contains).count) / Double(max(now.count, 1))
        }.mean
        var effect: DesignEffect?
        if group >= 2 {
            let rows = try firstMeans()
            effect = DesignEffect(of: drawn.joined().map { rows[$0] }, inGroupsOf: group)
        }
        sampler = SamplerDiagnosis(
            sampling: "\(subject.history.sampling)", group: group, designEffect: effect,
            classesOfGroup: classes(drawn), expectedClasses: classes(try draws(.shuffled)),
            repetition: repetition)
    }

    /// The means by channel of each picture of the reference, where the first normalization sees them.
    private func firstMeans() throws -> [[Double]] {
        let builder = GraphBuilder()
        guard
            let first = try model.trace(
                builder.images(model.input, batch: 1), on: builder, phase: .inference
            ).normalizations.first(where: { !$0.normalization.isNone })
        else { return [] }
        let store = try engine.makeStore(model.variables)
        var runners: [Int: GraphRunner] = [:]
        var rows: [[Double]] = []
        let next = try images(reference, batch: min(largeBatch, 64), isShuffled: false).open()
        while let batch = try next() {
            let size = batch.shape[0]
            let runner: GraphRunner
            if let known = runners[size] {
                runner = known
            } else {
                let builder = GraphBuilder()
                let traced = try model.trace(
                    builder.images(model.input, batch: size), on: builder, phase: .inference)
                let record = traced.normalizations.first { $0.path == first.path }!
                let source = builder.tensor(record.source)
                let input =
                    source.shape.rank == 4
                    ? source : try source.reshaped(to: [size, 1, 1, source.shape[-1]])
                builder.fetch(try input.momentVectors(groups: size), as: "moments")
                runner = try GraphRunner(builder.graph.pruned(), on: engine)
                runners[size] = runner
            }
            runner.feed("images", batch)
            try runner.run(on: store)
            let values = try runner.result("moments").doubles
            let channels = values.count / 2 / size
            for image in 0..<size {
                rows.append(Array(values[image * channels..<(image + 1) * channels]))
            }
        }
        return rows
    }

    // MARK: The chain

    /// How far results are apart between the modes, where what layers before have done adds up.
    private func measureChain() throws {
        guard !moving.isEmpty else { return }
        let batch = max(min(subject.history.batchSize, lookedAt.count) / group * group, group)
        guard lookedAt.count >= batch else { return }
        let steps = min(lookedAt.count / batch, max(256 / batch, 1))
        let few = lookedAt.subset(Array(0..<batch * steps), name: reference.name)
        let seen = try pass(
            model, phase: .inference, on: images(few, batch: batch),
            comparedWith: .batchStatistics)
        chainDifferences = seen.mapValues(\.difference)
    }
}
