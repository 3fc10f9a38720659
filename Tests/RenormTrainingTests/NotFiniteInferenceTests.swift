import Foundation
import Renorm
import Testing

/// Networks whose values are not finite when they are used: evaluated, asked for predictions, validated.
@Suite struct NotFiniteInferenceTests {
    /// A way to spoil a network, and the first layer that is not finite then.
    struct Fault: CustomTestStringConvertible {
        var name: String
        var path: String
        var normalization = Normalization(.batch)
        var statistics = Phase.Statistics.moving
        var model = "small:0.25"
        var spoil: @Sendable (inout Variables) -> Void
        var testDescription: String { "\(name), \(model), \(normalization.kind), \(statistics)" }
    }

    private static func fill(_ path: String, _ value: Float) -> @Sendable (inout Variables) -> Void {
        { variables in
            let shape = variables[path]!.value.shape
            variables[path]!.value = NDArray(repeating: value, shape: shape)
        }
    }

    /// One channel alone.
    private static func set(_ path: String, _ value: Float) -> @Sendable (inout Variables) -> Void {
        { variables in variables[path]!.value.withMutableValues(of: Float.self) { $0[1] = value } }
    }

    static let faults: [Fault] = {
        var faults: [Fault] = []
        for kind: any NormalizationKind in [.batch, .batchRenorm, .frozen] {
            let spread = kind is BatchRenormalization ? "running_std" : "running_var"
            for value in [Float.nan, .infinity] {
                faults.append(
                    Fault(
                        name: "a \(spread) of \(value)", path: "bn3.\(spread)",
                        normalization: Normalization(kind), spoil: set("bn3.\(spread)", value)))
            }
        }
        for statistics in [Phase.Statistics.moving, .batch] {
            faults += [
                Fault(
                    name: "a weight that is NaN", path: "conv4.weight", statistics: statistics,
                    spoil: set("conv4.weight", .nan)),
                Fault(
                    name: "a shift of −∞", path: "bn2.bias", statistics: statistics,
                    spoil: set("bn2.bias", -.infinity)),
            ]
        }
        faults += [
            // Overflows downwards only, which a ReLU hides.
            Fault(
                name: "sums beyond −3e38", path: "conv3",
                spoil: { variables in
                    set("bn2.bias", 1e20)(&variables)
                    fill("conv3.weight", -1e19)(&variables)
                }),
            Fault(
                name: "a mean beyond", path: "bn2",
                spoil: { variables in
                    set("bn2.running_mean", 3e38)(&variables)
                    set("bn2.running_var", 1e-4)(&variables)
                }),
            // A variance that overflows makes x·(1/∞) = 0 of everything.
            Fault(
                name: "a variance beyond 3e38", path: "bn3", normalization: Normalization(.group(2)),
                spoil: fill("conv3.weight", 1e25)),
            Fault(
                name: "a variance beyond 3e38", path: "bn3", normalization: Normalization(.instance),
                spoil: fill("conv3.weight", 1e25)),
            Fault(
                name: "a variance beyond 3e38", path: "bn3", statistics: .batch,
                spoil: fill("conv3.weight", 1e25)),
        ]
        let first = "features.2.conv.0.1"
        for (path, value) in [
            ("weight", Float.nan), ("running_var", .infinity), ("bias", .infinity), ("bias", -.infinity),
        ] {
            faults.append(
                Fault(
                    name: "\(path) of \(value)", path: "\(first).\(path)", model: "mobilenetv2:0.25",
                    spoil: set("\(first).\(path)", value)))
        }
        // Nothing but sums that overflow, upwards and downwards, before a ReLU6 that would make 6 or 0 of them.
        for sign in [Float(1), -1] {
            faults.append(
                Fault(
                    name: "sums beyond \(sign)·3e38", path: "features.2.conv.0.0", model: "mobilenetv2:0.25",
                    spoil: { variables in
                        fill("features.1.conv.2.bias", 1e20)(&variables)
                        fill("features.2.conv.0.0.weight", sign * 1e19)(&variables)
                    }))
        }
        return faults
    }()

