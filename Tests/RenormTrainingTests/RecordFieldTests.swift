import Foundation
import Renorm
import Testing

/// The records of runs are decoded field by field, so that each is checked; none may be left out.
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
}
