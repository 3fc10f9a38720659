import Foundation
import Renorm
import RenormTestSupport
import Testing

/// The doctor on pictures that have no labels: their labels must say nothing, and what they would say is not said.
extension DoctorTests {
    /// The data with labels that mean nothing, 0 throughout or each in turn.
    private func meaningless(_ label: (Int) -> Int32 = { _ in 0 }) throws -> (
        training: Dataset, heldOut: Dataset
    ) {
        func changed(_ data: Dataset) throws -> Dataset {
            try Dataset(
                name: data.name, images: data.images, labels: (0..<data.count).map(label),
                classNames: data.classNames)
        }
        let own = try Patient.data.get()
        return (try changed(own.training), try changed(own.heldOut))
    }

    @Test func aHealthyNetworkIsHealthyWithoutLabels() async throws {
        let found = try await Patient.diagnosis(
            Patient.healthy.value, on: meaningless(), subject: { $0.isLabelled = false })
        #expect(found.isHealthy && !found.isLabelled, "\(found.findings)")
        #expect(found.scores.map(\.statistics) == StatisticsKind.allCases)
        #expect(
            found.scores.allSatisfy { $0.loss == nil && $0.accuracy == nil && $0.calibrationError == nil })
        #expect(found.differences.allSatisfy { $0.loss == nil && $0.accuracyError == nil })
        #expect(found[.stored]?.changedAnswers == 0 && (found[.stored]?.meanConfidence ?? 0) > 0.8)
        #expect(found.sampler?.classesOfGroup == nil && found.sampler?.designEffect != nil)
        #expect(found.remarks.contains { $0.contains("no labels") })
        let text = try JSONCoder.encode(found)
        #expect(text.contains("\"loss\":null") && text.contains("\"accuracy\":null"))
        #expect(try JSONCoder.decode(Diagnosis.self, from: text) == found)
        // Answers and confidence are those that labels give too.
        let labelled = try await Patient.diagnosis(Patient.healthy.value)
        #expect(labelled.scores.map(\.meanConfidence) == found.scores.map(\.meanConfidence))
        #expect(labelled.scores.map(\.changedAnswers) == found.scores.map(\.changedAnswers))
        #expect(labelled.layers.map(\.fromPopulation) == found.layers.map(\.fromPopulation))
    }

    @Test func oneLayersAveragesAreWrongWithoutLabels() async throws {
        func told(_ label: (Int) -> Int32) async throws -> Diagnosis {
            try await Patient.diagnosis(
                Patient.healthy.value, on: meaningless(label),
                { $0.change("bn3.running_var") { $0 * 25 } }, subject: { $0.isLabelled = false })
        }
        let found = try await told { _ in 0 }
        let finding = try Patient.first(found)
        #expect(finding.cause == .wrongStatistics && finding.layer == "bn3", "\(found.findings)")
        #expect(finding.loss.isNaN && finding.accuracy.isNaN)
        let changed = try #require(finding.changedAnswers)
        #expect(changed > 0.05 || abs(finding.evidence["confidence_change"] ?? 0) > 0.05)
        let remedy = try #require(finding.remedy)
        #expect(remedy.command.contains("recalibrate") && remedy.command.contains("--estimator training"))
        #expect(remedy.measuredLoss == nil && remedy.measuredAccuracy == nil)
        #expect(remedy.changedAnswers == found[.training]?.changedAnswers)
        #expect(remedy.meanConfidence == found[.training]?.meanConfidence)
        #expect(found.layers.allSatisfy { $0.price == nil })
        // Whatever the labels are.
        let other = try await told { Int32($0 % 3) }
        #expect(try JSONCoder.encode(other) == JSONCoder.encode(found))
    }

    @Test func batchesByLabelCannotBeDrawnWithoutLabels() async throws {
        let found = try await Patient.diagnosis(
            Patient.healthy.value, on: meaningless(),
            subject: {
                $0.isLabelled = false
                $0.history.sampling = .labelBlocks(labels: 1, each: 8)
            })
        #expect(found.sampler?.sampling == "shuffled")
        #expect(found.remarks.contains { $0.contains("label-blocks:1x8") })
    }

    @Test func aTargetWithoutLabelsIsInverted() async throws {
        let target = try Patient.data.get().heldOut.changed("inverted") { 255 - $0 }
        let found = try await Patient.diagnosis(
            Patient.healthy.value, target: target, subject: { $0.isTargetLabelled = false })
        let finding = try Patient.first(found)
        #expect(finding.cause == .preparation && finding.note.contains("inverted"), "\(found.findings)")
        #expect(finding.loss.isNaN && found.isLabelled && found[.stored]?.loss != nil)
        let (before, after) = (finding.evidence["last_shift"], finding.evidence["last_shift_without_it"])
        #expect((after ?? 1) < 0.3 * (before ?? 0))
    }

    @Test(arguments: [true, false]) func shiftsAreSorted(isLabelled: Bool) async throws {
        let target = try TinyData.dataset(600, seed: 3).changed("grey") { 96 + $0 / 4 }
        let found = try await Patient.diagnosis(
            Patient.healthy.value, target: target, subject: { $0.isTargetLabelled = isLabelled })
        #expect(Set(found.shifts.map(\.path)) == ["bn1", "bn2", "bn3", "bn4", "bn5"])
        #expect(zip(found.shifts, found.shifts.dropFirst()).allSatisfy { $0.deviation >= $1.deviation })
        #expect(found.shift == found.shifts[0].deviation && found.shifts[0].deviation > 0.15)
        guard !isLabelled else { return }
        let finding = try #require(found.findings.first)
        #expect(finding.cause == .domainShift && finding.loss.isNaN, "\(found.findings)")
        #expect((finding.kind == .finding) == (abs(finding.evidence["confidence_change"] ?? 0) > 0.05))
        #expect(finding.remedy.map { $0.command.contains("adapt") && $0.changedAnswers != nil } ?? true)
    }

    @Test func theSameTargetIsHealthyWithoutLabels() async throws {
        let found = try await Patient.diagnosis(
            Patient.healthy.value, target: TinyData.dataset(600, seed: 3),
            subject: { $0.isTargetLabelled = false })
        #expect(found.findings.isEmpty && found.shifts.count == 5, "\(found.findings)")
    }

    /// The gate by hand: a fifth of a hundred answers is 5 standard errors from none, a twenty-fifth is below a twentieth.
    @Test func answersThatChange() {
        func difference(changed: Int, confidence: Double) -> PairedDifference {
            PairedDifference(
                loss: [Double](repeating: .nan, count: 100), accuracy: [Double](repeating: .nan, count: 100),
                changed: (0..<100).map { $0 < changed ? 1 : 0 },
                confidence: [Double](repeating: confidence, count: 100), inGroupsOf: 1, seed: 0)
        }
        let fifth = difference(changed: 20, confidence: 0)
        #expect(abs(fifth.changed - 0.2) < 1e-12 && fifth.confidence == 0)
        #expect(abs(fifth.changedError / 0.04 - 1) < 0.2)
        let bounds = DiagnosisThresholds()
        #expect(fifth.changes(bounds) && fifth.improves(bounds) && fifth.costs(bounds))
        #expect(!difference(changed: 4, confidence: 0).changes(bounds))
        #expect(difference(changed: 0, confidence: -0.06).changes(bounds))
        #expect(!difference(changed: 0, confidence: 0.04).changes(bounds))
        // One of six is no more than chance gives.
        let few = PairedDifference(
            loss: [Double](repeating: .nan, count: 6), accuracy: [Double](repeating: .nan, count: 6),
            changed: [1, 0, 0, 0, 0, 0], confidence: [Double](repeating: 0, count: 6), inGroupsOf: 1, seed: 0)
        #expect(!few.changes(bounds))
    }

    @Test(arguments: [(0.1, Finding.Severity.low), (0.2, .medium), (0.3, .high)])
    func severityByAnswers(changed: Double, severity: Finding.Severity) {
        let finding = Finding(
            .noisyAverages, loss: .nan, accuracy: .nan, evidence: ["changed_answers": changed])
        #expect(finding.severity == severity && finding.changedAnswers == changed)
        #expect(Finding(.noisyAverages, loss: .nan, accuracy: .nan).severity == .high)
        // Labels count more.
        let known = Finding(.noisyAverages, loss: 0.2, accuracy: 0, evidence: ["changed_answers": 0.3])
        #expect(known.severity == .medium && known.changedAnswers == nil)
    }
}
