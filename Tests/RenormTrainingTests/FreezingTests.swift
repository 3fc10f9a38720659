import Renorm
import RenormTestSupport
import Testing

import RenormOneDNN

/// After 50 steps of training what is frozen has the same bits, whatever is frozen, trained with, averaged or accumulated.
@Suite struct FreezingTests {
    /// How the steps are made.
    struct Setting: Sendable {
        var isFast: Bool
        var optimizer: Optimizer
        var accumulation: Int

        static let all = [
            Setting(isFast: true, optimizer: .sgd(), accumulation: 1),
            Setting(isFast: true, optimizer: .adamW(), accumulation: 2),
            Setting(isFast: false, optimizer: .sgd(), accumulation: 2),
            Setting(isFast: false, optimizer: .adamW(), accumulation: 1),
        ]

        func engine() throws -> any Engine {
            isFast ? try OneDNNEngine(threads: 2) : ReferenceEngine(precision: .f32)
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var normalization: Normalization
        var what: Freezing
        var setting: Setting

        var testDescription: String {
            "\(normalization.kind.word), \(what), \(setting.isFast ? "onednn" : "reference"), "
                + "\(setting.optimizer.name), accumulation \(setting.accumulation)"
        }
    }

    /// Every kind in the table, and batch renormalization within limits; with every setting in `make test-all`, else with one.
    static let cases: [Case] = {
        var kinds = NormalizationKinds.table.names.compactMap {
            (try? Normalization(parsing: $0)) ?? (try? Normalization(parsing: "\($0):2"))
        }
        kinds.append(Normalization(.batchRenorm(.limits(.open))))
        var cases: [Case] = []
        for (index, kind) in kinds.enumerated() {
            for (place, what) in Freezing.allCases.enumerated() {
                let settings = testsAreThorough ? Setting.all : [Setting.all[(index + place) % 4]]
                cases += settings.map { Case(normalization: kind, what: what, setting: $0) }
            }
        }
        return cases
    }()

    /// A trunk with dropout in it, and what is trained in any case.
    static func model(_ normalization: Normalization, _ overrides: [Override]) throws -> Model {
        let network = Sequential {
            Sequential {
                ConvolutionUnit(
                    Convolution(6, kernel: 3, bias: false), normalization, names: ("conv1", "bn1"))
                Dropout(0.3).named("drop")
                ConvolutionUnit(Convolution(6, kernel: 3), normalization, names: ("conv2", "bn2"))
            }.named("trunk")
            ConvolutionUnit(
                Convolution(8, kernel: 3, bias: false), normalization, names: ("conv3", "bn3"))
            GlobalAveragePool()
            Dense(3).named("fc")
        }
        var model = try Model(network, input: [8, 8, 1], overrides: overrides, seed: 3)
        model.variables = model.variables.mapValues { path, variable in
            var (variable, random) = (variable, Random(seed: 5, stream: path))
            if path.contains("running_") {
                // Means near 0, deviations and variances near 1.
                let center = path.hasSuffix("mean") ? 0 : 1.0
                let values = (0..<variable.value.elementCount).map { _ in
                    Float(center + 0.2 * (random.uniform() - 0.5))
                }
                variable.value = NDArray(values, shape: variable.value.shape)
            } else if variable.kind == .counter {
                variable.value = NDArray(scalar: Int64(40))
            } else if path.hasSuffix("bias") {
                // What adding 0 to would change the bits of.
                variable.value.withMutableValues(of: Float.self) { $0[0] = -0.0 }
            }
            return variable
        }
        return model
    }

    /// The state after 50 steps on small pictures.
    private func trained(_ model: Model, _ setting: Setting) throws -> Variables {
        let options = TrainingOptions(
            optimizer: setting.optimizer, learningRate: .constant(0.02), weightDecay: 0.05,
            parameterAveragingRate: 0.1)
        let graph = try TrainingGraph(model, batch: 4, accumulation: setting.accumulation, options: options)
        let dataset = try TinyData.dataset(64)
        let engine = try setting.engine()
        let store = try engine.makeStore(graph.initialState(of: model))
        let step = try TrainingStep(graph, on: engine)
        let sampler = try BatchSampler(
            .shuffled, dataset: dataset, batchSize: 4 * setting.accumulation, seed: 1)
        let loader = try BatchLoader(
            dataset: dataset, scaling: InputScaling(of: dataset), sampler: sampler, from: 0,
            parts: setting.accumulation)
        defer { loader.cancel() }
        for number in 0..<50 {
            guard case .updated = try step.run(loader, step: number, on: store) else {
                Issue.record("step \(number) was not finite")
                break
            }
        }
        return try store.read().filter { $1.kind != .accumulator }
    }

