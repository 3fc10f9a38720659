import RenormGraphs
import RenormLayers

extension TrainingGraph {
    /// The graphs of a step whose gradients are accumulated over small batches: `graph` is run for each of them, `update`
    /// once after the last.
    ///
    /// Accumulating N small batches of b examples is a step on one batch of N · b examples that are normalized in N
    /// groups of b (`Normalization.examples`), in the memory of b examples, but where batch renorm has automatic limits (below):
    ///
    /// - the gradient is that of the mean loss over all N · b examples: the mean of the small batches' gradients;
    /// - each small batch has moments of its own and, with batch renorm, r and d of its own, computed from the averages
    ///   as they were before the step;
    /// - statistics get one update: the mean of what each small batch alone would have made of them; counters count the
    ///   step once;
    /// - clipping, the optimizer, exponential averages and schedules see one step.
    ///
    /// Automatic limits make another step of it: groups of one batch are filtered one after another and gradients are projected
    /// over all of them, while small batches are filtered each from the state before the step, and projected each over its own
    /// groups, because the sums of later ones are not known yet.
    ///
    /// Weights that an engine packs anew for each step it packs once for all small batches, and so keeps for that long.
    ///
    /// `graph` reads another input, `place` (a scalar of f32): the place of the small batch in the step, from 0. It
    /// changes nothing but variables of kind `accumulator`; the small batch at place 0 overwrites what they held. So a
    /// step that a guard breaks off anywhere has changed nothing, and can be left or begun again. `update` takes no input
    /// and has the result `gradient_norm` and the guard `gradients`. Both are run under the number of the step.
    ///
    /// - Parameters:
    ///   - batch: The number of examples in a small batch.
    ///   - accumulation: The number of small batches in a step; with 1 the step is one graph.
    ///   - targets: What an example is to be classified as.
    ///   - trainedSince: The step, by path, since which parameters are trained that have not been trained from the first on.
    ///   - statisticsStand: Whether statistics that do not move here have moved in earlier steps of the run.
    ///   - watches: Whether the moments that normalizations take of the (last small) batch are among the results of `graph`.
    /// - Throws: `GraphError` if the batch or the options do not fit the model.
    public init(
        _ model: Model, batch: Int, accumulation: Int, options: TrainingOptions,
        targets: Targets = .labels, domains: Int? = nil, seed: UInt64 = 0,
        trainedSince: [String: Int] = [:], statisticsStand: Bool = false, watches: Bool = false
    ) throws {
        guard accumulation > 1 else {
            try self.init(
                model, batch: batch, options: options, targets: targets, domains: domains, seed: seed,
                trainedSince: trainedSince, statisticsStand: statisticsStand, watches: watches)
            return
        }
        let (graph, warnings, watched) = try TrainingGraph.gather(
            model, batch: batch, accumulation: accumulation, options, targets, domains: domains,
            seed: seed, watches: watches)
        self.init(
            graph: graph,
            update: try TrainingGraph.apply(
                to: graph.variables.values, options, ParameterRules(model, options, trainedSince),
                statisticsStand: statisticsStand),
            accumulation: accumulation, warnings: warnings, watched: watched)
    }

    /// Adds a small batch's part of the gradients and of the changes of statistics to the accumulators.
    private static func gather(
        _ model: Model, batch: Int, accumulation: Int, _ options: TrainingOptions, _ targets: Targets,
        domains: Int?, seed: UInt64, watches: Bool
    ) throws -> (Graph, warnings: [String], watched: [WatchedLayer]) {
        let builder = GraphBuilder()
        let place = builder.input("place", shape: .scalar)
        let (loss, warnings, watched) = try forward(
            model, batch: batch, options, targets, domains: domains, seed: seed,
            drawNumber: builder.step * Double(accumulation) + place, watches: watches, on: builder)
        let share = 1 / Double(accumulation)
        let parameters = trained(builder)
        let gradients = try builder.gradients(
            of: loss * share, for: parameters.map { try builder.variable(at: $0.path) })
        let isFirst = try place.compare(.equal, builder.constant(0))
        let statistics = builder.graph.updates
        for (specification, gradient) in zip(parameters, gradients) {
            try builder.within(path: specification.path, part: .update) {
                let sum = try builder.accumulator(of: specification)
                try builder.update(
                    accumulatorPath(of: specification.path), to: isFirst.select(gradient, sum + gradient))
            }
        }
        for update in statistics {
            guard let specification = builder.graph.variables[update.path] else { continue }
            try builder.within(path: specification.path, part: .update) {
                let sum = try builder.accumulator(of: specification)
                let change = try builder.tensor(update.node) - builder.variable(at: update.path)
                // All small batches count one step, each on its own.
                let new =
                    specification.kind == .counter
                    ? change : try isFirst.select(change * share, sum + change * share)
                try builder.update(accumulatorPath(of: update.path), to: new)
            }
        }
        let traced = builder.graph
        let graph = Graph(
            nodes: traced.nodes, fetches: traced.fetches,
            updates: Array(traced.updates.dropFirst(statistics.count)), guards: traced.guards,
            schedules: traced.schedules, variables: traced.variables)
        return (graph.pruned().recomputing(options.recomputation), warnings, watched)
    }

    /// Turns what was accumulated into a step.
    private static func apply(
        to variables: some Sequence<VariableSpecification>, _ options: TrainingOptions,
        _ rules: ParameterRules, statisticsStand: Bool
    ) throws -> Graph {
        let builder = GraphBuilder()
        let isAccumulated = Set(variables.filter { $0.kind == .accumulator }.map(\.path))
        for specification in variables where specification.kind != .accumulator {
            guard
                isAccumulated.contains(accumulatorPath(of: specification.path))
                    || options.parameterAveragingRate != nil
            else { continue }
            _ = try builder.variable(specification)
        }
        let parameters = trained(builder)
        try update(
            parameters, by: parameters.map { try builder.accumulator(of: $0) }, options, rules,
            on: builder)
        for specification in variables where specification.kind != .parameter {
            guard isAccumulated.contains(accumulatorPath(of: specification.path)) else { continue }
            try builder.within(path: specification.path, part: .update) {
                let change = try builder.accumulator(of: specification)
                try builder.update(
                    specification.path, to: builder.variable(at: specification.path) + change)
            }
        }
        if let rate = options.parameterAveragingRate {
            try average(builder, rate: rate, statisticsStand: statisticsStand)
        }
        return builder.graph.pruned()
    }

    /// The path of what is accumulated for the variable at `path`.
    fileprivate static func accumulatorPath(of path: String) -> String { "accumulated.\(path)" }
}

extension GraphBuilder {
    /// The accumulator of a variable's gradient or change.
    fileprivate func accumulator(of specification: VariableSpecification) throws -> Tensor {
        try variable(
            VariableSpecification(
                path: TrainingGraph.accumulatorPath(of: specification.path), kind: .accumulator,
                shape: specification.shape, initializer: .constant(0)))
    }
}
