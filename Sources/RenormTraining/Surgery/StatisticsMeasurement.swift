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
    package func measure(
        of model: Model, on images: ImageBatches, where isMeant: (NormalizationRecord) -> Bool,
        adapt: (NormalizationRecord, PopulationMoments, inout Variables) -> Void = { _, _, _ in }
    ) throws -> Result {
        var layers: [Layer] = []
        let (changed, passes) = try inOrder(of: model, where: isMeant) { model, stage, store in
            var measured = stage.records.map { _ in PopulationMoments() }
            try read(stage, of: model, on: images, store, byImage: false) { place, values, _, count in
                let channels = values.count / 2
                measured[place].add(
                    means: Array(values[..<channels]), biasedVariances: Array(values[channels...]),
                    count: count)
            }
            for (record, moments) in zip(stage.records, measured) {
                guard moments.count >= 2 else { throw tooFew(moments.count, images, before: record) }
                try model.variables.set(moments, of: record)
                adapt(record, moments, &model.variables)
                layers.append(Layer(path: record.path, moments: moments))
            }
        }
        let order = try model.orderOfNormalizations()
        layers.sort { order[$0.path]! < order[$1.path]! }
        return Result(model: changed, layers: layers, passes: passes)
    }

    /// The network with averages that are made of the moments of each image, layer after layer: what is made for one is in place
    /// when those after it are measured.
    ///
    /// - Parameter make: The population of a normalization, of the moments that images have there and of what its averages say.
    /// - Returns: The network, and how often the images have passed.
    package func replacingAverages(
        of model: Model, on images: ImageBatches, where isMeant: (NormalizationRecord) -> Bool,
        by make: (NormalizationRecord, ImageMoments, Population) throws -> Population
    ) throws -> (model: Model, passes: Int) {
        try inOrder(of: model, where: isMeant) { model, stage, store in
            var measured = stage.records.map { _ in ImageMoments() }
            try read(stage, of: model, on: images, store, byImage: true) { place, values, batch, count in
                measured[place].add(values, images: batch, positions: count)
            }
            for (record, moments) in zip(stage.records, measured) {
                guard moments.count * moments.positions >= 2 else {
                    throw tooFew(moments.count * moments.positions, images, before: record)
                }
                guard let kind = record.normalization.kind as? any PopulationNormalization,
                    let known = kind.population(
                        { model.variables[record.place($0)]?.value }, epsilon: record.normalization.epsilon)
                else { continue }
                try model.variables.set(make(record, moments, known), of: record)
            }
        }
    }

    /// Normalizations that are measured at once.
    private struct Stage {
        var places: [Int]
        var records: [NormalizationRecord]
    }

    /// Changes normalizations in the order in which they see one another.
    private func inOrder(
        of model: Model, where isMeant: (NormalizationRecord) -> Bool,
        _ change: (inout Model, Stage, any Store) throws -> Void
    ) throws -> (model: Model, passes: Int) {
        let chain = try NormalizationChain(model) { $0.normalization.keepsPopulation && isMeant($0) }
        guard !chain.stages.isEmpty else {
            throw GraphError.unknown(
                what: "normalization with moving averages", name: "to measure",
                known: try model.tracedNormalizations().filter(\.normalization.keepsPopulation).map(\.path))
        }
        var result = model
        let store = try engine.makeStore(model.variables)
        for places in chain.stages {
            let stage = Stage(places: places, records: places.map { chain.records[$0] })
            try change(&result, stage, store)
            try store.write(
                result.variables.filter { path, _ in
                    stage.records.contains { path.hasPrefix($0.place("")) }
                })
        }
        return (result, chain.stages.count)
    }

    /// Goes through the images once.
    ///
    /// - Parameters:
    ///   - isByImage: Whether each image has moments of its own, rather than each batch.
    ///   - body: Is given the place in the stage, the moments `[2, groups, channels]` of a batch, the number of its images, and how
    ///     many values each moment is of.
    private func read(
        _ stage: Stage, of model: Model, on images: ImageBatches, _ store: any Store, byImage isByImage: Bool,
        _ body: (_ place: Int, _ values: [Double], _ images: Int, _ count: Int) throws -> Void
    ) throws {
        var runners: [Int: (runner: GraphRunner, counts: [Int])] = [:]
        let next = try images.open()
        while let batch = try next() {
            let size = batch.shape.rank > 0 ? batch.shape[0] : 0
            guard batch.shape == TensorShape([size] + model.input.dimensions) else {
                throw TrainingError.imageShape(
                    data: images.name, found: TensorShape(Array(batch.shape.dimensions.dropFirst())),
                    expected: model.input)
            }
            let (runner, counts) = try runners[size] ?? compile(stage, of: model, batch: size, isByImage)
            runners[size] = (runner, counts)
            runner.feed("images", batch)
            try runner.run(on: store)
            for place in stage.records.indices {
                let values = try runner.result("\(place)").doubles
                guard values.allSatisfy(\.isFinite) else {
                    throw TrainingError.notFiniteOn(data: images.name, path: stage.records[place].path)
                }
                try body(place, values, size, counts[place])
            }
        }
    }

    private func tooFew(_ count: Int, _ images: ImageBatches, before record: NormalizationRecord)
        -> TrainingError
    {
        .option(
            name: "statistics of \(images.name)",
            found: "\(count) values of each channel before '\(record.path)'",
            expected: "at least 2; give it more images")
    }

    private func compile(_ stage: Stage, of model: Model, batch: Int, _ isByImage: Bool) throws -> (
        runner: GraphRunner, counts: [Int]
    ) {
        let builder = GraphBuilder()
        let traced = try model.trace(
            builder.images(model.input, batch: batch), on: builder, phase: .inference)
        let groups = isByImage ? batch : 1
        var counts: [Int] = []
        for (place, index) in stage.places.enumerated() {
            let x = builder.tensor(traced.normalizations[index].source)
            let images = x.shape.rank == 4 ? x : try x.reshaped(to: [batch, 1, 1, x.shape[1]])
            builder.fetch(try images.momentVectors(groups: groups), as: "\(place)")
            counts.append(images.shape.elementCount / images.shape[3] / groups)
        }
        return (try GraphRunner(builder.graph.pruned().orderedByResults(), on: engine), counts)
    }
}

