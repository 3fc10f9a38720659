import RenormArrays
import RenormEngines
import RenormGraphs
import RenormImages
import RenormLayers

/// Measures the moving averages of a network anew on training batches, its weights as they are.
///
/// Averages that training has left are those of weights that have changed meanwhile; averaged weights (`--ema`) with the averages
/// of other weights are further apart still. Here a few batches pass in the phase of training, without gradients and without
/// dropout, through all layers at once, and each normalization estimates as it does in training:
///
/// - batch normalization, and batch renormalization within limits: the mean over the batches of what each gives (PyTorch's
///   `torch.optim.swa_utils.update_bn`; "precise BN", Wu & Johnson 2021);
/// - batch renormalization that tunes itself: its own filter, from the averages that it has, so that groups that are small or
///   biased do no more harm than in training; of its averages after each batch the mean over the second half of the batches.
///
/// What is frozen stays as it is. The result is a function of the values and the batches.
package final class Recalibration {
    /// The stage of unfreezing whose model this is.
    let stage: Int
    private let runner: GraphRunner?
    /// The averages that a batch gives, by path, and those that the store has after each.
    private let given: [String]
    private let followed: [String]

    /// Compiles what measures.
    ///
    /// - Parameter batch: The examples of a batch.
    package init(_ model: Model, stage: Int, batch: Int, precision: Precision, engine: any Engine) throws {
        self.stage = stage
        var measured = model
        var (averages, direct) = ([String](), Set<String>())
        for record in try model.tracedNormalizations() {
            guard let kind = record.normalization.kind as? any PopulationNormalization,
                let names = try record.averageNames(kind, in: model)
            else { continue }
            averages += names.map(record.place)
            guard let following = kind.followingOneBatch else { continue }
            var normalization = record.normalization
            normalization.kind = following
            measured.overrides.append(Override(PathPattern(record.path), normalization: normalization))
            let all = normalization.statistics(channels: 1).map { record.place($0.name) }
            direct.formUnion(all)
        }
        let builder = GraphBuilder()
        _ = try measured.trace(
            builder.images(model.input, batch: batch), on: builder,
            phase: Phase(statistics: .batch, corrects: true, updatesStatistics: true, dropout: false),
            precision: precision)
        let traced = builder.graph
        let wanted = Set(averages)
        let fetched = traced.updates.filter { direct.contains($0.path) && wanted.contains($0.path) }
        for update in fetched { builder.fetch(builder.tensor(update.node), as: update.path) }
        let updates = traced.updates.filter { !direct.contains($0.path) }
        given = fetched.map(\.path)
        followed = updates.map(\.path).filter(wanted.contains)
        guard !given.isEmpty || !followed.isEmpty else {
            runner = nil
            return
        }
        let graph = Graph(
            nodes: builder.graph.nodes, fetches: builder.graph.fetches, updates: updates,
            guards: traced.guards, schedules: traced.schedules, variables: traced.variables)
        runner = try GraphRunner(graph.pruned(), on: engine)
    }

    /// The averages by path; none where nothing was finite or there is nothing to measure.
    ///
    /// - Parameters:
    ///   - store: The values. Its statistics are other ones afterwards.
    ///   - next: The next batch of images; `nil` after the last.
    ///   - step: The number of the step that schedules are asked for.
    /// - Throws: `CancellationError` between batches once `isCancelled` says so; what engine and loader throw.
    package func averages(
        of store: any Store, on next: () throws -> NDArray?, step: Int, isCancelled: () -> Bool
    ) throws -> Variables {
        guard let runner else { return Variables() }
        var sums = given.map { _ in [Double]() }
        var histories = followed.map { _ in [[Double]]() }
        var count = 0
        while let images = try next() {
            if isCancelled() { throw CancellationError() }
            runner.feed("images", images)
            // A batch that is not finite says nothing of the population.
            guard try runner.firstNotFinite(step: step, on: store) == nil else { continue }
            count += 1
            for (place, path) in given.enumerated() {
                let values = try runner.result(path).doubles
                sums[place] = sums[place].isEmpty ? values : zip(sums[place], values).map { $0 + $1 }
            }
            for (place, path) in followed.enumerated() {
                histories[place].append(try store.read(path).doubles)
            }
        }
        guard count > 0 else { return Variables() }
        var result = Variables()
        func put(_ sum: [Double], _ count: Int, at path: String) {
            let values = NDArray(sum.map { $0 / Double(count) }, shape: [sum.count])
            result[path] = Variable(kind: .statistic, value: values.converted(to: .f32))
        }
        for (place, path) in given.enumerated() { put(sums[place], count, at: path) }
        for (place, path) in followed.enumerated() {
            let last = histories[place].suffix((count + 1) / 2)
            let sum = last.dropFirst().reduce(last.first!) { sums, values in
                zip(sums, values).map { $0 + $1 }
            }
            put(sum, last.count, at: path)
        }
        return result
    }
}

extension NormalizationRecord {
    /// What the statistics are called that say what the population is.
    fileprivate func averageNames(_ kind: any PopulationNormalization, in model: Model) throws -> [String]? {
        guard
            let population = kind.population(
                { model.variables[place($0)]?.value }, epsilon: normalization.epsilon)
        else { return nil }
        return try kind.statistics(of: population, epsilon: normalization.epsilon, path: path).keys
            .filter { $0 != NormalizationStatistic.batchCount.name }.sorted()
    }
}
