import Foundation
import Renorm
import Testing

/// What the loop does, and says of itself.
@Suite struct TrainerTests {
    @Test("events of a whole run, in order")
    func events() async throws {
        let run = try TinyRun()
        let (events, error) = try await run.events()
        #expect(error == nil)
        guard case .started(let description) = events[0] else {
            Issue.record("\(events[0])")
            return
        }
        #expect(description.steps == 20)
        #expect(description.firstStep == 0)
        #expect(description.stepsPerEpoch == 12)
        #expect(description.data.training == 100)
        let parameters = try run.trainer().model.variables.ofKinds([.parameter]).elementCount
        #expect(description.parameterCount == parameters)
        let dropped = events.compactMap { event -> Int? in
            if case .droppedIncompleteBatch(let examples) = event { examples } else { nil }
        }
        #expect(dropped == [4])
        #expect(events.steps.map(\.step) == Array(1...20))
        #expect(events.steps.map(\.epoch) == Array(1...20).map { $0 <= 12 ? 0 : 1 })
        #expect(events.evaluations.map(\.step).dropLast() == [5, 10, 15, 20])
        #expect(events.evaluations.map(\.set) == [.validation, .validation, .validation, .validation, .test])
        #expect(events.evaluations.map(\.evaluation.examples) == [20, 20, 20, 20, 30])
        #expect(events.checkpoints.isEmpty)
        let configuration = run.configuration
        for report in events.steps {
            #expect(report.learningRate == configuration.options.learningRate.value(at: report.step - 1))
            #expect(report.rMax == TinyRun.renorm.limits.rMax.value(at: report.step - 1))
            #expect(report.dMax == TinyRun.renorm.limits.dMax.value(at: report.step - 1))
            #expect(report.loss > 0 && report.loss < 5)
            #expect(report.gradientNorm > 0)
            #expect(report.imagesPerSecond > 0)
            #expect([0, 1, 2, 3, 4, 5, 6, 7, 8].contains(report.accuracy * 8))
        }
        #expect(events.summary != nil)
    }

    @Test("it learns", arguments: engines.indices)
    func learns(engine: Int) async throws {
        var run = try TinyRun(steps: 150)
        run.engine = engines[engine]
        run.configuration.options.learningRate = .cosine(from: 0.1, steps: 150)
        run.configuration.evaluateEvery = 150
        run.configuration.augmentation = .none
        run.training = try TinyData.dataset(600)
        let summary = try await run.finish()
        let test = try #require(summary.test)
        #expect(test.accuracy >= 0.9, "\(test)")
        #expect(test.classes.map(\.examples).reduce(0, +) == 30)
        let correct = test.classes.map(\.correct).reduce(0, +)
        #expect(test.accuracy == Double(correct) / 30)
    }

    @Test("checkpoints: last when due, best when better, model at the end")
    func checkpoints() async throws {
        let folder = try TemporaryFolder()
        let run = try TinyRun(folder.appending("run"))
        let events = try await run.events().events
        let saved = events.checkpoints
        #expect(saved.filter { $0.reason == .periodic }.map(\.step) == [4, 8, 12, 16])
        #expect(saved.filter { $0.reason == .end }.map(\.step) == [20])
        let best = saved.filter { $0.reason == .best }.map(\.step)
        #expect(best == events.evaluations.filter(\.isBest).map(\.step))
        #expect(saved.last?.reason == .model)
        #expect(saved.last?.step == best.last)
        // The chosen state is the one of the best accuracy, of least loss among equals, then the first.
        let validations = events.evaluations.filter { $0.set == .validation }
        let chosen = validations.enumerated().min { a, b in
            (-a.element.evaluation.accuracy, a.element.evaluation.loss, a.offset)
                < (-b.element.evaluation.accuracy, b.element.evaluation.loss, b.offset)
        }
        #expect(events.summary?.chosenStep == chosen?.element.step)
        #expect(events.summary?.validation == chosen?.element.evaluation)
    }

