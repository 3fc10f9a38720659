import Foundation
import Renorm
import Synchronization
import Testing

/// What the loop asks its engine for.
@Suite struct GraphRunningTests {
    @Test(arguments: [1, 2])
    func theLoopReadsTheNumbersThatItReports(accumulation: Int) async throws {
        var run = try TinyRun(steps: 3)
        run.configuration.accumulation = accumulation
        let read = Names()
        run.engine = HookedEngine(reading: { name in read.append(name) })
        try await run.finish()
        let ofBatches = [[String]](repeating: ["loss", "correct"], count: accumulation).flatMap { $0 }
        #expect(read.all == [[String]](repeating: ofBatches + ["gradient_norm"], count: 3).flatMap { $0 })
    }

    /// As if a store had been made of the averages read from the training store.
    @Test(arguments: engines.indices, [1, 2])
    func averagesAreEvaluatedToTheBit(engine: Int, accumulation: Int) async throws {
        var run = try TinyRun(normalization: Normalization(.batch), steps: 12)
        run.configuration.options.parameterAveragingRate = 0.25
        run.configuration.accumulation = accumulation
        run.configuration.evaluateEvery = 3
        let states = States()
        run.engine = HookedEngine(
            base: engines[engine], after: { step, store in states[step] = try store.read() })
        let evaluations = try await run.events().events.evaluations.filter { $0.set == .validation }
        #expect(evaluations.map(\.step) == [3, 6, 9, 12])
        let (kept, heldOut) = try run.training.split(validation: 20, seed: 7)
        let evaluator = Evaluator(engines[engine], options: EvaluationOptions(batchSize: 8))
        for report in evaluations {
            let state = try #require(states[report.step - 1])
            var model = try run.trainer().model
            #expect(state["average.fc.weight"]!.value != state["fc.weight"]!.value)
            for path in model.variables.paths {
                model.variables[path]!.value = (state["average.\(path)"] ?? state[path]!).value
            }
            let expected = try await evaluator.evaluate(model, on: heldOut, scaling: InputScaling(of: kept))
            #expect(report.evaluation == expected)
        }
    }

    /// Counting in the graph says what looking at the logits says, whatever the precision.
    @Test(arguments: engines.indices, Precision.allCases)
    func rightAnswersAreThoseOfTheLogits(engine: Int, precision: Precision) throws {
        let engine = engines[engine]
        if let fast = engine as? OneDNNEngine, precision == .bf16, !fast.multipliesBF16 { return }
        let model = try TinyRun().trainer().model
        let step = try TrainingGraph(
            model, batch: 60, options: TrainingOptions(learningRate: .constant(0.1), precision: precision))
        let data = try TinyData.dataset(60, seed: 3)
        let feeds = [
            "images": try InputScaling(of: data)(data.images), "labels": NDArray(data.labels, shape: [60]),
        ]
        var graph = try model.graph(batch: 60, phase: .training, precision: precision)
        graph = Graph(
            nodes: graph.nodes, fetches: graph.fetches, updates: [], guards: [], schedules: graph.schedules,
            variables: graph.variables)
        let logits = try engine.compile(graph.pruned()).run(feeds, on: engine.makeStore(model.variables))[
            "logits"]!
        let rows = logits.floats
        let right = data.labels.enumerated().filter { row, label in
            let own = rows[row * 3..<row * 3 + 3]
            return own.firstIndex(of: own.max()!)! - row * 3 == Int(label)
        }
        let found = try engine.compile(step.graph).run(
            feeds, on: engine.makeStore(step.initialState(of: model)))
        #expect(found["correct"]!.doubles == [Double(right.count)])
        #expect(right.count > 0 && right.count < 60)
    }
}

/// Names in the order in which they came.
private final class Names: Sendable {
    private let names = Mutex<[String]>([])

    var all: [String] { names.withLock { $0 } }

    func append(_ name: String) { names.withLock { $0.append(name) } }
}

/// The variables after steps; with small batches, after the last part of each.
private final class States: Sendable {
    private let states = Mutex<[Int: Variables]>([:])

    subscript(step: Int) -> Variables? {
        get { states.withLock { $0[step] } }
        set { states.withLock { $0[step] = newValue } }
    }
}
