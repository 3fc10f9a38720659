import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Illnesses that are planted in one trained network, each of which has to be found by its name.
@Suite(.serialized) struct DoctorTests {
    @Test func aHealthyNetworkIsHealthy() async throws {
        let found = try await Patient.diagnosis(Patient.healthy.value)
        #expect(found.isHealthy, "\(found.findings)")
        #expect(found.severity == nil)
        #expect(found.scores.map(\.statistics) == StatisticsKind.allCases)
        #expect(found.layers.map(\.path) == ["bn1", "bn2", "bn3", "bn4", "bn5"])
        #expect(found[.stored]!.accuracy > 0.9)
        #expect(found.layers.allSatisfy { $0.deviation < 0.12 })
        let effect = try #require(found.sampler?.designEffect)
        #expect(abs(effect.value - 1) < 4 * effect.standardError + 0.05)
    }

    /// An illness that costs nothing is none: three classes so far apart are told apart with smaller variances too.
    @Test func whatCostsNothingIsNoFinding() async throws {
        let found = try await Patient.diagnosis(Patient.healthy.value) {
            $0.change("bn3.running_var") { $0 * 0.04 }
        }
        #expect(found.isHealthy, "\(found.findings)")
        let layer = try #require(found.layers.max { $0.deviation < $1.deviation })
        #expect(layer.path == "bn3" && abs(layer.deviation - 1.609) < 0.1)
    }

    @Test(arguments: [(25.0, 0.0), (1, 3)])
    func oneLayersAveragesAreWrong(factor: Double, shift: Double) async throws {
        let found = try await Patient.diagnosis(Patient.healthy.value) { variables in
            let deviations = variables["bn3.running_var"]!.value.doubles.map { $0.squareRoot() }
            variables.change("bn3.running_var") { $0 * factor }
            let own = variables["bn3.running_mean"]!.value.doubles
            let means = zip(own, deviations).map { mean, deviation in mean + shift * deviation }
            variables["bn3.running_mean"]!.value = NDArray(means.map { Float($0) }, shape: [means.count])
        }
        let finding = try Patient.first(found)
        #expect(finding.cause == .wrongStatistics && finding.layer == "bn3", "\(found.findings)")
        // ln 5 for variances that are 25 times too large, or too small.
        if shift == 0 {
            let layer = try #require(found.layers.first { $0.path == "bn3" })
            #expect(abs(layer.deviation - 1.609) < 0.1)
            #expect(found.layers.filter { $0.path != "bn3" }.allSatisfy { $0.deviation < 0.12 })
        }
    }

    @Test func twoLayersAveragesAreExchanged() async throws {
        let found = try await Patient.diagnosis(Patient.healthy.value) { variables in
            for name in ["running_mean", "running_var"] {
                let (one, other) = (variables["bn3.\(name)"]!.value, variables["bn4.\(name)"]!.value)
                (variables["bn3.\(name)"]!.value, variables["bn4.\(name)"]!.value) = (other, one)
            }
        }
        let finding = try Patient.first(found)
        #expect(finding.cause == .swappedStatistics, "\(found.findings)")
        #expect(Set(["bn3", "bn4"]).contains(finding.layer))
    }

    @Test func averagesThatNothingHasMoved() async throws {
        let found = try await Patient.diagnosis(Patient.healthy.value) { variables in
            for place in 1...5 {
                variables.change("bn\(place).running_mean") { _ in 0 }
                variables.change("bn\(place).running_var") { _ in 1 }
            }
        }
        #expect(try Patient.first(found).cause == .averagesReset, "\(found.findings)")
    }

    /// What 300 steps with a rate of 0.001 leave: 1 − 0.999³⁰⁰ = 0.26 of the way.
    @Test func averagesThatLagFromTheStart() async throws {
        let found = try await Patient.diagnosis(Patient.healthy.value) { variables in
            for place in 1...5 {
                variables.change("bn\(place).running_mean") { 0.26 * $0 }
                variables.change("bn\(place).running_var") { 1 + 0.26 * ($0 - 1) }
            }
        }
        let finding = try Patient.first(found)
        #expect(finding.cause == .staleAverages, "\(found.findings)")
        #expect(abs((finding.evidence["lag"] ?? 0) - 0.26) < 0.08)
    }

    @Test func aStatisticThatIsNotFinite() async throws {
        let fault = Doctor.Fault(path: "bn2.running_var", channel: 1, found: .nan, count: 1)
        let found = try await Patient.diagnosis(Patient.healthy.value, faults: [fault])
        let finding = try Patient.first(found)
        #expect(finding.cause == .notFinite && finding.layer == "bn2")
        #expect(finding.remedy?.measuredLoss != nil)
        #expect(finding.severity == .high)
    }

