import RenormArrays
import RenormEngines
import RenormGraphs
import RenormLayers

/// Measures the moving averages of a network on images: what a population of them gives at inference, exactly, in place of what
/// training has left.
///
///     let measured = try StatisticsMeasurement(engine).measure(of: model, on: ImageBatches(training, scaling: scaling))
///     model = measured.model
///
/// A normalization sees what those before it give, so each is measured after them: the images pass once for each step of the
/// longest chain of normalizations, each time as far as is needed. The mean and the unbiased variance are those of all values of
/// all images, whatever the size of batches: batches' moments are joined in Float64 (Chan et al. 1983).
public struct StatisticsMeasurement: Sendable {
    /// What to compute with.
    public var engine: any Engine

    /// Measures with an engine.
    public init(_ engine: any Engine) { self.engine = engine }

    /// What was measured of a normalization's input.
    public struct Layer: Sendable, Hashable {
        /// Where it is.
        public var path: String
        /// The moments of each channel.
        public var moments: PopulationMoments
    }

    /// A network with measured averages.
    public struct Result: Sendable {
        /// The network.
        public var model: Model
        /// What was measured, in the order of the network.
        public var layers: [Layer]
        /// How often the images have passed.
        public var passes: Int
    }

    /// The network with the averages measured of its normalizations that keep some.
    ///
    /// - Parameter pattern: Those that are measured; the others stay as they are, and images pass them as at inference.
    /// - Throws: `GraphError.unknown` if no normalization that keeps averages matches; `TrainingError.imageShape`;
    ///   `.notFiniteOn` if what comes to a normalization is not finite; `.option` if there is one value a channel or none; what the
    ///   engine and the images throw.
    public func measure(
        _ pattern: PathPattern = .all, of model: Model, on images: ImageBatches
    ) throws -> Result {
        try measure(of: model, on: images) { pattern.matches($0.path) }
    }

    /// - Parameter adapt: What else becomes of a normalization's variables once its moments are known.
    func measure(
        of model: Model, on images: ImageBatches, where isMeant: (NormalizationRecord) -> Bool,
        adapt: (NormalizationRecord, PopulationMoments, inout Variables) -> Void = { _, _, _ in }
    ) throws -> Result {
        let chain = try NormalizationChain(model) { $0.normalization.keepsPopulation && isMeant($0) }
        guard !chain.stages.isEmpty else {
            throw GraphError.unknown(
                what: "normalization with moving averages", name: "to measure",
                known: try model.tracedNormalizations().filter(\.normalization.keepsPopulation).map(\.path))
        }
        var result = Result(model: model, layers: [], passes: chain.stages.count)
        let store = try engine.makeStore(model.variables)
        for stage in chain.stages {
            let measured = try moments(of: stage, in: model, on: images, store)
            var changed = Variables()
            for (record, moments) in zip(stage.map { chain.records[$0] }, measured) {
                try result.model.variables.set(moments, of: record)
                adapt(record, moments, &result.model.variables)
                changed = changed.merging(
                    result.model.variables.filter { path, _ in path.hasPrefix(record.place("")) })
                result.layers.append(Layer(path: record.path, moments: moments))
            }
            try store.write(changed)
        }
        let order = Dictionary(
            chain.records.enumerated().map { ($1.path, $0) }, uniquingKeysWith: { first, _ in first })
        result.layers.sort { order[$0.path]! < order[$1.path]! }
        return result
    }

    /// The moments of what comes to some normalizations, over all images.
    private func moments(
        of stage: [Int], in model: Model, on images: ImageBatches, _ store: any Store
    ) throws -> [PopulationMoments] {
        var result = stage.map { _ in PopulationMoments() }
        var runners: [Int: (runner: GraphRunner, counts: [Int], paths: [String])] = [:]
        let next = try images.open()
        while let batch = try next() {
            let size = batch.shape.rank > 0 ? batch.shape[0] : 0
            guard batch.shape == TensorShape([size] + model.input.dimensions) else {
                throw TrainingError.imageShape(
                    data: images.name, found: TensorShape(Array(batch.shape.dimensions.dropFirst())),
                    expected: model.input)
            }
            let (runner, counts, paths) = try runners[size] ?? compile(stage, of: model, batch: size)
            runners[size] = (runner, counts, paths)
            runner.feed("images", batch)
            try runner.run(on: store)
            for place in stage.indices {
                let values = try runner.result("\(place)").doubles
                guard values.allSatisfy(\.isFinite) else {
                    throw TrainingError.notFiniteOn(data: images.name, path: paths[place])
                }
                let channels = values.count / 2
                result[place].add(
                    means: Array(values[..<channels]), biasedVariances: Array(values[channels...]),
                    count: counts[place])
            }
        }
        for (place, moments) in result.enumerated() where moments.count < 2 {
            throw TrainingError.option(
                name: "statistics of \(images.name)",
                found:
                    "\(moments.count) values of each channel before the \(stage[place] + 1). normalization",
                expected: "at least 2; give it more images")
        }
        return result
    }