extension Model {
    /// The place of each normalization in the order of the network.
    fileprivate func orderOfNormalizations() throws -> [String: Int] {
        Dictionary(
            try tracedNormalizations().enumerated().map { ($1.path, $0) },
            uniquingKeysWith: { first, _ in first })
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
    /// Gives a normalization the averages of a population that was measured.
    package mutating func set(_ moments: PopulationMoments, of record: NormalizationRecord) throws {
        let vector = { (values: [Double]) in NDArray(values, shape: [values.count]) }
        try set(
            Population(
                mean: vector(moments.means),
                spread: .variance(vector(moments.variances), epsilon: record.normalization.epsilon),
                batchCount: nil),
            of: record)
    }

    /// Gives a normalization the averages of a population, in the element type that they have.
    package mutating func set(_ population: Population, of record: NormalizationRecord) throws {
        guard let kind = record.normalization.kind as? any PopulationNormalization else { return }
        let type = self[record.place("running_mean")]?.value.type ?? .f32
        var population = population
        population.mean = population.mean.converted(to: type)
        switch population.spread {
        case .variance(let values, let epsilon):
            population.spread = .variance(values.converted(to: type), epsilon: epsilon)
        case .deviation(let values): population.spread = .deviation(values.converted(to: type))
        }
        for (name, value) in try kind.statistics(
            of: population, epsilon: record.normalization.epsilon, path: record.path)
        {
            self[record.place(name)]?.value = value
        }
        let counter = record.place(NormalizationStatistic.batchCount.name)
        // The first batch of a training to come must not overwrite them.
        if self[counter]?.value.doubles == [0] { self[counter]?.value = NDArray(scalar: Int64(1)) }
    }
}
