import Foundation
import RenormArrays
import RenormEngines
import RenormGraphs
import RenormImages
import RenormLayers

/// A learning rate by a range test (Smith 2015): a few steps of the run itself, on a copy of its state and with its own batches,
/// while the rate rises by the same factor at every step; the loss says where it falls and where it diverges. The losses of a few
/// images are mostly noise, so the same batches pass first without training, and each loss is compared with that of its own batch.
///
///     let test = try await LearningRateTest().run(trainer)
///     trainer.configuration.options.learningRate = .cosine(from: test.rate, steps: steps)
///
/// Of a run that unfreezes in stages the first and the last are tested, both from the state that the run begins with, and the
/// lesser rate is taken: one schedule serves all stages.
public struct LearningRateTest: Sendable {
    /// The number of steps.
    public var steps: Int
    /// The first rate.
    public var from: Double
    /// The last rate.
    public var to: Double
    /// How the rate is read off the curve.
    public var rule: LearningRateCurve.Rule

    /// The number of steps where none is given.
    public static let standardSteps = 100

    /// Makes a test.
    public init(
        steps: Int = LearningRateTest.standardSteps, from: Double = 1e-5, to: Double = 10,
        rule: LearningRateCurve.Rule = .steepest
    ) {
        self.steps = steps
        self.from = from
        self.to = to
        self.rule = rule
    }

    /// The test whose rates suit an optimizer: those of SGD, a hundredth of them where steps are divided by the size of gradients.
    public init(for optimizer: Optimizer) {
        self.init()
        if case .sgd = optimizer { return }
        (from, to) = (from / 100, to / 100)
    }

    /// The curve of a stage.
    public struct StageCurve: Sendable, Hashable {
        /// What the stage trains, as the text of `Unfreezing` has it.
        public var parts: String
        /// Its curve.
        public var curve: LearningRateCurve
    }

    /// What a test has found.
    public struct Result: Sendable, Hashable {
        /// The rate.
        public var rate: Double
        /// The curve of each stage that was tested.
        public var curves: [StageCurve]

        /// The curves as a table: a line of names, then a line a step.
        public var csv: String {
            "stage,step,learning_rate,loss,untrained_loss,smoothed_loss\n"
                + curves.flatMap { stage in
                    stage.curve.points.enumerated().map {
                        "\(stage.parts),\($0 + 1),\($1.rate),\($1.loss),\($1.untrained),\($1.smoothed)\n"
                    }
                }.joined()
        }
    }

    /// Makes the test, on a thread of its own. Nothing is saved, and the trainer's state stays as it is.
    ///
    /// - Throws: `TrainingError.noLearningRate` where the loss falls nowhere; `CancellationError`; what training throws.
    public func run(_ trainer: Trainer) async throws -> Result {
        try await onOwnThread(named: "renorm.learning-rate") { isCancelled in
            try run(trainer, isCancelled: isCancelled)
        }
    }

    private func run(_ trainer: Trainer, isCancelled: () -> Bool) throws -> Result {
        let schedule = Schedule.exponential(from: from, to: to, steps: steps - 1)
        var tested = trainer
        tested.configuration.options.learningRate = schedule
        // Averages of a network that was not trained yet are not those that it is going to be normalized with.
        tested.configuration.statisticsFrozenFrom = nil
        let plan = try TrainingPlan(tested)
        let scaling = try trainer.configuration.scaling ?? InputScaling(of: plan.training)
        let state = plan.initialState(of: trainer.model)
        let stages =
            plan.stages.count > 1 ? [plan.stages[0], plan.stages[plan.stages.count - 1]] : plan.stages
        tested.configuration.options.learningRate = .constant(0)
        let untrained = try TrainingPlan(tested)
        let curves = try stages.map { stage in
            /// The losses of the test's batches.
            func losses(
                _ graph: TrainingGraph, goesOn: (_ step: Int, _ loss: Double) -> Bool = { _, _ in true }
            ) throws -> [Double] {
                let loader = plan.loader(scaling: scaling, to: steps, workers: trainer.workers)
                defer { loader.cancel() }
                let step = try TrainingStep(graph, on: trainer.engine, sources: plan.sourceOfExamples)
                let store = try trainer.engine.makeStore(
                    state.merging(graph.initialState(of: stage.model).ofKinds([.accumulator])))
                var result: [Double] = []
                for number in 0..<steps {
                    if isCancelled() { throw CancellationError() }
                    guard case .updated(let made)? = try step.run(loader, step: number, on: store) else {
                        break
                    }
                    result.append(made.loss)
                    if !goesOn(number, made.loss) { break }
                }
                return result
            }
            let before = try losses(untrained.stages[plan.stage(at: stage.firstStep)].graph)
            guard !before.isEmpty else {
                throw TrainingError.noLearningRate(steps: steps, from: from, to: to)
            }
            var curve = LearningRateCurve(level: before.reduce(0, +) / Double(before.count))
            _ = try losses(stage.graph) { step, loss in
                step < before.count
                    && curve.add(rate: schedule.value(at: step), loss: loss, untrained: before[step])
            }
            return StageCurve(parts: "\(stage.parts)", curve: curve)
        }
        let rates = curves.compactMap { $0.curve.suggestion(rule) }
        guard let rate = rates.min(), rates.count == curves.count else {
            throw TrainingError.noLearningRate(steps: steps, from: from, to: to)
        }
        return Result(rate: rate.roundedToTwoDigits, curves: curves)
    }
}

extension Double {
    /// The number with two significant digits, as a rate that was read off a noisy curve deserves.
    fileprivate var roundedToTwoDigits: Double {
        Double(String(format: "%.1e", self)) ?? self
    }
}
