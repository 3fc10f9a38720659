import Foundation
import Testing

/// A program that the package built, run as a user runs it.
struct Program {
    let url: URL

    static let renorm = Program("renorm")

    /// The program of this name beside the tests' own.
    init(_ name: String) {
        url = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent(name)
    }

    /// The program of the package in `Examples/YourOwn`, which `make test` builds by itself.
    static var yourOwn: Program {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return Program(url: root.appending(path: ".build/your-own/debug/YourOwn"))
    }

    private init(url: URL) { self.url = url }

    struct Result {
        var exitCode: Int32
        var output: String
        var errors: String

        /// The objects of `--log json`.
        var events: [[String: Any]] {
            output.split(separator: "\n").compactMap {
                try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
            }
        }

        func events(named name: String) -> [[String: Any]] {
            events.filter { $0["event"] as? String == name }
        }

        /// The evaluations of a set.
        func evaluations(of set: String) -> [[String: Any]] {
            events(named: "evaluation").filter { $0["set"] as? String == set }
        }
    }

    /// Runs it to its end.
    @discardableResult
    func run(_ arguments: [String], in folder: URL? = nil, shellPrefix: String? = nil) throws -> Result {
        let running = try start(arguments, in: folder, shellPrefix: shellPrefix)
        return running.finish()
    }

    /// Starts it. Its output goes to files, so that a full pipe never holds it up.
    func start(_ arguments: [String], in folder: URL? = nil, shellPrefix: String? = nil) throws -> Running {
        let process = Process()
        if let shellPrefix {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", shellPrefix + "; exec \"$0\" \"$@\"", url.path] + arguments
        } else {
            process.executableURL = url
            process.arguments = arguments
        }
        if let folder { process.currentDirectoryURL = folder }
        let output = try TemporaryFolder.file()
        let errors = try TemporaryFolder.file()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        return Running(process: process, output: output, errors: errors)
    }

    struct Running {
        let process: Process
        let output: URL
        let errors: URL

        /// What it has printed so far.
        var text: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }

        /// Waits until it has printed something; false if it ended without.
        func waits(for text: String) -> Bool {
            while !self.text.contains(text) {
                if !process.isRunning { return self.text.contains(text) }
                usleep(2000)
            }
            return true
        }

        func finish() -> Result {
            process.waitUntilExit()
            let signalled = process.terminationReason == .uncaughtSignal
            return Result(
                exitCode: signalled ? -process.terminationStatus : process.terminationStatus, output: text,
                errors: (try? String(contentsOf: errors, encoding: .utf8)) ?? "")
        }
    }
}

/// A folder of its own for a test, deleted with it.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "renorm tests \(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }

    static func file() throws -> URL {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("renorm-\(UUID().uuidString)")
        try Data().write(to: url)
        return url
    }
}

/// IDX files of small images whose class can be seen: class c has a bright column c.
struct SyntheticImages {
    var training = 200
    var test = 50
    var side = 8
    var shade: UInt8 = 200
    var classes = 4

    func write(to folder: URL) throws {
        for (prefix, count) in [("train", training), ("t10k", test)] {
            try images(count).write(to: folder.appendingPathComponent("\(prefix)-images-idx3-ubyte"))
            try labels(count).write(to: folder.appendingPathComponent("\(prefix)-labels-idx1-ubyte"))
        }
    }

    func images(_ count: Int) -> Data {
        var bytes = header(magic: 0x803, [count, side, side])
        for index in 0..<count {
            for row in 0..<side {
                for column in 0..<side {
                    let noise = UInt8(truncatingIfNeeded: (index &* 31 &+ row &* 17 &+ column &* 7) % 60)
                    bytes.append(column == index % classes ? shade &+ noise / 2 : noise)
                }
            }
        }
        return bytes
    }

    func labels(_ count: Int) -> Data {
        header(magic: 0x801, [count]) + Data((0..<count).map { UInt8($0 % classes) })
    }

    private func header(magic: UInt32, _ extents: [Int]) -> Data {
        var data = Data()
        for number in [magic] + extents.map(UInt32.init) {
            withUnsafeBytes(of: number.bigEndian) { data.append(contentsOf: $0) }
        }
        return data
    }
}
