import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Illnesses that are planted in one trained network, each of which has to be found by its name.
@Suite(.serialized) struct DoctorTests {
    static let engine = Result { try OneDNNEngine(threads: 1) }
    static let healthy = Task { try await train() }
    static let data = Result {
        (training: try TinyData.dataset(1200), heldOut: try TinyData.dataset(600, seed: 2))
    }

    /// Images whose brightness is that of their class, so that a batch of one class has other moments.
    private static func bright(_ dataset: Dataset) throws -> Dataset {
        let size = dataset.images.elementCount / dataset.count
        let pixels = dataset.images.values(of: UInt8.self).enumerated().map { place, pixel in
            UInt8(min(Int(pixel) / 2 + 60 * Int(dataset.labels[place / size]), 255))
        }
        return try Dataset(
            name: "bright", images: NDArray(pixels, shape: dataset.images.shape), labels: dataset.labels,
            classNames: dataset.classNames)
    }

    private static func train(
        _ sampling: Sampling = .shuffled, batch: Int = 32, examples: Int? = nil,
        norm: any NormalizationKind = .batch,
        on images: Dataset? = nil
    ) async throws -> TrainedModel {
        let data = try data.get()
        let folder = try TemporaryFolder()
        let run = RunFolder(folder.appending("run"))
        var normalization = Normalization(norm)
        if let examples { normalization.examples = examples }
        let layer = Small(classes: 3, width: 0.25, normalization: normalization)
        let configuration = TrainingConfiguration(
            options: TrainingOptions(learningRate: .cosine(from: 0.1, steps: 300)), steps: 300,
            batchSize: batch, sampling: sampling, validation: 0, seed: 4)
        _ = try await Trainer(
            model: Model(layer, input: [8, 8, 1], seed: 4), configuration: configuration,
            engine: engine.get(), training: images ?? data.training, folder: run
        ).run()
        return try TrainedModel(reading: run.chosen(), layer: layer)
    }

    func diagnosis(
        _ trained: TrainedModel, faults: [Doctor.Fault] = [], target: Dataset? = nil,
        on other: (training: Dataset, heldOut: Dataset)? = nil,
        _ change: (inout Variables) -> Void = { _ in },
        subject prepare: (inout Doctor.Subject) -> Void = { _ in }
    ) async throws -> Diagnosis {
        let data = try other ?? Self.data.get()
        var history = Doctor.History()
        let configuration = trained.record.configuration
        (history.batchSize, history.sampling) = (configuration.batchSize, configuration.sampling)
        (history.step, history.steps) = (trained.step, configuration.steps)
        history.isScalingMeasured = true
        var model = trained.model
        change(&model.variables)
        var subject = Doctor.Subject(
            model: model, scaling: trained.scaling, training: data.training, heldOut: data.heldOut,
            target: target, history: history, faults: faults)
        prepare(&subject)
        return try await Doctor(Self.engine.get()).diagnose(subject)
    }

