import Foundation
import RenormFormats
import Testing

/// What is no safetensors file is refused at once, in true words.
@Suite struct OpeningTests {
    private func message(_ path: String, in folder: TemporaryFolder) throws -> String {
        let error = try #require(throws: FormatError.self) {
            try NamedArrays(safetensors: folder.url.appendingPathComponent(path))
        }
        return "\(error)".replacingOccurrences(of: folder.url.path, with: "DIR")
    }

    /// Nobody writes to the pipe: waiting for it would be without end.
    @Test(.timeLimit(.minutes(1))) func pipesAreRefusedAtOnce() throws {
        let folder = try TemporaryFolder()
        #expect(mkfifo(folder.url.path + "/pipe", 0o600) == 0)
        #expect(
            try message("pipe", in: folder)
                == "DIR/pipe cannot be read: it is no ordinary file. Expected a readable file. Check the path and its "
                + "permissions.")
    }

    @Test func shortFilesAreDescribed() throws {
        let folder = try TemporaryFolder()
        func described(_ bytes: [UInt8]) throws -> String {
            try Data(bytes).write(to: folder.url.appendingPathComponent("f"))
            return try message("f", in: folder)
        }
        let expected =
            "Expected a safetensors file, which starts with the size of its header in 8 bytes. "
            + "Check that this is the right file, or fetch or save it again."
        #expect(try described([]) == "DIR/f ends after 0 bytes. \(expected)")
        #expect(try described([7]) == "DIR/f ends after 1 byte. \(expected)")
        #expect(
            try described([9, 0, 0, 0, 0, 0, 0, 0, 0x7B])
                == "DIR/f ends after 9 bytes. Expected at least 17, by its header. Fetch or save it again.")
        #expect(
            try described([UInt8](repeating: 255, count: 8)).hasPrefix(
                "DIR/f announces a header of 9223372036854775807 bytes or more. "))
    }
}
