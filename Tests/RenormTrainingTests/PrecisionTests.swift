import Foundation
import Renorm
import Testing

/// Networks with activations of bf16 in use: measured, asked for predictions, validated while they are trained.
@Suite struct PrecisionTests {
    /// A run in bf16 with exponential averages of what is trained.
    private func run(_ folder: URL, _ engine: any Engine = ReferenceEngine(), evaluatedIn: Precision? = nil)
        throws
        -> TinyRun
    {
        var run = try TinyRun(folder, steps: 10)
        run.engine = engine
        run.configuration.options.precision = .bf16
        run.configuration.options.parameterAveragingRate = 0.2
        run.configuration.evaluationPrecision = evaluatedIn
        return run
    }

    private func trained(_ normalization: Normalization = TinyRun.renorm, model: String = "small:0.25")
        async throws
        -> (TrainedModel, Dataset)
    {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), normalization: normalization)
        run.configuration.architecture?.name = model
        run.configuration.options.learningRate = .constant(0.02)
        try await run.finish()
        return (try TrainedModel(reading: run.folder!.model), run.test!)
    }

    // MARK: What is computed

    @Test("in f64 nothing is rounded, so both precisions give one result; in f32 they differ by rounding")
    func onlyRounding() async throws {
        let (model, data) = try await trained()
        func results(_ engine: any Engine, _ precision: Precision) async throws -> (Double, [[Double]]) {
            let evaluator = Evaluator(engine, options: EvaluationOptions(precision: precision))
            let predictor = try Predictor(model, engine: engine, precision: precision)
            #expect(predictor.precision == precision)
            return (
                try await evaluator.evaluate(model, on: data).loss, try predictor.logits(of: data.images)
            )
        }
        let exact = ReferenceEngine(precision: .f64)
        #expect(try await results(exact, .bf16) == results(exact, .f32))
        let (rounded, expected) = (
            try await results(ReferenceEngine(), .bf16), try await results(exact, .f32)
        )
        #expect(rounded.0 != expected.0 && abs(rounded.0 - expected.0) < 0.02 * expected.0)
        let differences = zip(rounded.1.joined(), expected.1.joined()).map { abs($0 - $1) }
        let spread = expected.1.joined().max()! - expected.1.joined().min()!
        // An activation is rounded by at most 2⁻⁹ of it, several times on its way.
        #expect(differences.max()! < 0.05 * spread)
        // The logits themselves are not rounded.
        #expect(rounded.1.joined().contains { BFloat16(nearestTo: $0).asDouble != $0 })
    }

    @Test(
        "the engines agree in bf16 but for rounding",
        .enabled(if: engines.count > 1 && engines.last!.canCompute(.bf16), "oneDNN has no bf16 here"),
        arguments: [Normalization(.batch), Normalization(.batchRenorm), Normalization(.group(2))],
        ["small:0.25", "mobilenetv2:0.25"])
    func enginesAgree(normalization: Normalization, model: String) async throws {
        let (model, data) = try await trained(normalization, model: model)
        for statistics in [Phase.Statistics.moving, .batch] {
            func loss(_ engine: any Engine, _ precision: Precision) async throws -> Double {
                let options = EvaluationOptions(
                    statistics: statistics, batchSize: 10, precision: precision)
                return try await Evaluator(engine, options: options).evaluate(model, on: data).loss
            }
            let found = try await loss(engines[1], .bf16)
            let expected = try await loss(ReferenceEngine(), .bf16)
            #expect(abs(found - expected) < 0.05 * expected, "\(statistics): \(found), \(expected)")
            #expect(try await loss(engines[1], .f32) != found)
        }
        func logits(_ engine: any Engine) throws -> [Double] {
            try Predictor(model, engine: engine, precision: .bf16).logits(of: data.images).flatMap { $0 }
        }
        // The 52 convolutions of MobileNetV2 add their roundings up, and ours of them do not round weights.
        let (found, expected) = (try logits(engines[1]), try logits(ReferenceEngine()))
        let spread = expected.max()! - expected.min()!
        let largest = zip(found, expected).map { abs($0 - $1) }.max()!
        #expect(largest < 0.25 * spread, "\(largest) of \(spread)")
    }

    // MARK: Runs

    /// Notes the precision of what is compiled without updates.
    private final class Noted: @unchecked Sendable {
        // Runs compile on one thread.
        var precisions: Set<Precision> = []
    }

    private struct NotingEngine: Engine {
        var base: any Engine
        let noted = Noted()
        var description: EngineDescription { base.description }
        var bf16Arithmetic: ArithmeticSupport { base.bf16Arithmetic }
        func makeStore(_ variables: Variables) throws -> any Store { try base.makeStore(variables) }
        func compile(_ graph: Graph) throws -> any Executable {
            if graph.updates.isEmpty {
                noted.precisions.insert(graph.nodes.contains { $0.type == .bf16 } ? .bf16 : .f32)
            }
            return try base.compile(graph)
        }
    }

    @Test(
        "a run is evaluated in its own precision or in the one that is asked for",
        arguments: engines.indices, [nil, .f32, .bf16] as [Precision?])
    func validation(engine: Int, evaluatedIn: Precision?) async throws {
        guard engines[engine].canCompute(.bf16) else { return }
        let folder = try TemporaryFolder()
        let noting = NotingEngine(base: engines[engine])
        let run = try run(folder.appending("run"), noting, evaluatedIn: evaluatedIn)
        try await run.finish()
        let precision = evaluatedIn ?? .bf16
        #expect(noting.noted.precisions == [precision])

        // Whoever measures the saved state in this precision gets what the run got.
        let (_, heldOut) = try run.training.split(validation: 20, seed: run.configuration.seed)
        let best = try TrainedModel(reading: run.folder!.best)
        #expect(best.precision == precision)
        func loss(_ set: Dataset, _ precision: Precision?, batch: Int = 8) async throws -> Double {
            let options = EvaluationOptions(batchSize: batch, precision: precision)
            return try await Evaluator(engines[engine], options: options).evaluate(best, on: set).loss
        }
        let validated = try #require(best.record.validation?.loss)
        #expect(abs(try await loss(heldOut, precision) - validated) < 1e-6)
        let model = try TrainedModel(reading: run.folder!.model)
        let tested = try #require(model.record.test?.loss)
        #expect(try await loss(run.test!, precision) == tested)
        #expect(try await loss(run.test!, precision == .f32 ? .bf16 : .f32) != tested)
        if engines[engine].bf16Arithmetic == .native { #expect(try await loss(run.test!, nil) == tested) }
    }

    @Test("a run in bf16 that was killed goes on to the same bits", arguments: engines.indices)
    func killed(engine: Int) async throws {
        guard engines[engine].canCompute(.bf16) else { return }
        let folder = try TemporaryFolder()
        let whole = try run(folder.appending("whole"), engines[engine])
        try await whole.finish()
        var run = try run(folder.appending("run"), HookedEngine.dying(atStep: 7, engines[engine]))
        #expect(try await run.events().error is HookedEngine.Killed)
        run.engine = engines[engine]
        try await run.finish(resumes: true)
        for file in [\RunFolder.last, \.best, \.model] {
            #expect(try run.folder!.arrays(file) == whole.folder!.arrays(file))
        }
        #expect(try run.folder!.record(\.model).test == whole.folder!.record(\.model).test)
    }

    @Test("the precision of evaluations may change when a run goes on; what is trained does not depend on it")
    func changed() async throws {
        let folder = try TemporaryFolder()
        let whole = try run(folder.appending("whole"))
        try await whole.finish()
        var run = try run(folder.appending("run"), HookedEngine.dying(atStep: 7))
        _ = try await run.events()
        run.engine = ReferenceEngine()
        run.configuration.evaluationPrecision = .f32
        try await run.finish(resumes: true)
        #expect(try run.folder!.arrays(\.last) == whole.folder!.arrays(\.last))
        #expect(try run.folder!.record(\.model).configuration.precisionOfEvaluations == .f32)
    }

    @Test("a configuration of before evaluations had a precision is evaluated in its own")
    func earlierConfigurations() throws {
        var configuration = try TinyRun().configuration
        configuration.options.precision = .bf16
        let text = try JSONCoder.encode(configuration)
        #expect(!text.contains("evaluationPrecision"))
        let read = try JSONCoder.decode(TrainingConfiguration.self, from: Data(text.utf8))
        #expect(read.precisionOfEvaluations == .bf16)
    }

    // MARK: Processors without bf16

    private struct OtherProcessor: Engine {
        var bf16Arithmetic: ArithmeticSupport
        private let base = ReferenceEngine()
        init(_ support: ArithmeticSupport) { bf16Arithmetic = support }
        var description: EngineDescription { base.description }
        func makeStore(_ variables: Variables) throws -> any Store { try base.makeStore(variables) }
        func compile(_ graph: Graph) throws -> any Executable { try base.compile(graph) }
    }

    @Test("where bf16 is not native a run's network is used in f32 unless bf16 is asked for")
    func otherProcessors() async throws {
        let folder = try TemporaryFolder()
        let run = try run(folder.appending("run"))
        try await run.finish()
        let trained = try TrainedModel(reading: run.folder!.model)
        let (native, emulating, none) = (
            ReferenceEngine(), OtherProcessor(.emulated), OtherProcessor(.none)
        )
        #expect(trained.precision(on: native) == .bf16)
        func loss(_ engine: any Engine, _ precision: Precision?) async throws -> Double {
            let options = EvaluationOptions(precision: precision)
            return try await Evaluator(engine, options: options).evaluate(trained, on: run.test!).loss
        }
        let (rounded, exact) = (try await loss(native, .bf16), try await loss(native, .f32))
        #expect(rounded != exact)
        #expect(try await loss(native, nil) == rounded)
        #expect(try Predictor(trained, engine: native).precision == .bf16)
        for engine in [emulating, none] {
            #expect(trained.precision(on: engine) == .f32)
            #expect(try await loss(engine, nil) == exact)
            #expect(try Predictor(trained, engine: engine).precision == .f32)
        }
        #expect(try await loss(emulating, .bf16) == rounded)
        let evaluated = await #expect(throws: TrainingError.self) { try await loss(none, .bf16) }
        let predicted = #expect(throws: TrainingError.self) {
            try Predictor(trained, engine: none, precision: .bf16)
        }
        for error in [evaluated, predicted] {
            guard case .option(name: "precision", _, let expected) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(expected.hasPrefix("f32"))
        }
        // A run that could not be evaluated is not begun.
        var refused = try TinyRun(folder.appending("refused"))
        refused.engine = none
        refused.configuration.evaluationPrecision = .bf16
        #expect(try await refused.events().error is TrainingError)
        #expect(!FileManager.default.fileExists(atPath: refused.folder!.url.path))
    }
}
