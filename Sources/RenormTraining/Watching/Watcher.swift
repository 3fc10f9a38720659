import RenormArrays
import RenormEngines
import RenormGraphs
import RenormLayers

/// Looks at the normalizations of a network in some steps of its training. It reads vectors, before and after a step, and changes
/// nothing.
final class Watcher {
    private struct Layer {
        var watched: WatchedLayer
        var record: NormalizationRecord
        var kind: any BatchwiseNormalization & PopulationNormalization
        /// The paths of what is read before a step.
        var paths: [String]
    }

    private var layers: [Layer] = []
    private var before: [String: NDArray] = [:]
    private var memory: WatchMemory
    private let runSteps: Int

    /// - Parameters:
    ///   - steps: The steps of the run.
    ///   - said: What an earlier session of the run has said.
    init(steps: Int, said: [WatchWarning]) {
        memory = WatchMemory(said: said)
        runSteps = steps
    }

    /// Looks at the layers of a stage from here on.
    func watch(_ stage: TrainingStage) throws {
        before = [:]
        let records = try stage.model.tracedNormalizations()
        let paths = Set(stage.model.variables.paths)
        layers = stage.graph.watched.compactMap { watched in
            guard let record = records.first(where: { $0.path == watched.path }),
                let kind = record.normalization.kind as? any BatchwiseNormalization & PopulationNormalization
            else { return nil }
            let statistics = record.normalization.statistics(channels: record.input[-1]).map(\.name)
            return Layer(
                watched: watched, record: record, kind: kind,
                paths: (statistics + ["weight", "bias"]).map(record.place).filter(paths.contains))
        }
    }

    /// Whether there is anything to look at.
    var isBlind: Bool { layers.isEmpty }

    /// Keeps what a step is going to change.
    func look(at store: any Store) throws {
        before = [:]
        for path in layers.flatMap(\.paths) { before[path] = try store.read(path) }
    }

    /// What was seen in the step since.
    ///
    /// - Parameters:
    ///   - steps: Steps made, this one included.
    ///   - result: Gives a result of the step.
    ///   - source: The source of the batch, where each has statistics of its own.
    func report(
        after steps: Int, on store: any Store, source: Int?, _ result: (String) throws -> NDArray
    ) throws -> WatchReport? {
        guard !layers.isEmpty, !before.isEmpty else { return nil }
        func own(_ value: NDArray, _ path: String) -> NDArray {
            guard let source, !path.hasSuffix("weight"), !path.hasSuffix("bias") else { return value }
            return value.rows(source..<source + 1).reshaped(
                to: TensorShape(Array(value.shape.dimensions.dropFirst())))
        }
        let looks = try layers.compactMap { layer -> LayerLook? in
            let record = layer.record
            func value(_ name: String) -> NDArray? {
                let path = record.place(name)
                return before[path].map { own($0, path) }
            }
            let seen = try layer.watched.seen(result)
            let epsilon = record.normalization.epsilon
            guard let population = layer.kind.population(value, epsilon: epsilon) else { return nil }
            let count = seen.channels
            return LayerLook(
                record.path, seen,
                LayerBefore(
                    gamma: value("weight")?.doubles ?? [Double](repeating: 1, count: count),
                    beta: value("bias")?.doubles ?? [Double](repeating: 0, count: count),
                    averages: (population.mean.doubles, try population.deviation(at: record.path).doubles),
                    averagedSteps: Int(population.batchCount?.doubles.first ?? 1), epsilon: epsilon),
                kind: layer.kind, step: steps - 1,
                readings: try layer.kind.readings {
                    let path = record.place($0)
                    return own(try store.read(path), path)
                })
        }
        return WatchReport(
            step: steps, layers: looks.map(\.watch),
            warnings: memory.add(looks, step: steps, of: runSteps))
    }
}

extension Trainer {
    /// What looks at the normalizations of a run, where that is asked for.
    ///
    /// - Parameter resuming: Whether an earlier session may have said things already.
    func watcher(resuming: Bool, _ channel: EventChannel) throws -> Watcher? {
        guard configuration.watchEvery != nil else { return nil }
        var said: [WatchWarning] = []
        if resuming, let folder {
            do {
                said = try RunHistory(reading: folder).watchWarnings
            } catch {
                channel.send(.warning("what was said of the normalizations may be said again: \(error)"))
            }
        }
        return Watcher(steps: configuration.steps, said: said)
    }
}