    private func spoiled(_ fault: Fault) async throws -> (TrainedModel, Dataset) {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), normalization: fault.normalization, steps: 2)
        run.configuration.architecture?.name = fault.model
        run.configuration.options.learningRate = .constant(0.01)
        try await run.finish()
        var trained = try TrainedModel(reading: run.folder!.model)
        fault.spoil(&trained.model.variables)
        return (trained, run.test!)
    }

    @Test("evaluating and predicting name the layer", arguments: engines.indices, faults)
    func namesTheLayer(engine: Int, fault: Fault) async throws {
        for precision in Precision.allCases where engines[engine].canCompute(precision) {
            try await expectTheLayer(of: fault, on: engines[engine], precision)
        }
    }

    private func expectTheLayer(of fault: Fault, on engine: any Engine, _ precision: Precision) async throws {
        let (trained, test) = try await spoiled(fault)
        let evaluator = Evaluator(
            engine,
            options: EvaluationOptions(statistics: fault.statistics, batchSize: 10, precision: precision))
        let error = await #expect(throws: TrainingError.self) {
            try await evaluator.evaluate(trained, on: test)
        }
        guard case .notFiniteOn(data: "tiny test", let path) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path == fault.path)
        #expect(
            "\(error!)".contains(
                "'\(path)' is not finite (NaN or infinity) on tiny test; expected finite numbers"))
        guard fault.statistics == .moving else { return }
        #expect(throws: TrainingError.notFiniteOn(data: "the input", path: path)) {
            try Predictor(trained, engine: engine, precision: precision).probabilities(of: test.images)
        }
    }

    @Test(
        "what is finite passes, however large", arguments: engines.indices,
        ["small:0.25", "mobilenetv2:0.25"])
    func finitePasses(engine: Int, model: String) async throws {
        let large = Fault(name: "large", path: "", model: model) { variables in
            for (path, variable) in variables
            where path.hasSuffix(model.hasPrefix("small") ? "bn5.weight" : "conv.0.0.weight") {
                let values = variable.value.floats.map { $0 * 1e9 }
                variables[path]!.value = NDArray(values, shape: variable.value.shape)
            }
        }
        let (trained, test) = try await spoiled(large)
        let evaluation = try await Evaluator(engines[engine]).evaluate(trained, on: test)
        #expect(evaluation.loss.isFinite)
        let expected = try await Evaluator(ReferenceEngine(precision: .f64)).evaluate(trained, on: test)
        #expect(abs(evaluation.loss / expected.loss - 1) < 1e-3)
    }

    /// Bounds that are exceeded though nothing is infinite cost a second run, not the result.
    @Test("a bound that fails falsely changes nothing", arguments: engines.indices)
    func boundsMayFail(engine: Int) async throws {
        let large = Fault(name: "large", path: "", model: "mobilenetv2:0.25") { variables in
            Self.fill("features.1.conv.2.bias", 0)(&variables)
            Self.fill("features.1.conv.2.weight", 1e-30)(&variables)
            Self.fill("features.2.conv.0.0.weight", 1e37)(&variables)
        }
        let (trained, test) = try await spoiled(large)
        let evaluation = try await Evaluator(engines[engine]).evaluate(trained, on: test)
        let expected = try await Evaluator(ReferenceEngine(precision: .f64)).evaluate(trained, on: test)
        #expect(abs(evaluation.loss / expected.loss - 1) < 1e-3)
    }

    // MARK: Runs

    /// A run whose moving mean of one layer is so large from a step on that its results overflow when it is deployed,
    /// while training, which does not use it, goes on.
    private func run(_ folder: TemporaryFolder, engine: any Engine, from step: Int = 7) throws -> TinyRun {
        var run = try TinyRun(folder.appending("run"), normalization: Normalization(.batch))
        run.engine = HookedEngine(
            base: engine,
            after: { now, store in
                guard now >= step else { return }
                let spoiled = NDArray(repeating: Float(3e38), shape: try store.read("bn2.running_mean").shape)
                var variables = Variables()
                variables["bn2.running_mean"] = Variable(kind: .statistic, value: spoiled)
                let small = NDArray(repeating: Float(1e-4), shape: spoiled.shape)
                variables["bn2.running_var"] = Variable(kind: .statistic, value: small)
                try store.write(variables)
            })
        return run
    }

    @Test(
        "validation stops with the state saved, and goes on with the other policy", arguments: engines.indices
    )
    func validationStops(engine: Int) async throws {
        let folder = try TemporaryFolder()
        var run = try run(folder, engine: engines[engine])
        let (events, error) = try await run.events()
        let last = run.folder!.last
        #expect(
            error as? TrainingError
                == .evaluationNotFinite(
                    set: .validation, step: 10, path: "bn2", checkpoint: last.path, canGoOn: true))
        let message = "\(error!)"
        #expect(message.contains("After step 10 'bn2' is not finite"))
        #expect(
            message.contains("saved in \(last.path)")
                && message.contains("go on and let such evaluations be left out"))
        #expect(events.checkpoints.last?.reason == .nonFinite)
        #expect(events.evaluations.map(\.step) == [5])
        #expect(try run.folder!.record(\.last).step == 10)

        // The same policy meets it again; the other leaves it out.
        #expect(try await run.events(resumes: true).error as? TrainingError == error as? TrainingError)
        run.configuration.onNonFinite = .skip
        let rest = try await run.events(resumes: true)
        #expect(rest.error == nil)
        #expect(rest.events.steps.map(\.step) == Array(11...20))
        #expect(
            rest.events.warnings.filter { $0.contains("'bn2' is not finite on the validation images") }.count
                == 3)
        // The best state is of before, and so the one that is chosen and measured.
        #expect(rest.events.summary?.chosenStep == 5)
        #expect(rest.events.summary?.test != nil)
    }

    @Test(
        "without a state that can be evaluated, skipping ends with the last, unmeasured",
        arguments: engines.indices)
    func nothingToChoose(engine: Int) async throws {
        let folder = try TemporaryFolder()
        var run = try run(folder, engine: engines[engine], from: 0)
        run.configuration.onNonFinite = .skip
        let (events, error) = try await run.events()
        #expect(error == nil && events.evaluations.isEmpty)
        let summary = try #require(events.summary)
        #expect(summary.chosenStep == 20 && summary.test == nil && summary.validation == nil)
        #expect(events.warnings.contains { $0.contains("'bn2' is not finite on the test images") })
        #expect(try run.folder!.record(\.model).step == 20)
    }

    @Test("a state that nothing can go on from does not invite to")
    func cannotGoOn() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), normalization: Normalization(.batch))
        run.engine = HookedEngine(after: { _, store in
            var variables = Variables()
            let spoiled = NDArray(repeating: Float.nan, shape: try store.read("bn2.running_mean").shape)
            variables["bn2.running_mean"] = Variable(kind: .statistic, value: spoiled)
            try store.write(variables)
        })
        let error = try await run.events().error
        #expect(
            error as? TrainingError
                == .evaluationNotFinite(
                    set: .validation, step: 5, path: "bn2.running_mean", checkpoint: run.folder!.last.path,
                    canGoOn: false))
        #expect(!"\(error!)".contains("go on and"))
        // Nor can it.
        #expect(try await run.events(resumes: true).error is VariablesError)
    }

    @Test("a test that is not finite ends the run with an error, all steps saved")
    func testStops() async throws {
        let folder = try TemporaryFolder()
        var run = try run(folder, engine: ReferenceEngine())
        run.configuration.validation = 0
        let (_, error) = try await run.events()
        #expect(
            error as? TrainingError
                == .evaluationNotFinite(
                    set: .test, step: 20, path: "bn2", checkpoint: run.folder!.last.path, canGoOn: true))
        #expect(try run.folder!.record(\.last).step == 20)
    }

    // MARK: Files

    @Test(
        "a run does not go on from values that no run has, nor is such a file a model",
        arguments: [
            ("bn1.running_var", Float.nan), ("bn1.running_var", -1), ("conv2.weight", .infinity),
            ("average.bn2.running_var", -1),
            ("average.bn2.bias", .nan),
        ])
    func filesAreRefused(path: String, value: Float) async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), normalization: Normalization(.batch), steps: 20)
        run.configuration.options.parameterAveragingRate = 0.1
        run.engine = HookedEngine.dying(atStep: 8)
        _ = try await run.events()
        let file = try VariablesFile(reading: run.folder!.last)
        var variables = Variables()
        for (path, value) in file.arrays {
            variables[path] = Variable(kind: file.kinds![path]!, value: value)
        }
        variables[path]!.value.withMutableValues(of: Float.self) { $0[0] = value }
        try VariablesFile.write(variables, metadata: file.metadata, to: run.folder!.last)
        let before = try contents(of: run.folder!.url)
        let resumed = try await run.events(resumes: true).error
        let read = #expect(throws: VariablesError.self) { try TrainedModel(reading: run.folder!.last) }
        for error in [resumed as? VariablesError, read] {
            let message = try #require(error.map { "\($0)" })
            #expect(message.contains("last.safetensors: '\(path)' holds"), "\(message)")
        }
        #expect(try contents(of: run.folder!.url) == before)
    }
}
