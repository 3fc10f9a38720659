import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Layers that do not learn, planted in one trained network.
@Suite(.serialized) struct LearningTests {
    private static let causes: Set<Cause> = [
        .vanishingGradients, .explodingGradients, .untrainedLayer, .saturatedActivations, .absurdStatistics,
    ]

    private func diagnosis(
        _ plant: (inout Variables) -> Void = { _ in },
        history change: (inout Doctor.History) -> Void = { _ in }
    ) async throws -> Diagnosis {
        let (data, trained) = (try Patient.data.get(), try await Patient.healthy.value)
        var history = Doctor.History()
        (history.step, history.steps) = (trained.step, trained.record.configuration.steps)
        change(&history)
        var model = trained.model
        plant(&model.variables)
        return try await Doctor(Patient.engine.get()).diagnose(
            Doctor.Subject(
                model: model, scaling: trained.scaling, training: data.training, heldOut: data.heldOut,
                history: history))
    }

    private func learning(_ diagnosis: Diagnosis) -> [Finding] {
        diagnosis.findings.filter { Self.causes.contains($0.cause) }
    }

    @Test func aHealthyNetworkLearns() async throws {
        let found = try await diagnosis(history: {
            ($0.optimizer, $0.learningRate) = (.sgd(), 0.1)
        })
        #expect(learning(found).isEmpty, "\(found.findings)")
        let gradients = try #require(found.gradients)
        let parameters = try await Patient.healthy.value.model.variables.filter { $1.kind == .parameter }
        #expect(Set(gradients.map(\.path)) == Set(parameters.map(\.path)) && gradients.count == 17)
        for gradient in gradients {
            #expect(gradient.gradient > 0 && gradient.gradient.isFinite)
            #expect(gradient.update == gradient.ratio.map { _ in 0.1 * gradient.gradient / gradient.weight })
        }
        #expect(found.activations == [])
        for layer in found.layers {
            #expect((layer.worstChainDifference ?? 0) >= (layer.chainDifference ?? 1), "\(layer.path)")
            #expect(layer.channelsBelowEpsilon == 0 && layer.absurdChannels == 0)
        }
        // 32 examples of 8×8 places, then of 4×4 and of 2×2.
        #expect(found.layers.map(\.valuesOfGroup) == [2048, 2048, 512, 512, 128])
    }

    /// Of AdamW each value moves by about the rate.
    @Test func aStepOfAdamW() async throws {
        let found = try await diagnosis(history: {
            ($0.optimizer, $0.learningRate) = (.adamW(), 0.001)
        })
        let gradient = try #require(found.gradients?.first { $0.path == "conv3.weight" })
        #expect(gradient.elements == 16 * 8 * 9)
        let expected = 0.001 * Double(gradient.elements).squareRoot() / gradient.weight
        #expect(abs((gradient.update ?? 0) - expected) < 1e-9 * expected)
    }

    /// The scale of the last normalization, after which nothing makes up for it.
    @Test func aScaleNextToZero() async throws {
        let found = try await diagnosis { $0.change("bn5.weight") { $0 * 1e-8 } }
        let finding = try #require(learning(found).first, "\(found.findings)")
        #expect(finding.cause == .vanishingGradients && finding.layer == "conv5")
        #expect(finding.kind == .finding && !found.isHealthy)
        // Five convolutions and four normalizations.
        #expect(finding.evidence["layers"] == 9)
        #expect((finding.evidence["ratio"] ?? 1) < 1e-6)
    }

    /// It lets nothing through either, but that is said as what it is.
    @Test func aScaleOfZeroIsSaidAsThat() async throws {
        let found = try await diagnosis { $0.change("bn4.weight") { _ in 0 } }
        #expect(found.findings.first?.cause == .zeroGamma, "\(found.findings)")
        #expect(learning(found).isEmpty)
        #expect(found.gradients?.first { $0.path == "conv4.weight" }?.gradient == 0)
    }

