import Foundation
import RenormReporting
import Testing

/// Output that is written whole, or is an error.
@Suite struct TextOutputTests {
    init() { signal(SIGPIPE, SIG_IGN) }

    private func output(_ descriptor: Int32) -> TextOutput {
        TextOutput(descriptor: descriptor, name: "The page")
    }

    @Test func linesArriveWithTheirControlCharactersShown() throws {
        let pipe = Pipe()
        let output = output(pipe.fileHandleForWriting.fileDescriptor)
        try output.print("é\n\u{1B}[2J")
        try output.print()
        try pipe.fileHandleForWriting.close()
        let text = try #require(try pipe.fileHandleForReading.readToEnd())
        #expect(String(decoding: text, as: UTF8.self) == "é\n\\u{1B}[2J\n\n")
    }

    /// More than a pipe holds, to one that does not wait.
    @Test func aPipeThatIsFullIsWaitedFor() throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        let text = String(repeating: "0123456789", count: 50_000)
        let writing = Thread {
            try? output(descriptor).write(text)
            try? pipe.fileHandleForWriting.close()
        }
        writing.start()
        usleep(20_000)
        #expect(try pipe.fileHandleForReading.readToEnd() == Data(text.utf8))
    }

    @Test func aReaderThatIsGoneIsToldApart() throws {
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        #expect(throws: ReportingError.readerGone(output: "The page")) {
            try output(pipe.fileHandleForWriting.fileDescriptor).print("a")
        }
    }

    @Test func whatCannotBeWrittenIsAnError() throws {
        let file = open("/dev/null", O_RDONLY)
        defer { close(file) }
        #expect(throws: ReportingError.unwritable(output: "The page", reason: "it is closed")) {
            try output(file).print("a")
        }
        #if os(Linux)
            let full = open("/dev/full", O_WRONLY)
            defer { close(full) }
            let error = #expect(throws: ReportingError.self) { try output(full).print("a") }
            #expect(
                error?.description
                    == "The page could not be written: No space left on device. Expected an open "
                    + "terminal, pipe or file with room. Free some space, or send it elsewhere.")
        #endif
    }

    @Test func aBarRemembersThatItCannotBeShown() throws {
        let pipe = Pipe()
        var bar = ProgressBar(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        bar.print("first")
        #expect(bar.failure == nil)
        try pipe.fileHandleForReading.close()
        bar.print("second")
        #expect(bar.failure == .readerGone(output: "The output"))
    }
}
