import Foundation
import RenormTraining
import Testing

/// Folders that cannot be made.
@Suite struct RunFolderTests {
    @Test func theReasonIsThatOfTheSystem() throws {
        let folder = try TemporaryFolder()
        let file = folder.appending("file")
        try Data().write(to: file)
        for (url, reason) in [
            (file, "there is a file of this name"),
            (file.appendingPathComponent("run"), String(cString: strerror(ENOTDIR))),
            (file.appendingPathComponent("a/run"), String(cString: strerror(ENOTDIR))),
        ] {
            let error = try #require(throws: TrainingError.self) { try RunFolder(url).create() }
            #expect(
                "\(error)"
                    == "The folder \(url.path) cannot be used: \(reason). Expected a folder that can be made and written "
                    + "to. Name another one.")
        }
        try RunFolder(folder.appending("a/b/c")).create()
        try RunFolder(folder.appending("a/b/c")).create()
    }
}
