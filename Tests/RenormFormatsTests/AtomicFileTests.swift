import Foundation
import RenormFormats
import Testing

@Suite struct AtomicFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var target: URL { folder.url.appendingPathComponent("last.safetensors") }
    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    }

    @Test func replacesAFileAndLeavesNothingElse() throws {
        try AtomicFile.write("first, and longer", to: target)
        try AtomicFile.write("second", to: target)
        #expect(try String(contentsOf: target, encoding: .utf8) == "second")
        #expect(try names() == ["last.safetensors"])
    }

    private struct Broken: Error {}

    @Test func aFailureLeavesWhatWasThere() throws {
        try AtomicFile.write("before", to: target)
        #expect(throws: Broken.self) {
            try AtomicFile.write(to: target, byteCount: 6) { writer in
                try [UInt8]("aft".utf8).withUnsafeBytes { try writer.write($0) }
                throw Broken()
            }
        }
        #expect(try String(contentsOf: target, encoding: .utf8) == "before")
        #expect(try names() == ["last.safetensors"])
    }

    #if os(Linux)
        @Test func aFullDiskLeavesWhatWasThere() throws {
            try AtomicFile.write("before", to: target)
            let error = try #require(throws: FormatError.self) {
                try AtomicFile.write(to: target, byteCount: 123_456) { writer in
                    // Every write to this device fails as on a full disk.
                    let full = open("/dev/full", O_WRONLY)
                    dup2(full, writer.descriptor)
                    close(full)
                    try [UInt8](repeating: 1, count: 123_456).withUnsafeBytes { try writer.write($0) }
                }
            }
            #expect(
                error.description.replacingOccurrences(of: folder.url.path, with: "DIR")
                    == "DIR/last.safetensors could not be written: No space left on device. Expected a writable "
                    + "folder with room for 123456 bytes; what was there before is unchanged. Free some space, or "
                    + "choose another folder.")
            #expect(try String(contentsOf: target, encoding: .utf8) == "before")
            #expect(try names() == ["last.safetensors"])
        }
    #endif

    @Test func whatAKilledProgramLeftIsOverwritten() throws {
        let partial = folder.url.appendingPathComponent(".last.safetensors.partial")
        try Data(repeating: 9, count: 1000).write(to: partial)
        try AtomicFile.write("whole", to: target)
        #expect(try String(contentsOf: target, encoding: .utf8) == "whole")
        #expect(try names() == ["last.safetensors"])
    }

    @Test func twoWritersAtOnceAreRefused() throws {
        try AtomicFile.write(to: target, byteCount: 5) { writer in
            #expect(throws: FormatError.busy(path: target.path)) {
                try AtomicFile.write("inner", to: target)
            }
            try [UInt8]("outer".utf8).withUnsafeBytes { try writer.write($0) }
        }
        #expect(try String(contentsOf: target, encoding: .utf8) == "outer")
    }

    @Test func manyWritersLeaveOneWholeFile() throws {
        let target = target
        DispatchQueue.concurrentPerform(iterations: 64) { number in
            let byte = UInt8(number)
            do {
                try AtomicFile.write([UInt8](repeating: byte, count: 10_000 + number), to: target)
            } catch FormatError.busy {
                // Somebody else was first.
            } catch {
                Issue.record(error)
            }
        }
        let bytes = try [UInt8](Data(contentsOf: target))
        #expect(Set(bytes).count == 1)
        #expect(bytes.count == 10_000 + Int(bytes[0]))
        #expect(try names() == ["last.safetensors"])
    }

    @Test func aMissingFolderIsNamed() {
        let url = folder.url.appendingPathComponent("absent/file.json")
        #expect(
            throws: FormatError.unwritable(
                path: url.path, byteCount: 2, reason: "No such file or directory")
        ) {
            try AtomicFile.write("{}", to: url)
        }
    }

    @Test func aFolderIsNotReplaced() throws {
        try FileManager.default.createDirectory(at: target, withIntermediateDirectories: false)
        #expect(throws: FormatError.self) { try AtomicFile.write("{}", to: target) }
        #expect(try names() == ["last.safetensors"])
    }
}