    @Test("the better of two results, as a table")
    func better() {
        let best = BestState(step: 3, accuracy: 0.5, loss: 1)
        for (accuracy, loss, isBetter) in [
            (0.6, 2, true), (0.4, 0.5, false), (0.5, 0.9, true), (0.5, 1, false), (0.5, 1.1, false),
            (0.5, .nan, false),
        ] {
            let later = Evaluation(accuracy: accuracy, loss: loss, examples: 10, classes: [])
            #expect(best.isBeaten(by: later) == isBetter, "\(accuracy), \(loss)")
        }
    }

    @Test("what a checkpoint says of itself is what evaluating it gives", arguments: engines.indices)
    func consistency(engine: Int) async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.engine = engines[engine]
        run.configuration.options.averagingRate = 0.3
        let validation = try run.training.split(validation: 20, seed: 7).validation
        try await run.finish()
        let evaluator = Evaluator(run.engine, options: EvaluationOptions(batchSize: 8))
        for file in [run.folder!.best, run.folder!.last, run.folder!.model] {
            let trained = try TrainedModel(reading: file)
            #expect(try await evaluator.evaluate(trained, on: validation) == trained.record.validation)
        }
    }

    @Test("evaluates and saves each epoch by default, and at the end")
    func eachEpoch() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), steps: 30)
        run.configuration.evaluateEvery = nil
        run.configuration.checkpointEvery = nil
        let events = try await run.events().events
        #expect(events.evaluations.filter { $0.set == .validation }.map(\.step) == [12, 24, 30])
        #expect(
            events.checkpoints.filter { $0.url == run.folder?.last }.map(\.step) == [12, 24, 30])
    }

    @Test("without validation the last state is chosen")
    func noValidation() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.configuration.validation = 0
        let events = try await run.events().events
        #expect(events.evaluations.map(\.set) == [.test])
        #expect(events.summary?.chosenStep == 20)
        #expect(events.summary?.validation == nil)
        #expect(!FileManager.default.fileExists(atPath: run.folder!.best.path))
        let (model, last) = (try run.folder!.arrays(\.model), try run.folder!.arrays(\.last))
        #expect(model.allSatisfy { last[$0.key] == $0.value })
        guard case .started(let description) = events[0] else { return }
        #expect(description.data.training == 120)
    }

    @Test("the same run twice, with a folder and without: the same bits")
    func deterministic() async throws {
        let folder = try TemporaryFolder()
        let a = try await TinyRun().events().events
        let b = try await TinyRun(folder.appending("run")).events().events
        #expect(a.steps.map(\.loss) == b.steps.map(\.loss))
        #expect(a.evaluations == b.evaluations)
        #expect(a.summary?.test == b.summary?.test)
        var other = try TinyRun()
        other.configuration.seed = 8
        #expect(try await other.events().events.steps[0].loss != a.steps[0].loss)
    }

    @Test("the first step's loss is that of its batch under the initial values")
    func firstLoss() async throws {
        var run = try TinyRun(normalization: Normalization(.layer))
        run.configuration.options.labelSmoothing = 0
        run.configuration.augmentation = .none
        let reported = try await run.events().events.steps[0]
        let kept = try run.training.split(validation: 20, seed: 7).training
        let batch = try BatchSampler(.shuffled, dataset: kept, batchSize: 8, seed: 7).indices(step: 0)
        let evaluation = try await Evaluator(ReferenceEngine()).evaluate(
            run.trainer().model, on: kept.subset(batch), scaling: InputScaling(of: kept))
        #expect(abs(evaluation.loss - reported.loss) < 1e-5 * reported.loss)
        #expect(evaluation.accuracy == reported.accuracy)
    }

    @Test("label blocks fill each group of examples normalized together")
    func labelBlocks() async throws {
        var run = try TinyRun(normalization: Normalization(.batchRenorm, examples: 4))
        run.configuration.sampling = .labelBlocks(labels: 2, each: 2)
        let (events, error) = try await run.events()
        #expect(error == nil)
        #expect(events.steps.count == 20)
        run.configuration.sampling = .labelBlocks(labels: 4, each: 2)
        let (_, second) = try await run.events()
        #expect(
            second as? ImagesError == .labelBlocks(labels: 4, each: 2, size: 4, isGroup: true))
    }

    @Test("exponential averages are evaluated and saved in the parameters' place")
    func averages() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), normalization: Normalization(.batch), steps: 6)
        run.configuration.options.averagingRate = 0.25
        run.configuration.validation = 0
        let states = States()
        run.engine = HookedEngine(after: { _, store in states.append(try store.read()) })
        let initial = try run.trainer().model.variables
        let summary = try await run.finish()
        let model = try TrainedModel(reading: run.folder!.model).model.variables
        for (path, variable) in model {
            var expected = initial[path]!.value.doubles
            for state in states.all {
                let value = state[path]!.value.doubles
                expected =
                    variable.kind == .counter
                    ? value : zip(expected, value).map { $0 + 0.25 * ($1 - $0) }
            }
            for (found, wanted) in zip(variable.value.doubles, expected) {
                #expect(abs(found - wanted) <= 1e-6 * max(abs(wanted), 1), "\(path)")
            }
        }
        // What is measured is what is saved; the values that training goes on with are others.
        let evaluator = Evaluator(ReferenceEngine(), options: EvaluationOptions(batchSize: 8))
        let saved = try await evaluator.evaluate(TrainedModel(reading: run.folder!.model), on: run.test!)
        #expect(saved == summary.test)
        #expect(try await evaluator.evaluate(TrainedModel(reading: run.folder!.last), on: run.test!) == saved)
        let last = try run.folder!.arrays(\.last)
        #expect(last["fc.weight"] != model["fc.weight"]?.value)
        #expect(last["average.fc.weight"] == model["fc.weight"]?.value)
    }

    @Test("options out of range, as a table")
    func options() async throws {
        let table: [(String, (inout TrainingConfiguration) -> Void)] = [
            ("steps: found 0; expected 1 to 16777216", { $0.steps = 0 }),
            ("learning rate: found nan", { $0.options.learningRate = .constant(.nan) }),
            ("learning rate: found -0.1", { $0.options.learningRate = .constant(-0.1) }),
            ("weight decay: found inf", { $0.options.weightDecay = .infinity }),
            ("label smoothing: found 1.5; expected 0 to less than 1", { $0.options.labelSmoothing = 1.5 }),
            ("clip norm: found 0.0", { $0.options.clipNorm = 0 }),
            ("rate of the averages: found 0.0", { $0.options.averagingRate = 0 }),
            ("momentum: found 1.0", { $0.options.optimizer = .sgd(momentum: 1) }),
            ("momentum: found nan", { $0.options.optimizer = .rmsProp(momentum: .nan) }),
            ("beta2: found 1.0", { $0.options.optimizer = .adamW(beta2: 1) }),
            ("steps between evaluations: found 0", { $0.evaluateEvery = 0 }),
            ("steps between checkpoints: found -1", { $0.checkpointEvery = -1 }),
            ("evaluation batch size: found 0", { $0.evaluationBatchSize = 0 }),
            ("validation examples: found -1", { $0.validation = -1 }),
            ("120 of 120 training images were asked for validation", { $0.validation = 120 }),
            ("A batch of 101 was asked of 100 examples", { $0.batchSize = 101 }),
        ]
        for (message, change) in table {
            var run = try TinyRun()
            change(&run.configuration)
            let (events, error) = try await run.events()
            #expect(events.isEmpty)
            #expect("\(error.map { "\($0)" } ?? "none")".contains(message), "\(error as Any)")
        }
    }

    @Test("data that are not for the model")
    func data() async throws {
        var run = try TinyRun()
        run.configuration.architecture?.input = [8, 9, 1]
        var error = try await run.events().error
        #expect(
            error as? TrainingError
                == .imageShape(data: "tiny", found: [8, 8, 1], expected: [8, 9, 1]))
        run = try TinyRun()
        run.configuration.architecture?.classes = 4
        error = try await run.events().error
        #expect(error as? TrainingError == .classes(data: "tiny", found: 3, expected: 4))
    }

    private final class States: @unchecked Sendable {
        private(set) var all: [Variables] = []
        func append(_ state: Variables) { all.append(state) }
    }
}
