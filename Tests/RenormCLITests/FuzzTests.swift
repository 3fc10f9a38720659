import Foundation
import Testing

/// Damaged files are refused: a part of what `make fuzz` tries.
@Suite(.serialized) struct FuzzTests {
    /// A line such as `idx: 100 cases, 12 accepted, 88 refused, 0 failed, 0.4 s`.
    private struct Line {
        var reader: Substring
        var accepted: Int
        var refused: Int
        var failed: Int

        init?(_ text: Substring) {
            let words = text.split { $0 == " " || $0 == "," }
            guard words.count == 11, let accepted = Int(words[3]), let refused = Int(words[5]),
                let failed = Int(words[7])
            else { return nil }
            (reader, self.accepted, self.refused, self.failed) = (
                words[0].dropLast(), accepted, refused, failed
            )
        }
    }

    @Test func damagedFilesAreRefused() throws {
        let folder = try TemporaryFolder()
        let result = try Program("Fuzz").run([
            "--cases", "80", "--seconds", "30", "--keep", folder.path("kept"),
        ])
        #expect(result.exitCode == 0, "\(result.output)\(result.errors)")
        let lines = result.output.split(separator: "\n").compactMap { Line($0) }
        #expect(lines.count == 19, "\(result.output)")
        for line in lines {
            // A reader that takes everything or nothing looks at nothing.
            #expect(line.accepted > 0 && line.refused > 0 && line.failed == 0, "\(line)")
        }
    }

    @Test(arguments: [
        ("failing-crash", "crashed"), ("failing-hang", "1 s of processor time"),
        ("failing-memory", "more than 300 MB"),
    ])
    func whatNoReaderMayDoIsFound(reader: String, expected: String) throws {
        let folder = try TemporaryFolder()
        let result = try Program("Fuzz").run([
            "--reader", reader, "--cases", "1", "--seconds", "1", "--megabytes", "300", "--keep",
            folder.path("kept"),
        ])
        #expect(result.exitCode == 1)
        #expect(result.output.contains(expected), "\(result.output)\(result.errors)")
        #expect(
            result.output.contains("again: Fuzz --reader \(reader) --seed 1 --case 0"), "\(result.output)")
        #expect(
            FileManager.default.fileExists(atPath: folder.path("kept/\(reader)-1-0/failure")),
            "\(result.output)")
    }
}
