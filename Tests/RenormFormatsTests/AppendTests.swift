import Foundation
import RenormFormats
import Testing

/// Lines added to a file, which must be one of its folder's own.
@Suite struct AppendTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var target: URL { folder.url.appendingPathComponent("runs.jsonl") }
    private var outside: URL { folder.url.appendingPathComponent("precious") }

    @Test func linesAreAdded() throws {
        #expect(try !AtomicFile.isOwnFile(target))
        try AtomicFile.append([UInt8]("a\n".utf8), to: target)
        try AtomicFile.append([UInt8]("b\n".utf8), to: target)
        #expect(try String(contentsOf: target, encoding: .utf8) == "a\nb\n")
        #expect(try AtomicFile.isOwnFile(target))
    }

    /// A link's target is somebody else's, whether it is there or not; a pipe would be waited for.
    @Test(arguments: ["a link", "a link to nothing", "a folder", "a pipe"])
    func nothingElseIsAddedTo(kind: String) throws {
        try Data("precious".utf8).write(to: outside)
        let found: String
        switch kind {
        case "a link":
            try FileManager.default.createSymbolicLink(at: target, withDestinationURL: outside)
            found = "a symbolic link"
        case "a link to nothing":
            try FileManager.default.createSymbolicLink(
                at: target, withDestinationURL: folder.url.appendingPathComponent("nothing"))
            found = "a symbolic link"
        case "a folder":
            try FileManager.default.createDirectory(at: target, withIntermediateDirectories: false)
            found = "a folder"
        default:
            try #require(mkfifo(target.path, 0o600) == 0)
            found = "a pipe or a device"
        }
        let error = FormatError.notOwnFile(path: target.path, found: found)
        #expect(throws: error) { try AtomicFile.append([1], to: target) }
        #expect(throws: error) { try AtomicFile.isOwnFile(target) }
        #expect(try String(contentsOf: outside, encoding: .utf8) == "precious")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.url.path).count == 2
                || kind != "a link")
    }

    /// A whole file takes a link's place.
    @Test func aLinkIsReplacedAndNotWrittenThrough() throws {
        try Data("precious".utf8).write(to: outside)
        try FileManager.default.createSymbolicLink(at: target, withDestinationURL: outside)
        try AtomicFile.write("new", to: target)
        #expect(try String(contentsOf: outside, encoding: .utf8) == "precious")
        #expect(try AtomicFile.isOwnFile(target))
        #expect(try String(contentsOf: target, encoding: .utf8) == "new")
    }

    /// A link or a pipe in the place of the hidden file is neither written through nor waited for.
    @Test(arguments: [true, false])
    func theHiddenFileIsNoLinkEither(isLink: Bool) throws {
        try Data("precious".utf8).write(to: outside)
        let partial = folder.url.appendingPathComponent(".runs.jsonl.partial")
        if isLink {
            try FileManager.default.createSymbolicLink(at: partial, withDestinationURL: outside)
        } else {
            try #require(mkfifo(partial.path, 0o600) == 0)
        }
        #expect(throws: FormatError.self) { try AtomicFile.write("new", to: target) }
        #expect(try String(contentsOf: outside, encoding: .utf8) == "precious")
    }

    @Test func whatHasNoRoomIsNotThereAtAll() throws {
        try AtomicFile.append([UInt8]("a\n".utf8), to: target)
        let missing = folder.url.appendingPathComponent("absent/runs.jsonl")
        #expect(
            throws: FormatError.unwritable(
                path: missing.path, byteCount: 1, reason: "No such file or directory")
        ) { try AtomicFile.append([1], to: missing) }
    }
}
