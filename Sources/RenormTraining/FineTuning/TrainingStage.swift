import RenormEngines
import RenormGraphs
import RenormImages
import RenormLayers

/// A stretch of a run in which the same parts are trained, with the step's graph.
package struct TrainingStage: Sendable {
    /// What is added to the parts trained before.
    package let parts: Unfreezing.Parts
    /// The first step, from 0.
    package let firstStep: Int
    /// Whether statistics that have moved before stand still.
    package let statisticsAreFrozen: Bool
    /// The model as it is trained: what the stage freezes is frozen.
    package let model: Model
    /// The step.
    package let graph: TrainingGraph

    /// The number of elements of the parameters that are trained.
    package var trainedCount: Int {
        (graph.update ?? graph.graph).variables.values.filter { $0.kind == .parameter && $0.isTrainable }
            .reduce(0) { $0 + $1.shape.elementCount }
    }

    /// The stages of a run.
    ///
    /// - Parameters:
    ///   - domains: The number of sources with statistics of their own; `nil` where there are none.
    /// - Throws: `GraphError` for parts that the network has not; `TrainingError.option` for a stage in which nothing would be
    ///   trained; what tracing throws.
    static func stages(
        of model: Model, _ configuration: TrainingConfiguration, targets: TrainingGraph.Targets,
        domains: Int?, stepsPerEpoch: Int
    ) throws -> [TrainingStage] {
        let unfreezing = configuration.unfreezing
        let planned = zip(unfreezing.stages, unfreezing.firstSteps(stepsPerEpoch: stepsPerEpoch)).map {
            Stretch(stage: $0, firstStep: $1)
        }
        if configuration.statisticsFrozenFrom != nil,
            try !model.tracedNormalizations().contains(where: \.normalization.keepsPopulation)
        {
            throw TrainingError.option(
                name: "statistics frozen from a step on",
                found: "a network whose normalizations keep no averages",
                expected: "batch or batch-renorm normalizations")
        }
        var open = OpenParts()
        var trainedSince: [String: Int] = [:]
        return try Stretch.freezingStatistics(from: configuration.statisticsFrozenFrom, planned).map {
            stretch in
            let (stage, firstStep) = (stretch.stage, stretch.firstStep)
            var own = model
            if stage.parts != .all {
                let head = try configuration.architecture?.headPaths() ?? []
                open = open.union(try model.openParts(stage.parts, head: head))
                own = try model.freezing(allBut: open)
            }
            if stretch.statisticsAreFrozen { own.overrides.append(.freeze(.all, .statistics)) }
            let trained = try own.specifications().filter { $0.kind == .parameter && $0.isTrainable }
            guard !trained.isEmpty else {
                throw TrainingError.option(
                    name: "unfreezing", found: "'\(stage)', in which nothing is trained",
                    expected: "parts that are not frozen for good")
            }
            for parameter in trained where trainedSince[parameter.path] == nil {
                trainedSince[parameter.path] = firstStep
            }
            let graph = try TrainingGraph(
                own, batch: configuration.batchSize, accumulation: configuration.accumulation,
                options: configuration.options, targets: targets, domains: domains, seed: configuration.seed,
                trainedSince: trainedSince, statisticsStand: stretch.statisticsAreFrozen,
                watches: configuration.watchEvery != nil)
            return TrainingStage(
                parts: stage.parts, firstStep: firstStep, statisticsAreFrozen: stretch.statisticsAreFrozen,
                model: own, graph: graph)
        }
    }
}

/// A stretch of a run before anything of it is traced.
private struct Stretch {
    var stage: Unfreezing.Stage
    var firstStep: Int
    var statisticsAreFrozen = false

    /// The stretches with statistics frozen from a step on, where another one begins.
    static func freezingStatistics(from step: Int?, _ planned: [Stretch]) -> [Stretch] {
        guard let step else { return planned }
        func frozen(_ stretch: Stretch, from first: Int) -> Stretch {
            Stretch(stage: stretch.stage, firstStep: first, statisticsAreFrozen: true)
        }
        let before = planned.filter { $0.firstStep < step }
        let after = planned.filter { $0.firstStep >= step }.map { frozen($0, from: $0.firstStep) }
        guard let last = before.last, after.first?.firstStep != step else { return before + after }
        return before + [frozen(last, from: step)] + after
    }
}

extension Model {
    /// What a stage of unfreezing names.
    ///
    /// - Parameter head: The variables of the head, where they are known.
    fileprivate func openParts(_ parts: Unfreezing.Parts, head: [String]) throws -> OpenParts {
        switch parts {
        case .head: try openHead(head)
        case .last(let units): try openParts(last: units)
        case .all: try openParts()
        case .matching(let patterns): try openParts(matching: patterns)
        }
    }
}

/// The steps of a run, each by the graph of its stage, on one state.
///
/// A stage begins with a store of its own, made of the values of the one before, as a run that goes on there makes one: how a store
/// lays variables out may depend on the graphs that have run on it, and with that the last bits.
package final class StagedSteps {
    /// The state.
    package private(set) var store: any Store
    /// The stage whose graph is compiled, from 0.
    package private(set) var stage: Int
    private let stages: [TrainingStage]
    private let engine: any Engine
    private let sources: (ofExamples: [Int], count: Int)?
    /// The step of that stage.
    private(set) var step: TrainingStep

    /// Begins at a step.
    ///
    /// - Parameters:
    ///   - state: All variables but accumulators.
    ///   - compiled: The step of that stage where it is compiled already.
    package init(
        _ plan: TrainingPlan, on engine: any Engine, state: Variables, at number: Int = 0,
        compiled: TrainingStep? = nil
    ) throws {
        (stages, self.engine, sources) = (plan.stages, engine, plan.sourceOfExamples)
        stage = plan.stage(at: number)
        step = try compiled ?? TrainingStep(stages[stage].graph, on: engine, sources: sources)
        store = try engine.makeStore(state.merging(stages[stage].accumulators))
    }

    /// Goes over to the stage of a step.
    ///
    /// - Returns: Whether it is another.
    package func enterStage(of number: Int) throws -> Bool {
        let next = stages.lastIndex { $0.firstStep <= number } ?? 0
        guard next != stage else { return false }
        let state = try store.read().filter { $1.kind != .accumulator }
        stage = next
        store = try engine.makeStore(state.merging(stages[next].accumulators))
        step = try TrainingStep(stages[next].graph, on: engine, sources: sources)
        return true
    }

    /// Makes a step with the batches that come next; `nil` if there are none.
    ///
    /// - Throws: What the engine and the loader throw, but for what is not finite.
    package func run(_ batches: BatchLoader, step number: Int) throws -> TrainingStep.Outcome? {
        try step.run(batches, step: number, on: store)
    }
}

extension TrainingStage {
    /// The accumulators of the stage's graphs, empty.
    fileprivate var accumulators: Variables { graph.initialState(of: model).ofKinds([.accumulator]) }
}