    private func compile(_ stage: [Int], of model: Model, batch: Int) throws -> (
        runner: GraphRunner, counts: [Int], paths: [String]
    ) {
        let builder = GraphBuilder()
        let traced = try model.trace(
            builder.images(model.input, batch: batch), on: builder, phase: .inference)
        var (counts, paths) = ([Int](), [String]())
        for (place, index) in stage.enumerated() {
            let record = traced.normalizations[index]
            let x = builder.tensor(record.source)
            let images = x.shape.rank == 4 ? x : try x.reshaped(to: [batch, 1, 1, x.shape[1]])
            builder.fetch(try images.momentVectors(groups: 1), as: "\(place)")
            counts.append(images.shape.elementCount / images.shape[3])
            paths.append(record.path)
        }
        return (
            try GraphRunner(builder.graph.pruned().orderedByResults(), on: engine), counts, paths
        )
    }
}

/// The order in which normalizations have to be measured.
struct NormalizationChain {
    /// All normalizations of the network.
    let records: [NormalizationRecord]
    /// The places in `records` of those to be measured; each stage depends on those before it alone.
    let stages: [[Int]]

    init(_ model: Model, where isMeasured: (NormalizationRecord) -> Bool) throws {
        let builder = GraphBuilder()
        let records = try model.trace(
            builder.images(model.input, batch: 1), on: builder, phase: .inference
        ).normalizations
        self.records = records
        let measured = records.indices.filter { isMeasured(records[$0]) }
        var owners: [String: Int] = [:]
        for index in measured {
            for statistic in records[index].normalization.kind.statistics(
                channels: 1, epsilon: records[index].normalization.epsilon)
            where owners[records[index].place(statistic.name)] == nil {
                owners[records[index].place(statistic.name)] = index
            }
        }
        // How many normalizations one after another a value depends on.
        var depths: [Int] = []
        for node in builder.graph.nodes {
            if case .variable(let path) = node.op, let owner = owners[path] {
                // What it normalizes is computed before it is asked for its averages.
                depths.append(depths[records[owner].source.index] + 1)
            } else {
                depths.append(node.inputs.map { depths[$0.index] }.max() ?? 0)
            }
        }
        var stages: [Int: [Int]] = [:]
        for index in measured { stages[depths[records[index].source.index], default: []].append(index) }
        self.stages = stages.sorted { $0.key < $1.key }.map(\.value)
    }
}

extension Variables {
    /// Gives a normalization the averages of a population.
    fileprivate mutating func set(_ moments: PopulationMoments, of record: NormalizationRecord) throws {
        guard let kind = record.normalization.kind as? any PopulationNormalization else { return }
        let type = self[record.place("running_mean")]?.value.type ?? .f32
        func vector(_ values: [Double]) -> NDArray {
            NDArray(values, shape: [values.count]).converted(to: type)
        }
        let epsilon = record.normalization.epsilon
        let population = Population(
            mean: vector(moments.means), spread: .variance(vector(moments.variances), epsilon: epsilon),
            batchCount: nil)
        for (name, value) in try kind.statistics(of: population, epsilon: epsilon, path: record.path) {
            self[record.place(name)]?.value = value
        }
        let counter = record.place(NormalizationStatistic.batchCount.name)
        // The first batch of a training to come must not overwrite them.
        if self[counter]?.value.doubles == [0] { self[counter]?.value = NDArray(scalar: Int64(1)) }
    }
}