    /// The first finding, whose remedy must not measure worse than what is there.
    func first(_ diagnosis: Diagnosis) throws -> Finding {
        let finding = try #require(
            diagnosis.findings.first, "\(diagnosis.scores) \(diagnosis.layers.map(\.deviation))")
        #expect(finding.kind == .finding && !diagnosis.isHealthy)
        if let measured = finding.remedy?.measuredLoss, let stored = diagnosis[.stored]?.loss,
            stored.isFinite,
            ![.preparation, .domainShift].contains(finding.cause)
        {
            #expect(measured < stored)
        }
        return finding
    }

    @Test func aHealthyNetworkIsHealthy() async throws {
        let found = try await diagnosis(Self.healthy.value)
        #expect(found.isHealthy, "\(found.findings)")
        #expect(found.severity == nil)
        #expect(found.scores.map(\.statistics) == StatisticsKind.allCases)
        #expect(found.layers.map(\.path) == ["bn1", "bn2", "bn3", "bn4", "bn5"])
        #expect((found[.stored]?.accuracy ?? 0) > 0.9)
        #expect(found.layers.allSatisfy { $0.deviation < 0.12 })
        let effect = try #require(found.sampler?.designEffect)
        #expect(abs(effect.value - 1) < 4 * effect.standardError + 0.05)
    }

    /// An illness that costs nothing is none: three classes so far apart are told apart with smaller variances too.
    @Test func whatCostsNothingIsNoFinding() async throws {
        let found = try await diagnosis(Self.healthy.value) { $0.change("bn3.running_var") { $0 * 0.04 } }
        #expect(found.isHealthy, "\(found.findings)")
        let layer = try #require(found.layers.max { $0.deviation < $1.deviation })
        #expect(layer.path == "bn3" && abs(layer.deviation - 1.609) < 0.1)
    }

    @Test(arguments: [(25.0, 0.0), (1, 3)])
    func oneLayersAveragesAreWrong(factor: Double, shift: Double) async throws {
        let found = try await diagnosis(Self.healthy.value) { variables in
            let deviations = variables["bn3.running_var"]!.value.doubles.map { $0.squareRoot() }
            variables.change("bn3.running_var") { $0 * factor }
            let own = variables["bn3.running_mean"]!.value.doubles
            let means = zip(own, deviations).map { mean, deviation in mean + shift * deviation }
            variables["bn3.running_mean"]!.value = NDArray(means.map { Float($0) }, shape: [means.count])
        }
        let finding = try first(found)
        #expect(finding.cause == .wrongStatistics && finding.layer == "bn3", "\(found.findings)")
        // ln 5 for variances that are 25 times too large, or too small.
        if shift == 0 {
            let layer = try #require(found.layers.first { $0.path == "bn3" })
            #expect(abs(layer.deviation - 1.609) < 0.1)
            #expect(found.layers.filter { $0.path != "bn3" }.allSatisfy { $0.deviation < 0.12 })
        }
    }

    @Test func twoLayersAveragesAreExchanged() async throws {
        let found = try await diagnosis(Self.healthy.value) { variables in
            for name in ["running_mean", "running_var"] {
                let (one, other) = (variables["bn3.\(name)"]!.value, variables["bn4.\(name)"]!.value)
                (variables["bn3.\(name)"]!.value, variables["bn4.\(name)"]!.value) = (other, one)
            }
        }
        let finding = try first(found)
        #expect(finding.cause == .swappedStatistics, "\(found.findings)")
        #expect(Set(["bn3", "bn4"]).contains(finding.layer))
    }

    @Test func averagesThatNothingHasMoved() async throws {
        let found = try await diagnosis(Self.healthy.value) { variables in
            for place in 1...5 {
                variables.change("bn\(place).running_mean") { _ in 0 }
                variables.change("bn\(place).running_var") { _ in 1 }
            }
        }
        #expect(try first(found).cause == .averagesReset, "\(found.findings)")
    }

    /// What 300 steps with a rate of 0.001 leave: 1 − 0.999³⁰⁰ = 0.26 of the way.
    @Test func averagesThatLagFromTheStart() async throws {
        let found = try await diagnosis(Self.healthy.value) { variables in
            for place in 1...5 {
                variables.change("bn\(place).running_mean") { 0.26 * $0 }
                variables.change("bn\(place).running_var") { 1 + 0.26 * ($0 - 1) }
            }
        }
        let finding = try first(found)
        #expect(finding.cause == .staleAverages, "\(found.findings)")
        #expect(abs((finding.evidence["lag"] ?? 0) - 0.26) < 0.08)
    }

    @Test func aStatisticThatIsNotFinite() async throws {
        let fault = Doctor.Fault(path: "bn2.running_var", channel: 1, found: .nan, count: 1)
        let found = try await diagnosis(Self.healthy.value, faults: [fault])
        let finding = try first(found)
        #expect(finding.cause == .notFinite && finding.layer == "bn2")
        #expect(finding.remedy?.measuredLoss != nil)
        #expect(finding.severity == .high)
    }

    /// A quarter of the channels gives nothing after its ReLU, which the next layer's averages do not know.
    @Test func channelsThatAreDead() async throws {
        let found = try await diagnosis(Self.healthy.value) { variables in
            let old = variables["bn3.bias"]!.value
            let values = old.doubles.enumerated().map { Float($0 < 6 ? -50 : $1) }
            variables["bn3.bias"]!.value = NDArray(values, shape: old.shape)
        }
        #expect(found.layers.first { $0.path == "bn3" }?.deadChannels.starts(with: 0..<6) == true)
        #expect(found.findings.allSatisfy { $0.cause == .deadChannels && $0.layer == "bn3" })
    }

    @Test func aScaleOfZero() async throws {
        let found = try await diagnosis(Self.healthy.value) { $0.change("bn4.weight") { _ in 0 } }
        let finding = try first(found)
        #expect(finding.cause == .zeroGamma && finding.layer == "bn4", "\(found.findings)")
    }

    @Test func aTargetThatIsInverted() async throws {
        let own = try Self.data.get().heldOut
        let target = try own.changed("inverted") { 255 - $0 }
        let found = try await diagnosis(Self.healthy.value, target: target)
        let finding = try first(found)
        #expect(finding.cause == .preparation && finding.note.contains("inverted"), "\(found.findings)")
        #expect((found.shift ?? 0) > 0.15)
    }

    @Test func theSameTargetIsHealthy() async throws {
        let found = try await diagnosis(
            Self.healthy.value, target: TinyData.dataset(600, seed: 3))
        #expect(found.isHealthy, "\(found.findings)")
        #expect((found.shift ?? 1) < 0.1)
    }

    @Test func batchesOfOneLabel() async throws {
        let own = try Self.data.get()
        let data = (training: try Self.bright(own.training), heldOut: try Self.bright(own.heldOut))
        let biased = try await Self.train(
            .labelBlocks(labels: 1, each: 8), batch: 16, examples: 8, on: data.training)
        let found = try await diagnosis(biased, on: data)
        #expect((found.sampler?.designEffect?.value ?? 0) > 1.6)
        #expect(found.sampler?.classesOfGroup == 1)
        #expect(
            found.findings.contains { $0.cause == .biasedBatches && $0.kind == .finding }, "\(found.findings)"
        )
    }

    /// Steps of one class from which nothing is learned: no statistics would help, and that is said as information.
    @Test func batchesOfOneLabelThatTeachNothing() async throws {
        let biased = try await Self.train(.labelBlocks(labels: 1, each: 8), batch: 8)
        let found = try await diagnosis(biased)
        let effect = try #require(found.sampler?.designEffect)
        #expect(found.sampler?.classesOfGroup == 1)
        let told = found.findings.filter { $0.cause == .biasedBatches }.map(\.kind)
        // Only where the groups' moments show it.
        #expect((told.isEmpty) == !(effect.value > 1.6 && effect.isBiased), "\(found.findings)")
        #expect(found.isHealthy == !told.contains(.finding))
    }

    @Test func findingsAreEncodedAsTheyAreRead() async throws {
        let found = try await diagnosis(Self.healthy.value) { $0.change("bn3.running_var") { $0 * 25 } }
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

extension Variables {
    /// Changes each value of a variable.
    mutating func change(_ path: String, _ transform: (Double) -> Double) {
        let old = self[path]!.value
        self[path]!.value = NDArray(old.doubles.map { Float(transform($0)) }, shape: old.shape)
    }
}

extension Dataset {
    /// The same with other pixels.
    func changed(_ name: String, _ transform: (UInt8) -> UInt8) throws -> Dataset {
        try Dataset(
            name: name, images: NDArray(images.values(of: UInt8.self).map(transform), shape: images.shape),
            labels: labels, classNames: classNames)
    }
}
