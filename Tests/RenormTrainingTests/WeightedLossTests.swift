import Foundation
import Renorm
import Testing

/// The loss of weighted and of mixed examples, and its gradients, as PyTorch has them.
@Suite struct WeightedLossTests {
    private struct Dense: Layer {
        var hasAuxiliary: Bool

        func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
            let pixels = try scope.apply("flat", Flatten(), to: x)
            if hasAuxiliary {
                scope.child("other").auxiliary(
                    try scope.apply("other", Renorm.Dense(4), to: pixels), weight: 0.4)
            }
            return try scope.apply("fc", Renorm.Dense(4), to: pixels)
        }
    }

    private static let names = [
        "class weights", "class weights, smoothed", "mixed", "mixed, smoothed", "mixed, class weights",
        "mixed, auxiliary",
    ]

    /// A step of plain gradient descent at the rate 1 takes the gradient away, in one batch or in three.
    @Test(arguments: names, [1, 3])
    func lossAndGradientsArePyTorchs(name: String, accumulation: Int) throws {
        let fixture = try Fixture("weighted-loss")
        let isMixed = name.hasPrefix("mixed")
        let options = TrainingOptions(
            optimizer: .sgd(momentum: 0), learningRate: .constant(1),
            labelSmoothing: name.hasSuffix("smoothed") ? 0.1 : 0)
        let hasAuxiliary = name.hasSuffix("auxiliary")
        var model = try Model(Dense(hasAuxiliary: hasAuxiliary), input: [2, 2, 1])
        var parameters = ["fc.weight": "weight", "fc.bias": "bias"]
        if hasAuxiliary {
            parameters.merge(["other.weight": "auxiliary_weight", "other.bias": "auxiliary_bias"]) { $1 }
        }
        #expect(Set(model.variables.paths) == Set(parameters.keys))
        for (path, name) in parameters { model.variables[path]?.value = fixture[name] }
        let graph = try TrainingGraph(
            model, batch: 6 / accumulation, accumulation: accumulation, options: options,
            targets: isMixed ? .mixedLabels : .weightedLabels)
        let engine = ReferenceEngine(precision: .f64)
        let store = try engine.makeStore(graph.initialState(of: model))
        let runner = try GraphRunner(graph.graph, on: engine)
        var loss = 0.0
        for part in 0..<accumulation {
            func rows(_ name: String, as type: ElementType) -> NDArray {
                fixture[name].rows(part * 6 / accumulation..<(part + 1) * 6 / accumulation).converted(
                    to: type)
            }
            runner.feed("images", rows("images", as: .f32))
            runner.feed("labels", rows("labels", as: .i32))
            runner.feed("weights", rows("\(name).weights", as: .f32))
            if isMixed {
                runner.feed("other_labels", rows("other_labels", as: .i32))
                runner.feed("other_weights", rows("\(name).other_weights", as: .f32))
            }
            if accumulation > 1 { runner.feed("place", NDArray(scalar: Float(part))) }
            try runner.run(on: store)
            loss += try runner.number("loss") / Double(accumulation)
        }
        if let update = graph.update { try GraphRunner(update, on: engine).run(on: store) }
        // The weights are rounded to f32.
        #expect(abs(loss - fixture["\(name).loss"].doubles[0]) < 1e-7)
        for (path, parameter) in parameters {
            let found = try #require(store.read()[path]).value.doubles
            let expected = fixture["\(name).gradient.\(parameter)"].doubles
            for ((new, old), gradient) in zip(zip(found, fixture[parameter].doubles), expected) {
                #expect(abs(old - new - gradient) < 1e-7)
            }
        }
    }

    /// What all classes have in common is scaled away, and a weight of 1 changes no bit.
    @Test func equalWeightsChangeNothing() async throws {
        func weights(_ classWeights: ClassWeights, _ engine: any Engine) async throws -> [String: NDArray] {
            let folder = try TemporaryFolder()
            var run = try TinyRun(folder.url, steps: 3)
            run.engine = engine
            run.configuration.classWeights = classWeights
            try await run.finish()
            return try run.folder!.arrays(\.last)
        }
        let threes = ClassWeights.given(["row": 3, "column": 3, "diagonal": 3])
        for engine in engines {
            let plain = try await weights(.none, engine)
            #expect(try await weights(threes, engine) == plain)
            #expect(try await weights(.balanced, engine) != plain)
        }
    }

    /// Also in small batches; with another α it is another run.
    @Test(arguments: [1, 2])
    func aMixedAndWeightedRunGoesOnToTheSameBits(accumulation: Int) async throws {
        let folder = try TemporaryFolder()
        func run(_ name: String) throws -> TinyRun {
            var run = try TinyRun(folder.appending(name), steps: 8)
            run.configuration.mixing = BatchMixing(mixup: 0.4, cutmix: 1)
            run.configuration.classWeights = .balanced
            run.configuration.sampling = .balanced
            run.configuration.batchSize = 8 / accumulation
            run.configuration.accumulation = accumulation
            return run
        }
        let whole = try run("whole")
        try await whole.finish()
        var killed = try run("killed")
        killed.engine = HookedEngine.dying(atStep: 6)
        _ = try await killed.events()
        killed.engine = ReferenceEngine()
        let (events, error) = try await killed.events(resumes: true)
        #expect(error == nil && events.steps.first?.step == 5)
        #expect(try killed.folder!.arrays(\.last) == whole.folder!.arrays(\.last))
        var other = killed
        other.configuration.mixing.mixup = 0.5
        let refused = try await other.events(resumes: true).error
        #expect("\(String(describing: refused))".contains("mixing.mixup"))
        #expect(try TinyRun(steps: 8).configuration.mixing.isNone)
    }
}
