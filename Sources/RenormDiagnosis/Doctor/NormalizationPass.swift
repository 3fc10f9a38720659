import RenormArrays
import RenormEngines
import RenormGraphs
import RenormLayers
import RenormTraining

/// One pass of images through a network, which looks at what comes to each of its normalizations.
struct NormalizationPass {
    /// What is seen at a normalization.
    struct Layer {
        /// All values of a channel together.
        var population = PopulationMoments()
        /// Of each group of examples the means and biased variances.
        var groups: [LayerAverages] = []
        /// The number of values of a channel in a group.
        var valuesOfGroup = 0
        /// The largest value by channel of what a ReLU gives after it, where that was asked for and there is one.
        var maxima: [Double] = []
        /// By channel the squared distance of the results from those in the other phase, and their squares.
        var distances: [Double] = []
        var sizes: [Double] = []

        /// The moments of all, as averages.
        var averages: LayerAverages {
            LayerAverages(means: population.means, variances: population.variances)
        }

        /// √(Σ(y − y′)²/Σy′²) over all channels, and of the worst of those that are not next to 0 in the other phase.
        var difference: (all: Double, worst: Double) {
            let size = sizes.reduce(0, +)
            guard size > 0 else { return (0, 0) }
            let least = 1e-6 * size / Double(sizes.count)
            let worst = zip(distances, sizes).map { $1 > least ? $0 / $1 : 0 }.max() ?? 0
            return ((distances.reduce(0, +) / size).squareRoot(), worst.squareRoot())
        }
    }

    /// What to compute with.
    let engine: any Engine

    /// - Parameters:
    ///   - model: The network; normalizations at paths that come twice are looked at where they come first.
    ///   - phase: In which it is looked at.
    ///   - group: The examples of a group; `nil`: whole batches.
    ///   - other: A phase with which results are compared.
    /// - Returns: What was seen, by path.
    /// - Throws: `TrainingError.notFiniteOn`; what images and engine throw.
    func run(
        _ model: Model, phase: Phase, on images: ImageBatches, group: Int? = nil, wantsMaxima: Bool = false,
        comparedWith other: Phase? = nil
    ) throws -> [String: Layer] {
        let store = try engine.makeStore(model.variables)
        var compiled: [Int: (GraphRunner, [NormalizationRecord])] = [:]
        var result: [String: Layer] = [:]
        let next = try images.open()
        while let batch = try next() {
            let size = batch.shape[0]
            let groups = group.map { size % $0 == 0 ? size / $0 : 1 } ?? 1
            let (runner, records) =
                try compiled[size]
                ?? compile(
                    model, phase: phase, batch: size, groups: groups, wantsMaxima: wantsMaxima,
                    comparedWith: other)
            compiled[size] = (runner, records)
            runner.feed("images", batch)
            do {
                try runner.run(on: store)
            } catch EngineError.notFinite(let path, _) {
                throw TrainingError.notFiniteOn(data: images.name, path: path)
            }
            for (place, record) in records.enumerated() {
                var layer = result[record.path] ?? Layer()
                let values = try runner.result("moments \(place)").doubles
                guard values.allSatisfy(\.isFinite) else {
                    throw TrainingError.notFiniteOn(data: images.name, path: record.path)
                }
                let (half, channels) = (values.count / 2, values.count / 2 / groups)
                layer.valuesOfGroup = record.input.elementCount / channels / groups
                for start in stride(from: 0, to: half, by: channels) {
                    let moments = LayerAverages(
                        means: Array(values[start..<start + channels]),
                        variances: Array(values[half + start..<half + start + channels]))
                    layer.population.add(
                        means: moments.means, biasedVariances: moments.variances,
                        count: layer.valuesOfGroup)
                    if group != nil { layer.groups.append(moments) }
                }
                if wantsMaxima, runner.executable.outputs.contains(where: { $0.name == "maximum \(place)" }) {
                    let found = try runner.result("maximum \(place)").doubles
                    layer.maxima = layer.maxima.isEmpty ? found : zip(layer.maxima, found).map { max($0, $1) }
                }
                if other != nil {
                    func add(_ name: String, to sums: inout [Double]) throws {
                        let found = try runner.result("\(name) \(place)").doubles
                        sums = sums.isEmpty ? found : zip(sums, found).map { $0 + $1 }
                    }
                    try add("distance", to: &layer.distances)
                    try add("size", to: &layer.sizes)
                }
                result[record.path] = layer
            }
        }
        return result
    }

    private func compile(
        _ model: Model, phase: Phase, batch: Int, groups: Int, wantsMaxima: Bool,
        comparedWith other: Phase?
    ) throws -> (GraphRunner, [NormalizationRecord]) {
        let builder = GraphBuilder()
        let images = try builder.images(model.input, batch: batch)
        let traced = try model.trace(images, on: builder, phase: phase)
        let reference = try other.map { try model.trace(images, on: builder, phase: $0) }
        var known: Set<String> = []
        let records = traced.normalizations.filter {
            !$0.normalization.isNone && known.insert($0.path).inserted
        }
        for (place, record) in records.enumerated() {
            let source = builder.tensor(record.source)
            let input =
                source.shape.rank == 4 ? source : try source.reshaped(to: [batch, 1, 1, source.shape[-1]])
            builder.fetch(try input.momentVectors(groups: groups), as: "moments \(place)")
            guard wantsMaxima || reference != nil else { continue }
            let axes = Array(0..<source.shape.rank - 1)
            if wantsMaxima, let rectified = try rectified(record, traced.taps, on: builder) {
                builder.fetch(try rectified.reduce(.maximum, axes: axes), as: "maximum \(place)")
            }
            if let reference {
                let tensor = try traced.taps.tap(at: record.path).tensor
                let own = try reference.taps.tap(at: record.path).tensor
                builder.fetch(
                    try tensor.squaredDifferences(from: own, axes: axes), as: "distance \(place)")
                builder.fetch(try own.reduce(.sumOfSquares, axes: axes), as: "size \(place)")
            }
        }
        let graph = builder.graph
        // Nothing moves: only what is fetched is computed.
        let still = Graph(
            nodes: graph.nodes, fetches: graph.fetches, updates: [], guards: graph.guards,
            schedules: graph.schedules, variables: graph.variables)
        return (try GraphRunner(still.pruned().orderedByResults(), on: engine), records)
    }

    /// What a ReLU gives of a normalization's results alone; `nil` where something else comes after it, such as a sum.
    private func rectified(
        _ record: NormalizationRecord, _ taps: Taps, on builder: GraphBuilder
    ) throws -> Tensor? {
        let own = try taps.tap(at: record.path).tensor.id
        let after = builder.graph.nodes.firstIndex { node in
            guard case .activation(let function) = node.op else { return false }
            return [.relu, .relu6].contains(function) && node.inputs == [own]
        }
        return after.map { builder.tensor(NodeID($0)) }
    }
}