    @Test(arguments: cases)
    func whatIsFrozenKeepsItsBitsAndItsOutput(_ given: Case) throws {
        let model = try Self.model(given.normalization, [.freeze("trunk", given.what)])
        let state = try trained(model, given.setting)
        func isFrozen(_ path: String, _ variable: Variable) -> Bool {
            guard path.hasPrefix("trunk.") else { return false }
            switch given.what {
            case .parametersAndStatistics: return true
            case .parameters: return variable.kind == .parameter
            case .statistics: return variable.kind != .parameter
            }
        }
        for (path, variable) in model.variables {
            let (now, average) = (state[path]!.value, state[TrainingGraph.averagePath(of: path)]?.value)
            if isFrozen(path, variable) {
                #expect(now.converted(to: variable.value.type) == variable.value, "\(path)")
                #expect(average == nil || average == variable.value, "average of \(path)")
                #expect(!state.paths.contains { $0.hasPrefix("optimizer.") && $0.hasSuffix(path) })
            } else if variable.kind == .parameter {
                #expect(now != variable.value, "\(path) is to be trained")
            } else if given.normalization.isBatchwise {
                #expect(now.converted(to: variable.value.type) != variable.value, "\(path) is to move")
            }
        }
        // What was trained is evaluated: the trunk as the step sees it, and as inference does.
        var after = model
        after.variables = model.variables.mapValues { path, old in
            Variable(kind: old.kind, value: state[path]!.value.converted(to: old.value.type))
        }
        let place = given.what == .parametersAndStatistics ? "trunk" : "trunk.bn1"
        let (training, inference) = try (
            output(of: after, at: place, phase: .training, given.setting),
            output(of: after, at: place, phase: .inference, given.setting)
        )
        if given.what == .parameters && given.normalization.isBatchwise {
            #expect(training != inference)
        } else {
            #expect(training == inference)
        }
    }

    private func output(of model: Model, at path: String, phase: Phase, _ setting: Setting) throws -> NDArray
    {
        let builder = GraphBuilder()
        let images = builder.input("images", shape: [4, 8, 8, 1])
        let traced = try model.trace(images, on: builder, phase: phase)
        builder.fetch(try traced.taps.tap(at: path).tensor, as: "tap")
        let feeds = ["images": randomArray([4, 8, 8, 1], type: .f32)]
        let engine = try setting.engine()
        return try engine.compile(builder.graph.pruned()).run(
            feeds, step: 3, on: engine.makeStore(model.variables))["tap"]!
    }

    @Test func theBackwardPassStopsAtTheFrozenTrunk() throws {
        let options = TrainingOptions(learningRate: .constant(0.1), parameterAveragingRate: 0.1)
        for (what, kind) in [(.parametersAndStatistics, .batchRenorm), (.parameters, .batch)]
            as [(Freezing, any NormalizationKind)]
        {
            let model = try Self.model(Normalization(kind), [.freeze("trunk", what)])
            let graph = try TrainingGraph(model, batch: 4, options: options).graph
            let backward = graph.nodes.filter { $0.part == .backward }
            #expect(!backward.isEmpty && backward.allSatisfy { !$0.path.hasPrefix("trunk") })
            // Nobody asks for the gradient of what the trunk gives.
            #expect(
                graph.nodes.allSatisfy { if case .convolutionInputGradient = $0.op { false } else { true } })
            let known = graph.variables.keys.filter { $0.contains("trunk.") }
            #expect(known.allSatisfy { !$0.hasPrefix("optimizer.") })
        }
    }

    @Test func aFrozenTrunkKeepsNoActivations() throws {
        let engine = try OneDNNEngine(threads: 2)
        func planned(_ frozen: Int) throws -> Int {
            let model = try Architecture(
                name: "resnet18", classes: 10, input: [32, 32, 3], normalization: Normalization(.batchRenorm)
            ).makeModel(seed: 1).freezing(first: frozen)
            let graph = try TrainingGraph(
                model, batch: 8, options: TrainingOptions(learningRate: .constant(0.1)))
            return try engine.compile(graph.graph).plannedMemory.activations
        }
        let sizes = try [planned(0), planned(5), planned(9)]
        #expect(sizes[1] * 3 < sizes[0] * 2 && sizes[2] * 3 < sizes[1], "\(sizes)")
    }

    @Test func aRunThatGoesOnKeepsItFrozen() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.url, normalization: Normalization(.batchRenorm))
        run.overrides = [.freeze("conv1"), .freeze("bn1"), .freeze("bn3", .statistics)]
        run.configuration.options.parameterAveragingRate = 0.2
        let before = try run.trainer().model.variables
        _ = try await run.interrupt(afterStep: 9)
        try await run.finish(resumes: true)
        let saved = try TrainedModel(reading: run.folder!.last)
        #expect(saved.model.overrides == run.overrides)
        let after = saved.model.variables
        let frozen = before.paths.filter {
            $0.hasPrefix("conv1") || $0.hasPrefix("bn1")
                || (before[$0]!.kind != .parameter && $0.hasPrefix("bn3"))
        }
        #expect(frozen.count == 1 + 7 + 5)
        for path in frozen { #expect(after[path] == before[path], "\(path)") }
        #expect(
            after["bn3.weight"] != before["bn3.weight"]
                && after["bn2.running_std"] != before["bn2.running_std"])
    }
}
