import Foundation
import Renorm
import Testing

/// Records are decoded field by field, so that each is checked; none may be left out.
@Suite struct RecordFieldTests {
    private func expectEverythingToComeBack<Record: Codable>(_ type: Record.Type, _ text: String) throws {
        let record = try JSONDecoder().decode(type, from: Data(text.utf8))
        let written = try JSONEncoder().encode(record)
        let (found, expected) = (
            try JSONSerialization.jsonObject(with: written) as? NSDictionary,
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary
        )
        #expect(found == expected)
    }

    @Test func dataComeBack() throws {
        try expectEverythingToComeBack(
            DataDescription.self,
            """
            {"name": "a", "classNames": ["x", "y"], "image": [4, 4, 1], "training": 5, "validation": 2, "test": 3, \
            "fingerprint": "ab", "testFingerprint": "cd", "labelOffset": 1}
            """)
    }

    @Test func resultsComeBack() throws {
        try expectEverythingToComeBack(
            ExperimentResult.self,
            """
            {"contender": "BN", "contenderText": "batch", "setting": "iid", "settingText": "shuffled", "seed": 3, \
            "steps": 10, "notFinite": "bn1", "notFiniteAsDeployed": "bn2", "accuracy": 0.5, "loss": 1.5, \
            "accuracyAsTrained": 0.25, "accuracyOfBatches": 0.75, "trainingAccuracy": 0.125, "seconds": 2, \
            "curve": [{"step": 5, "accuracy": 0.5, "gains": []}], "gains": []}
            """)
    }
}
