import Renorm
import RenormTestSupport
import Testing

@Suite struct PhaseTests {
    private let images = randomArray([4, 6, 6, 2], mean: 0.3)

    private func network(_ kind: any NormalizationKind, overrides: [Override] = []) throws -> Model {
        let layers = Sequential {
            Convolution(4, kernel: 3, bias: false).named("conv")
            Normalization(kind).named("bn")
            Dropout(0.5).named("drop")
        }
        return try trainedAverages(Model(layers, input: [6, 6, 2], overrides: overrides, seed: 3))
    }

    /// Averages that are neither the initial ones nor those of `images`.
    private func trainedAverages(_ model: Model) throws -> Model {
        let spread = model.variables.paths.first { $0 == "bn.running_var" || $0 == "bn.running_std" }
        guard let spread else { return model }
        return model.with([
            "bn.running_mean": vector([0.1, -0.2, 0.3, 0.05]), spread: vector([0.9, 1.3, 0.6, 1.1]),
            "bn.num_batches_tracked": NDArray(scalar: Int64(4)),
        ])
    }

    private func phase(
        _ statistics: Phase.Statistics, corrects: Bool = false, updates: Bool = false
    ) -> Phase {
        Phase(statistics: statistics, corrects: corrects, updatesStatistics: updates, dropout: false)
    }

    /// The paths of the variables that a run has changed; a store of the fast engine rounds what it is given to f32.
    private func changed(_ before: Model, _ after: Variables) -> Set<String> {
        Set(
            before.variables.filter { path, variable in
                variable.value.converted(to: .f32) != after[path]!.value.converted(to: .f32)
            }.paths)
    }

    @Test func batchStatisticsOnBatchRenormAreBatchNormalizationWithoutUpdate() throws {
        let renorm = try network(.batchRenorm(.limits(.open)))
        let (output, after) = try renorm.run(images, phase: .batchStatistics)
        #expect(try output == network(.batch).output(images, phase: .batchStatistics))
        #expect(try output != renorm.output(images))
        #expect(changed(renorm, after) == [])
    }

    @Test(arguments: [.batch, .batchRenorm(.limits(.open))] as [any NormalizationKind], TestEngine.allCases)
    func decisionsAreIndependent(_ kind: any NormalizationKind, _ engine: TestEngine) throws {
        let (model, images) = (try network(kind), images.converted(to: engine.type))
        func run(_ phase: Phase) throws -> (output: NDArray, variables: Variables) {
            try model.run(images, phase: phase, engine: engine.make())
        }
        let spread = kind is BatchNormalization ? "bn.running_var" : "bn.running_std"
        let moved: Set<String> = ["bn.running_mean", spread, "bn.num_batches_tracked"]
        var averages: [Variables] = []
        for statistics in Phase.Statistics.allCases {
            for corrects in [false, true] {
                let still = try run(phase(statistics, corrects: corrects))
                let updating = try run(phase(statistics, corrects: corrects, updates: true))
                // With moving averages a normalization that nothing else needs is part of the convolution before it.
                let problem = mismatch(
                    still.output, updating.output, tolerance: 1e-6, of: "\(statistics), corrects \(corrects)")
                #expect(problem == nil)
                #expect(changed(model, still.variables) == [])
                #expect(changed(model, updating.variables) == moved)
                averages.append(updating.variables)
            }
        }
        // Whatever normalizes, averages move towards the moments of the batch.
        #expect(averages.allSatisfy { $0 == averages[0] })
        let inference = try run(.inference).output
        #expect(try mismatch(run(phase(.moving, updates: true)).output, inference, tolerance: 1e-6) == nil)
    }

    @Test func correctionNeedsNoUpdate() throws {
        let model = try network(.batchRenorm(.limits(.open)))
        let corrected = try model.output(images, phase: phase(.batch, corrects: true))
        #expect(try mismatch(corrected, model.output(images), tolerance: 1e-12) == nil)
        #expect(try model.output(images, phase: phase(.batch)) != corrected)
    }

    @Test func frozenNeverMoves() throws {
        let model = try network(.frozen)
        let expected = try model.output(images)
        for phase in [
            Phase.batchStatistics, phase(.batch, corrects: true, updates: true),
            phase(.moving, updates: true),
        ] {
            let (output, after) = try model.run(images, phase: phase)
            #expect(output == expected)
            #expect(changed(model, after) == [])
        }
        // γ and β are trained all the same.
        let graph = try model.graph(batch: 4, phase: .training)
        #expect(graph.variables["bn.weight"]?.isTrainable == true)
    }

    // MARK: Overrides

    @Test func freezingStopsParametersStatisticsAndDropoutInTraining() throws {
        for kind: any NormalizationKind in [.batch, .batchRenorm(.limits(.open))] {
            let model = try network(kind, overrides: [.freeze("**")])
            let (output, after) = try model.run(images, phase: .training)
            #expect(try output == network(kind).output(images, phase: .inference))
            #expect(changed(model, after) == [])
            let graph = try model.graph(batch: 4, phase: .training)
            #expect(graph.variables.values.allSatisfy { !$0.isTrainable })
            #expect(graph.updates.isEmpty && graph.guards.isEmpty)
        }
    }

    @Test func aTrainingStepLeavesWhatIsFrozenAlone() throws {
        let small = Small(classes: 4, width: 0.25, normalization: Normalization(.batchRenorm))
        let overrides: [Override] = [.freeze("conv1"), .freeze("bn1"), .freeze("bn2")]
        let model = try Model(small, input: [12, 12, 1], overrides: overrides, seed: 2)
        let after = try trained(model, steps: 2).variables
        let still = changed(model, after).isDisjoint(
            with: model.variables.paths.filter {
                $0.hasPrefix("conv1") || $0.hasPrefix("bn1") || $0.hasPrefix("bn2")
            })
        #expect(still)
        let others = model.variables.paths.filter { $0.hasPrefix("bn3") || $0.hasPrefix("conv2") }
        #expect(others.count == 8)
        #expect(changed(model, after).isSuperset(of: others))
    }

    @Test func theLastOverrideThatDecidesWins() throws {
        let overrides: [Override] = [
            .freeze("**"), Override("bn", phase: .training), Override("bn.bias", isTrainable: true),
            Override("**", normalization: Normalization(.batch)),
            Override("bn", normalization: Normalization(.frozen)),
            .unfreeze("drop"), Override("bn", phase: .batchStatistics),
        ]
        let model = try network(.batchRenorm(.limits(.open)), overrides: overrides)
        let graph = try model.graph(batch: 4, phase: .training)
        #expect(graph.variables.values.filter(\.isTrainable).map(\.path) == ["bn.bias"])
        #expect(try model.tracedNormalizations().map(\.normalization) == [Normalization(.frozen)])
        #expect(graph.nodes.contains { if case .random = $0.op { true } else { false } })
    }

    @Test func overridesOfTheNormalizationKeepWhatTheyDoNotMatch() throws {
        let network = Sequential {
            Normalization(.batch).named("a")
            Normalization(.batch).named("b")
        }
        let model = try Model(
            network, input: [2, 2, 4], overrides: [Override("b", normalization: Normalization(.group(2)))])
        #expect(
            model.variables.paths == [
                "a.weight", "a.bias", "a.running_mean", "a.running_var", "a.num_batches_tracked", "b.weight",
                "b.bias",
            ])
    }
}
