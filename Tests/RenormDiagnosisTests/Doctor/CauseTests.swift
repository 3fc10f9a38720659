import Renorm
import RenormTestSupport
import Testing

/// Illnesses of weights, ε, freezes, dropout and averaging, each of which has to be found by its name.
@Suite(.serialized) struct CauseTests {
    /// An ε that is added to every variance, and was not in training.
    @Test func anotherEpsilon() async throws {
        let found = try await Patient.diagnosis(
            Patient.healthy.value,
            network: { model in
                model.overrides.append(
                    Override(
                        .all, normalization: Normalization(.batch, epsilon: 1)))
            })
        let finding = try Patient.first(found)
        #expect(finding.cause == .epsilon, "\(found.findings)")
        #expect(finding.evidence["epsilon"] == 1)
        #expect(try #require(finding.evidence["fitting_epsilon"]) <= 1e-2)
    }

    /// Weights half way back to those of an earlier step, under the averages of the last.
    @Test func averagedWeights() async throws {
        let late = try await Patient.healthy.value
        let early = try await Patient.train(steps: 40)
        let found = try await Patient.diagnosis(late, live: late.model.variables) { variables in
            for (path, variable) in variables where variable.kind == .parameter {
                let values = zip(variable.value.doubles, early.model.variables[path]!.value.doubles).map {
                    Float(0.5 * $0 + 0.5 * $1)
                }
                variables[path]!.value = NDArray(values, shape: variable.value.shape)
            }
        }
        let finding = try Patient.first(found)
        #expect(finding.cause == .averagedWeights, "\(found.findings)")
        #expect(finding.evidence["deviation_of_live_weights"]! < finding.evidence["deviation"]!)
    }

    /// Layers with the averages of the network that they are from, after which training went on with batch statistics on other images.
    @Test func aFreezeThatLies() async throws {
        let own = try Patient.data.get()
        let data = (training: try Patient.bright(own.training), heldOut: try Patient.bright(own.heldOut))
        let origin = try await Patient.healthy.value.model
        let tuned = try await Patient.train(on: data.training, from: origin)
        let found = try await Patient.diagnosis(tuned, on: data, origin: origin.variables) { variables in
            for path in ["bn1.running_mean", "bn1.running_var", "bn2.running_mean", "bn2.running_var"] {
                variables[path] = origin.variables[path]
            }
        }
        let finding = try #require(found.findings.first, "\(found.layers.map(\.deviation))")
        #expect(finding.cause == .lyingFreeze && finding.kind == .finding, "\(found.findings)")
        #expect(["bn1", "bn2"].contains(finding.layer))
    }

    /// Averages of single batches of few images.
    @Test func averagesOfSingleBatches() async throws {
        let noisy = try await Patient.train(batch: 4, norm: BatchNormalization(averagingRate: 1))
        let found = try await Patient.diagnosis(noisy)
        let finding = try Patient.first(found)
        #expect(finding.cause == .noisyAverages, "\(found.findings)")
        #expect((0.3...12).contains(try #require(finding.evidence["noise"])))
    }

    /// Averages of a state on the way lag as they do, unless the run is over and has chosen that state.
    @Test(arguments: [false, true]) func averagesOnTheWay(isFinished: Bool) async throws {
        let found = try await Patient.diagnosis(
            Patient.healthy.value,
            { variables in
                for place in 1...5 {
                    variables.change("bn\(place).running_mean") { 0.26 * $0 }
                    variables.change("bn\(place).running_var") { 1 + 0.26 * ($0 - 1) }
                }
            },
            subject: { ($0.history.step, $0.history.isFinished) = (100, isFinished) })
        let told = try #require(found.findings.first)
        #expect(told.cause == (isFinished ? .staleAverages : .unfinishedTraining), "\(found.findings)")
        #expect(found.isHealthy == !isFinished && told.kind == (isFinished ? .finding : .information))
    }

    /// Dropout before a normalization widens what training's averages are of.
    @Test func dropoutBeforeNormalization() async throws {
        let own = try Patient.data.get()
        let data = (training: try Patient.faint(own.training), heldOut: try Patient.faint(own.heldOut))
        let dropping = try await Patient.train(on: data.training, network: Dropping(rate: 0.5))
        let found = try await Patient.diagnosis(dropping, on: data)
        let finding = try Patient.first(found)
        #expect(finding.cause == .dropoutShift, "\(found.findings)")
        #expect(finding.evidence["deviation_with_dropout"]! < 0.7 * finding.evidence["deviation"]!)
    }

    /// A quarter of the channels gives nothing after its ReLU, which no layer of its own is, as in the blocks of a ResNet.
    @Test func deadChannelsBeforeAFunction() async throws {
        let own = try Patient.data.get()
        let data = (training: try Patient.faint(own.training), heldOut: try Patient.faint(own.heldOut))
        let trained = try await Patient.train(on: data.training, network: Dropping(rate: 0))
        let found = try await Patient.diagnosis(trained, on: data) { variables in
            let old = variables["bn2.bias"]!.value
            let values = old.doubles.enumerated().map { Float($0 < 4 ? -50 : $1) }
            variables["bn2.bias"]!.value = NDArray(values, shape: old.shape)
        }
        #expect(found.layers.first { $0.path == "bn2" }?.deadChannels.starts(with: 0..<4) == true)
        let finding = try Patient.first(found)
        #expect(finding.cause == .deadChannels && finding.layer == "bn2", "\(found.findings)")
    }

    /// Each image by its own moments in training, by the population's at inference.
    @Test func groupsOfOne() async throws {
        let own = try Patient.data.get()
        let data = (training: try Patient.bright(own.training), heldOut: try Patient.bright(own.heldOut))
        let alone = try await Patient.train(batch: 16, examples: 1, on: data.training)
        let found = try await Patient.diagnosis(alone, on: data)
        let finding = try #require(found.findings.first, "\(found.scores)")
        #expect(finding.cause == .smallGroups && finding.kind == .finding, "\(found.findings)")
        #expect(try #require(finding.remedy?.measuredLoss) < found[.stored]!.loss! - 0.03)
    }
}

/// Convolutions with dropout between them, whose ReLUs are functions and no layers.
private struct Dropping: Layer {
    var rate: Double

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        var y = x
        for (index, channels) in [8, 16, 16].enumerated() {
            let convolution = Convolution(channels, kernel: 3, padding: .all(1), bias: false)
            y = try scope.apply("conv\(index + 1)", convolution, to: y)
            y = try scope.apply("bn\(index + 1)", Normalization(.batch), to: y).relu()
            if rate > 0 { y = try scope.apply("drop\(index + 1)", Dropout(rate), to: y) }
        }
        y = try scope.apply("avgpool", GlobalAveragePool(), to: y)
        return try scope.apply("fc", Dense(3), to: y)
    }
}
