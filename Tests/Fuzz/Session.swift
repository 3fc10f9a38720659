import Foundation
import Renorm

/// All cases that are asked for, and what came of them.
struct Session {
    let options: Options
    private let work: URL
    private let seeds: Seeds

    init(_ options: Options) throws {
        self.options = options
        work = FileManager.default.temporaryDirectory.appendingPathComponent(
            "renorm-fuzz-\(UUID().uuidString)")
        seeds = Seeds(folder: work.appendingPathComponent("seeds"))
        try FileManager.default.createDirectory(at: seeds.folder, withIntermediateDirectories: true)
    }

    /// Runs them and prints a line for each reader, and some for each failure.
    ///
    /// - Returns: The number of failures.
    func run() async throws -> Int {
        defer { try? FileManager.default.removeItem(at: work) }
        try await seeds.write()
        var failures = 0
        for reader in options.chosen {
            let clock = ContinuousClock.now
            let cases = options.cases(of: reader)
            var (accepted, found, next) = (0, 0, cases.lowerBound)
            while next < cases.upperBound {
                let end = try batch(reader, from: next)
                accepted += end.outcomes.count { $0 == Batch.Outcome.accepted.rawValue }
                next += end.outcomes.count
                guard next < cases.upperBound else { break }
                found += 1
                try report(reader, case: next, end)
                next += 1
                if found == 50 {
                    print("\(reader.name): 50 failures, the other cases are left out")
                    break
                }
            }
            let made = next - cases.lowerBound
            let seconds = (ContinuousClock.now - clock) / .seconds(1)
            print(
                "\(reader.name): \(made) cases, \(accepted) accepted, \(made - accepted - found) refused, \(found) failed, "
                    + "\((seconds * 10).rounded() / 10) s")
            failures += found
        }
        return failures
    }

    /// How a process that ran cases ended.
    private struct End {
        var outcomes: [UInt8]
        var reason: String
        var message: String
    }

    private func batch(_ reader: any Reader, from first: Int) throws -> End {
        try Data().write(to: Batch.progress(in: work))
        let errors = work.appendingPathComponent("errors")
        try Data().write(to: errors)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        var arguments = [
            "-c", "ulimit -d \(options.megabytes * 1024) 2> /dev/null; ulimit -c 0; exec \"$@\"", "sh",
            Program.url.path,
            "--reader", reader.name, "--seed", "\(options.seed)", "--cases", "\(options.cases)", "--seconds",
            "\(options.seconds)", "--seeds", seeds.folder.path, "--first", "\(first)", "--work", work.path,
        ]
        if let only = options.only { arguments += ["--case", "\(only)"] }
        process.arguments = arguments
        // Traces of crashes take seconds.
        process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) {
            $1
        }
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        process.waitUntilExit()
        let status = process.terminationStatus
        let reason =
            switch (process.terminationReason, status) {
            case (.uncaughtSignal, SIGPROF): "took more than \(options.seconds) s of processor time"
            case (.uncaughtSignal, SIGALRM): "stood still for \(10 * options.seconds) s"
            case (.uncaughtSignal, _):
                "crashed, or asked for more than \(options.megabytes) MB (signal \(status))"
            default: "ended the process with code \(status)"
            }
        let text = try String(decoding: Data(contentsOf: errors), as: UTF8.self)
        return End(
            outcomes: [UInt8](try Data(contentsOf: Batch.progress(in: work))), reason: reason,
            message: text.split(separator: "\n").first.map { String($0.prefix(300)) } ?? "")
    }

    private func report(_ reader: any Reader, case index: Int, _ end: End) throws {
        let kept = options.keep.appendingPathComponent("\(reader.name)-\(options.seed)-\(index)")
        try FileManager.default.createDirectory(at: options.keep, withIntermediateDirectories: true)
        try? FileManager.default.removeItem(at: kept)
        try FileManager.default.copyItem(at: Batch.files(in: work), to: kept)
        print(
            "\(reader.name), case \(index): it \(end.reason)\(end.message.isEmpty ? "" : ": \(end.message)")")
        print("  its files are in \(kept.path)")
        print("  again: Fuzz --reader \(reader.name) --seed \(options.seed) --case \(index)")
    }
}
