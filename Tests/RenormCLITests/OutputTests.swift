import Foundation
import Testing

extension Program {
    /// A program of the system.
    init(at path: String) { url = URL(fileURLWithPath: path) }

    /// Runs a line of the shell in a folder, in which `"$0" "$@"` is the program with its arguments.
    fileprivate func shell(_ line: String, _ arguments: [String] = [], in folder: URL) throws -> Running {
        try Program(at: "/bin/sh").start(["-c", line, url.path] + arguments, in: folder)
    }
}

/// Output that cannot be written, and what a shell or a terminal makes of what is.
@Suite(.serialized)
struct OutputTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try SyntheticImages().write(to: folder.url.appendingPathComponent("data", isDirectory: true).made())
    }

    private func training(_ run: String, log: String = "human", steps: Int = 20) -> [String] {
        [
            "train", "--data", "idx:\(folder.path("data"))", "--model", "small:0.25", "--batch-size", "16",
            "--steps", "\(steps)", "--validation", "40", "--threads", "1", "--log", log, "--run", run,
        ]
    }

    private func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: folder.path(path)) }

    private func content(_ path: String) throws -> String {
        try String(contentsOfFile: folder.path(path), encoding: .utf8)
    }

    #if os(Linux)
        private static let redirections = ["exec >/dev/full", "exec >&-"]
    #else
        private static let redirections = ["exec >&-"]
    #endif

    // MARK: Output that cannot be written

    @Test(arguments: ["human", "json"], redirections)
    func aRunWhoseOutputFailsIsSaved(log: String, redirection: String) throws {
        let result = try Program.renorm.run(
            training("it's", log: log), in: folder.url, shellPrefix: redirection)
        #expect(result.exitCode == 1)
        #expect(result.errors.contains("Standard output could not be written: "), "\(result.errors)")
        #expect(result.errors.contains("\n  renorm train --run 'it'\\''s' --resume\n"), "\(result.errors)")
        #expect(has("it's/config.yml") && has("it's/last.safetensors"))
        let resumed = try Program.renorm.run(["train", "--run", "it's", "--resume"], in: folder.url)
        #expect(resumed.exitCode == 0 && resumed.output.contains("Test accuracy"), "\(resumed.errors)")
    }

    /// The first files that a program opens take the descriptors of streams that are closed.
    @Test(arguments: ["exec <&- >&- 2>&-", "exec 2>&-", "exec <&-", "exec <&- 2>&-"])
    func closedStreamsNeverBecomeFiles(redirection: String) throws {
        let result = try Program.renorm.run(training("a"), in: folder.url, shellPrefix: redirection)
        let isWritable = !redirection.contains(" >&-")
        #expect(result.exitCode == (isWritable ? 0 : 1))
        #expect(has("a/last.safetensors") && has("a/model.safetensors") == isWritable)
        let resumed = try Program.renorm.run(["train", "--run", "a", "--resume"], in: folder.url)
        #expect(resumed.exitCode == 0, "\(resumed.errors)")
        let evaluated = try Program.renorm.run(
            ["evaluate", "a", "--data", "idx:data", "--threads", "1"], in: folder.url)
        #expect(evaluated.exitCode == 0, "\(evaluated.errors)")
    }

    @Test(arguments: redirections)
    func everyCommandSaysThatItsOutputFails(redirection: String) throws {
        try #require(try Program.renorm.run(training("a", steps: 3), in: folder.url).exitCode == 0)
        let compare = [
            "compare", "--data", "idx:data", "--model", "small:0.25", "--batch-size", "16", "--held-out",
            "40",
            "--steps", "3", "--seeds", "1", "--run", "c",
        ]
        for arguments in [
            ["evaluate", "a", "--data", "idx:data"],
            ["evaluate", "a", "--data", "idx:data", "--log", "json"],
            ["predict", "a", "data/t10k-images-idx3-ubyte"],
            ["predict", "a", "data/t10k-images-idx3-ubyte", "--log", "json"], ["describe"],
            ["describe", "--log", "json"], ["--help"], ["help", "train"], ["--version"], compare,
        ] {
            let result = try Program.renorm.run(arguments, in: folder.url, shellPrefix: redirection)
            #expect(result.exitCode == 1, "\(arguments)")
            #expect(
                result.errors.contains("Standard output could not be written"),
                "\(arguments): \(result.errors)")
        }
        let gone = try Program.renorm.run(compare, in: folder.url)
        #expect(gone.exitCode == 0, "\(gone.errors)")
    }

    /// A reader that has seen enough is no error to tell.
    @Test(arguments: ["human", "json"])
    func aReaderThatGoesAwayEndsTheRunQuietly(log: String) throws {
        let line = #"{ "$0" "$@"; echo $? > status; } | head -n 1"#
        let result = try Program.renorm.shell(line, training("a", log: log, steps: 100_000), in: folder.url)
            .finish()
        #expect(try content("status") == "141\n")
        #expect(result.errors == "")
        #expect(result.output.split(separator: "\n").count == 1)
        #expect(has("a/config.yml") && has("a/last.safetensors"))
        let described = try Program.renorm.shell(
            #"{ "$0" describe; echo $? > status; } | true"#, in: folder.url
        ).finish()
        #expect(try content("status") == "141\n" && described.errors == "")
    }

    /// Ctrl-C ends whatever reads the output too, and perhaps first.
    @Test(arguments: ["human", "json"], [SIGINT, SIGTERM])
    func aSignalThatEndsTheReaderTooSaysHowToGoOn(log: String, signal: Int32) throws {
        let line = #"""
            { sh -c 'echo $$ > writer; exec "$0" "$@"' "$0" "$@" 2> errors; echo $? > status; } \
            | sh -c 'echo $$ > reader; exec cat > log'
            """#
        let running = try Program.renorm.shell(
            line, training("a b", log: log, steps: 1_000_000) + ["--evaluate-every", "5"], in: folder.url)
        while !has("a b/best.safetensors") { usleep(5000) }
        func process(_ name: String) throws -> Int32 {
            try #require(Int32(try content(name).trimmingCharacters(in: .newlines)))
        }
        // The writer stands still until its reader is gone, so that it learns of both at once.
        let (reader, writer) = (try process("reader"), try process("writer"))
        kill(writer, SIGSTOP)
        kill(reader, SIGKILL)
        usleep(300_000)
        kill(writer, signal)
        kill(writer, SIGCONT)
        _ = running.finish()
        #expect(try content("status") == "\(128 + signal)\n")
        let errors = try content("errors")
        #expect(
            errors.contains("the state is saved. Go on with:\n  renorm train --run 'a b' --resume"),
            "\(errors)")
        #expect(has("a b/last.safetensors"))
    }

    /// A terminal that is closed tells so by a signal, unless nobody is to care.
    @Test func aTerminalThatIsClosedSavesTheRun() throws {
        let running = try Program.renorm.start(training("a", log: "json", steps: 100_000), in: folder.url)
        try #require(running.waits(for: "\"step\":5}"))
        kill(running.process.processIdentifier, SIGHUP)
        let result = running.finish()
        #expect(result.exitCode == 128 + SIGHUP)
        #expect(result.events(named: "interrupted").count == 1)
        let unaware = try Program.renorm.start(
            training("b", log: "json", steps: 100_000), in: folder.url, shellPrefix: "trap '' HUP")
        try #require(unaware.waits(for: "\"step\":5}"))
        kill(unaware.process.processIdentifier, SIGHUP)
        #expect(unaware.waits(for: "\"step\":40}"))
        unaware.process.interrupt()
        #expect(unaware.finish().exitCode == 130)
    }

    // MARK: Folders

    /// No command looks for ever, or takes all memory, where no folder is above the working one.
    @Test func commandsEndInAFolderThatWasDeleted() throws {
        try #require(try Program.renorm.run(training("a", steps: 3), in: folder.url).exitCode == 0)
        let prefix = "mkdir gone; cd gone; rmdir ../gone; ulimit -v 8000000; ulimit -t 60"
        func run(_ arguments: [String]) throws -> Program.Result {
            try Program.renorm.run(arguments, in: folder.url, shellPrefix: prefix)
        }
        #expect(try run(["describe"]).exitCode == 0)
        #expect(try run(training(folder.path("b"), steps: 3)).exitCode == 0)
        let evaluated = try run(["evaluate", folder.path("a"), "--data", "idx:\(folder.path("data"))"])
        #expect(evaluated.exitCode == 0, "\(evaluated.errors)")
        // Relative paths lead nowhere.
        for arguments in [
            training("b"), ["train", "--run", "b", "--data", "idx:data"],
            ["train", "--run", "b", "--resume"],
            ["evaluate", "a"], ["predict", "a", "b.png"], ["compare", "--run", "c", "--data", "idx:data"],
            ["train", "--config", "c.yml", "--run", "b"],
            ["train", "--limits", "l.json", "--run", folder.path("c")],
            training(folder.path("d")) + ["--init", "a.safetensors"],
        ] {
            let result = try run(arguments)
            #expect(result.exitCode > 0, "\(arguments)")
            #expect(result.errors.hasPrefix("Error: "), "\(arguments): \(result.errors)")
        }
    }

    /// A folder that is none of a run's is not one to go on with.
    @Test func goingOnNeedsARun() throws {
        try FileManager.default.createDirectory(
            at: folder.url.appendingPathComponent("empty"), withIntermediateDirectories: false)
        for run in ["mistyped", "empty"] {
            let result = try Program.renorm.run(["train", "--run", run, "--resume"], in: folder.url)
            #expect(result.exitCode == 1)
            #expect(result.errors.contains("found no config.yml in '\(run)'"), "\(result.errors)")
            #expect(!has("\(run)/last.safetensors"))
        }
        #expect(!has("mistyped"))
    }

    /// What a run is comes first, so that whatever a kill leaves can be gone on with or begun again.
    @Test func aRunKilledAtOnceCanBeGoneOnWith() throws {
        for attempt in 0..<6 {
            let run = "killed \(attempt)"
            let running = try Program.renorm.start(training(run, steps: 50), in: folder.url)
            while !has(run), running.process.isRunning { usleep(100) }
            kill(running.process.processIdentifier, SIGKILL)
            _ = running.finish()
            let resumed = try Program.renorm.run(["train", "--run", run, "--resume"], in: folder.url)
            if has("\(run)/config.yml") {
                #expect(resumed.exitCode == 0, "\(resumed.errors)")
                #expect(resumed.output.contains("small:0.25"), "\(resumed.output)")
            } else {
                #expect(resumed.errors.contains("found no config.yml"), "\(resumed.errors)")
                let again = try Program.renorm.run(training(run, steps: 3), in: folder.url)
                #expect(again.exitCode == 0, "\(again.errors)")
            }
        }
    }

    /// The process does not leave while the run is at work, and nothing stays of it.
    @Test func aRunThatCannotBeRecordedIsNoRun() throws {
        for attempt in 0..<5 {
            let run = "a \(attempt)"
            let obstacle = folder.url.appendingPathComponent("\(run)/.config.yml.partial", isDirectory: true)
            _ = try obstacle.made()
            let result = try Program.renorm.run(training(run), in: folder.url)
            #expect(result.exitCode == 1)
            #expect(
                result.errors.contains("config.yml could not be written: Is a directory"), "\(result.errors)")
            #expect(!has("\(run)/last.safetensors"))
        }
        // A limit on files' sizes stands for a full disk; messages are files here too, and so cannot be read.
        let full = try Program.renorm.run(
            training("full"), in: folder.url, shellPrefix: "trap '' XFSZ; ulimit -f 0")
        #expect(full.exitCode == 1)
        #expect(!has("full"))
    }
}

extension URL {
    /// The folder, made with those above it.
    fileprivate func made() throws -> URL {
        try FileManager.default.createDirectory(at: self, withIntermediateDirectories: true)
        return self
    }
}