    /// Nothing comes through the second ReLU, neither way; of the third convolution's zeros no gradient can be made either.
    @Test func allReLUsOfALayerAreDead() async throws {
        let found = try await diagnosis { $0.change("bn2.bias") { _ in -50 } }
        let finding = try #require(learning(found).first, "\(found.findings)")
        #expect(finding.cause == .vanishingGradients && finding.layer == "conv3")
        #expect(finding.evidence["ratio"] == 0 && finding.evidence["layers"] == 5)
    }

    /// A classifier that is sure of what is wrong.
    @Test func aGradientThatExplodes() async throws {
        let found = try await diagnosis { $0.change("fc.weight") { $0 * -1e4 } }
        let finding = try #require(learning(found).first, "\(found.findings)")
        #expect(finding.cause == .explodingGradients && finding.kind == .finding)
        #expect((finding.evidence["gradient"] ?? 0) > 100 * (finding.evidence["weight"] ?? .infinity))
        #expect(learning(found).count == 1)
    }

    @Test func aLayerThatWasNotTrained() async throws {
        let trained = try await Patient.healthy.value
        var origin = trained.model.variables
        for path in origin.map(\.path) where !path.hasPrefix("conv3.") {
            origin.change(path) { $0 + 1 }
        }
        func found(everything: Bool) async throws -> [Finding] {
            learning(
                try await diagnosis(history: { ($0.origin, $0.trainsEverything) = (origin, everything) }))
        }
        let findings = try await found(everything: true)
        #expect(findings.map(\.cause) == [.untrainedLayer] && findings.first?.layer == "conv3", "\(findings)")
        #expect(findings.first?.kind == .information)
        #expect(try await found(everything: false).isEmpty)
    }

    /// One picture at a time, of which a layer after the pool has one value a channel; and averages that no weights give.
    @Test func numbersThatAreFarOut() async throws {
        let network = Sequential {
            Normalization(.batch).named("bn1")
            GlobalAveragePool()
            Dense(4).named("hidden")
            Normalization(.batch, epsilon: 1e-3).named("bn2")
            Dense(3).named("fc")
        }
        let data = try Patient.data.get()
        var model = try Model(network, input: [8, 8, 1])
        model.variables.change("bn1.running_mean") { _ in 1e7 }
        model.variables["bn2.running_var"]!.value = NDArray([Float(1), 1e-4, 1e-5, 1e-3], shape: [4])
        var history = Doctor.History()
        history.batchSize = 1
        let found = try await Doctor(Patient.engine.get()).diagnose(
            Doctor.Subject(
                model: model, scaling: InputScaling(of: data.training), training: data.training,
                heldOut: data.heldOut, history: history))
        #expect(found.layers.map(\.valuesOfGroup) == [64, 1])
        #expect(found.layers.map(\.absurdChannels) == [1, 0])
        #expect(found.layers.map(\.channelsBelowEpsilon) == [0, 2])
        let small = found.findings.filter { $0.cause == .smallGroups && $0.kind == .information }
        #expect(small.map(\.layer) == ["bn2"], "\(found.findings)")
        let absurd = found.findings.filter { $0.cause == .absurdStatistics }
        #expect(absurd.map(\.layer) == ["bn1"] && absurd.first?.evidence["largest_mean"] == 1e7)
    }

    /// What was written before these were measured.
    @Test func olderDiagnosesAreRead() async throws {
        let found = try await diagnosis()
        var object = try #require(
            try JSONSerialization.jsonObject(with: Data(JSONCoder.encode(found).utf8)) as? [String: Any])
        #expect(object.removeValue(forKey: "gradients") != nil)
        #expect(object.removeValue(forKey: "activations") != nil)
        let layers = try #require(object["layers"] as? [[String: Any]])
        object["layers"] = layers.map { layer in
            layer.filter {
                !["worstChainDifference", "valuesOfGroup", "channelsBelowEpsilon", "absurdChannels"]
                    .contains($0.key)
            }
        }
        let text = String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
        let read = try JSONCoder.decode(Diagnosis.self, from: text)
        #expect(read.gradients == nil && read.layers.count == 5 && read.layers[0].absurdChannels == nil)
        #expect(read.layers.map(\.chainDifference) == found.layers.map(\.chainDifference))
    }
}