    /// A quarter of the channels gives nothing after its ReLU, which the next layer's averages do not know.
    @Test func channelsThatAreDead() async throws {
        let found = try await Patient.diagnosis(Patient.healthy.value) { variables in
            let old = variables["bn3.bias"]!.value
            let values = old.doubles.enumerated().map { Float($0 < 6 ? -50 : $1) }
            variables["bn3.bias"]!.value = NDArray(values, shape: old.shape)
        }
        #expect(found.layers.first { $0.path == "bn3" }?.deadChannels.starts(with: 0..<6) == true)
        #expect(found.findings.allSatisfy { $0.cause == .deadChannels && $0.layer == "bn3" })
    }

    @Test func aScaleOfZero() async throws {
        let found = try await Patient.diagnosis(Patient.healthy.value) { $0.change("bn4.weight") { _ in 0 } }
        let finding = try Patient.first(found)
        #expect(finding.cause == .zeroGamma && finding.layer == "bn4", "\(found.findings)")
    }

    @Test func aTargetThatIsInverted() async throws {
        let own = try Patient.data.get().heldOut
        let pixels = own.images.values(of: UInt8.self).map { 255 - $0 }
        let target = try Dataset(
            name: "inverted", images: NDArray(pixels, shape: own.images.shape), labels: own.labels,
            classNames: own.classNames)
        let found = try await Patient.diagnosis(Patient.healthy.value, target: target)
        let finding = try Patient.first(found)
        #expect(finding.cause == .preparation && finding.note.contains("inverted"), "\(found.findings)")
        #expect((found.shift ?? 0) > 0.15)
    }

    @Test func theSameTargetIsHealthy() async throws {
        let found = try await Patient.diagnosis(
            Patient.healthy.value, target: TinyData.dataset(600, seed: 3))
        #expect(found.isHealthy, "\(found.findings)")
        #expect((found.shift ?? 1) < 0.1)
    }

    @Test func batchesOfOneLabel() async throws {
        let own = try Patient.data.get()
        let data = (training: try Patient.bright(own.training), heldOut: try Patient.bright(own.heldOut))
        let biased = try await Patient.train(
            .labelBlocks(labels: 1, each: 8), batch: 16, examples: 8, on: data.training)
        let found = try await Patient.diagnosis(biased, on: data)
        #expect((found.sampler?.designEffect?.value ?? 0) > 1.6)
        #expect(found.sampler?.classesOfGroup == 1)
        #expect(
            found.findings.contains { $0.cause == .biasedBatches && $0.kind == .finding }, "\(found.findings)"
        )
        // No averages help, a little training with batch renormalization does.
        let finding = try #require(found.findings.first { $0.cause == .biasedBatches })
        let remedy = try #require(finding.remedy)
        #expect(remedy.command.contains("--norm batch-renorm --batch-size 16 --norm-examples 8"))
        #expect(remedy.command.contains("--sampling label-blocks:1x8"))
        #expect(try #require(remedy.measuredLoss) < found[.stored]!.loss - 0.03)
    }

    /// Steps of one class undo one another: training does no better than inference, and starting anew does.
    @Test func batchesOfOneLabelThatTeachNothing() async throws {
        let own = try Patient.data.get()
        let data = (training: try Patient.bright(own.training), heldOut: try Patient.bright(own.heldOut))
        let biased = try await Patient.train(.sorted, batch: 8, on: data.training)
        let found = try await Patient.diagnosis(biased, on: data)
        #expect((found.sampler?.designEffect?.value ?? 0) > 1.6)
        #expect(found[.stored]!.accuracy < 0.6)
        let finding = try Patient.first(found)
        #expect(finding.cause == .biasedBatches, "\(found.findings)")
        #expect(try #require(finding.remedy?.measuredAccuracy) > found[.stored]!.accuracy + 0.2)
        #expect(finding.loss > 0.03)
    }

    /// What is proposed was tried, and what was not tried is said.
    @Test func aTrainingIsTriedOnlyWhereItIsAskedFor() async throws {
        let own = try Patient.data.get()
        let data = (training: try Patient.bright(own.training), heldOut: try Patient.bright(own.heldOut))
        let biased = try await Patient.train(
            .labelBlocks(labels: 1, each: 8), batch: 16, examples: 8, on: data.training)
        let found = try await Patient.diagnosis(biased, on: data, triesTraining: false)
        let finding = try #require(found.findings.first { $0.cause == .biasedBatches && $0.kind == .finding })
        #expect(finding.remedy?.measuredLoss == nil)
    }

    @Test func findingsAreEncodedAsTheyAreRead() async throws {
        let found = try await Patient.diagnosis(Patient.healthy.value) {
            $0.change("bn3.running_var") { $0 * 25 }
        }
        let text = try JSONCoder.encode(found)
        #expect(try JSONCoder.decode(Diagnosis.self, from: text) == found)
        #expect(text.contains("\"measured_loss\":") && text.contains("\"cause\":\"wrong-statistics\""))
    }

    @Test func everyCauseHasAMeaning() {
        let words = Cause.allCases.map(\.rawValue)
        #expect(Set(words).count == words.count)
        #expect(words.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "-" } })
        #expect(Cause.allCases.allSatisfy { !$0.meaning.isEmpty })
    }
}
