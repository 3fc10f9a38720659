import Renorm
import Testing

/// The same pictures as training prepares them and as they are prepared in use.
extension DoctorTests {
    /// What the doctor says of held-out pictures that are prepared otherwise.
    private func diagnosis(
        inUse change: (Dataset, InputScaling) throws -> (Dataset, InputScaling), isLabelled: Bool = true
    ) async throws -> Diagnosis {
        let trained = try await Patient.healthy.value
        let (pictures, scaling) = try change(Patient.data.get().heldOut, trained.scaling)
        return try await Patient.diagnosis(
            trained,
            subject: {
                $0.isLabelled = isLabelled
                $0.inUse = Doctor.PreparedPictures(pictures, scaling: scaling, asInTraining: "resize crop")
            })
    }

    @Test(arguments: [true, false]) func anotherPreparationCosts(isLabelled: Bool) async throws {
        let found = try await diagnosis(
            inUse: { (try $0.changed("inverted") { 255 - $0 }, $1) }, isLabelled: isLabelled)
        let finding = try Patient.first(found)
        #expect(finding.cause == .preparation && found.findings.count == 1, "\(found.findings)")
        #expect((finding.evidence["input_difference"] ?? 0) > 0.5)
        #expect(finding.remedy?.command == "prepare pictures as in training: resize crop")
        if isLabelled {
            let (own, other) = (finding.evidence["loss_as_trained"], finding.evidence["loss_as_used"])
            #expect(abs((other ?? 0) - (own ?? 0) - finding.loss) < 1e-9 && finding.loss > 0.03)
            #expect(finding.remedy?.measuredLoss == own && finding.remedy?.measuredAccuracy != nil)
        } else {
            #expect(finding.loss.isNaN && (finding.changedAnswers ?? 0) > 0.05)
            #expect(finding.remedy?.changedAnswers == finding.changedAnswers)
            #expect(finding.remedy?.meanConfidence == finding.evidence["confidence_as_trained"])
        }
    }

    /// A deviation that is 3 times as large makes the input a third: what it differs by is two thirds of its root mean square, which is its
    /// deviation where its mean is 0.
    @Test func howFarTheInputIsApart() async throws {
        let found = try await diagnosis { pictures, scaling in
            (pictures, InputScaling(mean: scaling.mean, deviation: scaling.deviation.map { $0 * 3 }))
        }
        let finding = found.findings.first { $0.cause == .preparation }
        let text = found.remarks.first { $0.contains("standard deviations, which costs nothing") }
        if let finding {
            #expect(abs((finding.evidence["input_difference"] ?? 0) - 2.0 / 3) < 0.02)
        } else {
            #expect(text?.contains("0.67") == true, "\(found.remarks)")
        }
    }

    @Test func theSamePreparationIsNoFinding() async throws {
        for factor in [1, 1.005] {
            let found = try await diagnosis { pictures, scaling in
                (pictures, InputScaling(mean: scaling.mean, deviation: scaling.deviation.map { $0 * factor }))
            }
            #expect(found.isHealthy, "\(found.findings)")
            #expect(found.remarks.contains { $0.contains("which is no difference") }, "\(found.remarks)")
        }
    }

    @Test func eachPictureHasItsOther() async throws {
        await #expect(throws: TrainingError.self) {
            try await diagnosis { ($0.subset(Array(0..<10)), $1) }
        }
    }
}
