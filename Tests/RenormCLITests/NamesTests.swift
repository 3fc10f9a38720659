import Foundation
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Names, numbers and folders that nobody means well with.
@Suite(.serialized)
struct NamesTests {
    let folder: TemporaryFolder
    private static let name = "a\u{1B}[31m'b\n<c>&\u{1}\u{9B}\u{202E}"
    private static let shown = "a\\u{1B}[31m'b\\n<c>&\\u{1}\\u{9B}\\u{202E}"

    init() throws {
        folder = try TemporaryFolder()
        for name in ["data", NamesTests.name] {
            let url = folder.url.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
            try SyntheticImages().write(to: url)
        }
    }

    private func run(_ arguments: [String]) throws -> Program.Result {
        try Program.renorm.run(arguments, in: folder.url)
    }

    private func training(_ run: String, data: String = "data", _ more: [String] = []) -> [String] {
        [
            "train", "--data", "idx:\(data)", "--model", "small:0.25", "--batch-size", "16", "--steps", "3",
            "--validation", "40", "--run=\(run)",
        ] + more
    }

    private func compare(_ more: [String]) -> [String] {
        [
            "compare", "--model", "small:0.25", "--batch-size", "16", "--held-out", "40", "--steps", "3",
            "--seeds",
            "1",
        ] + more
    }

    private func isHarmless(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy {
            $0 == "\n" || !($0.value < 0x20 || (0x7F..<0xA0).contains($0.value) || $0.value == 0x202E)
        }
    }

    // MARK: What a terminal sees

    @Test func controlCharactersInNamesAreShown() throws {
        for log in ["human", "json"] {
            let run = "\(NamesTests.name) \(log)"
            let trained = try self.run(training(run, data: NamesTests.name, ["--log", log]))
            #expect(trained.exitCode == 0, "\(trained.errors)")
            #expect(isHarmless(trained.output), "\(trained.output.debugDescription)")
            if log == "human" {
                #expect(trained.output.contains("on \(NamesTests.shown): 160 images"), "\(trained.output)")
                #expect(trained.output.contains("Saved in \(NamesTests.shown) human;"), "\(trained.output)")
            } else {
                let data = trained.events(named: "started").first?["data"] as? [String: Any]
                #expect(data?["name"] as? String == NamesTests.name)
            }
            let again = try self.run(training(run, data: NamesTests.name, ["--log", log]))
            #expect(again.exitCode == 1 && isHarmless(again.errors), "\(again.errors.debugDescription)")
        }
        let missing = try run(["evaluate", NamesTests.name + "x"])
        #expect(missing.exitCode == 1 && isHarmless(missing.errors), "\(missing.errors.debugDescription)")
    }

    /// Class names come from files.
    @Test func classNamesAreShown() throws {
        try #require(try run(training("a")).exitCode == 0)
        let model = folder.url.appendingPathComponent("a/model.safetensors")
        var bytes = try Data(contentsOf: model)
        // In the JSON within the JSON of the header; the file keeps its length, by fewer spaces of padding.
        let length = Int(
            bytes[0..<8].enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * $1.offset) })
        var header = String(decoding: bytes[8..<8 + length], as: UTF8.self)
        let range = try #require(header.range(of: #"\"classNames\":[\"0\""#))
        header.replaceSubrange(range, with: #"\"classNames\":[\"\\u001b[31m0\\nfake\""#)
        header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let count = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
        bytes.replaceSubrange(0..<8 + length, with: Data(count) + Data(header.utf8))
        try bytes.write(to: model)
        for arguments in [
            ["evaluate", "a", "--data", "idx:data"],
            ["predict", "a", "data/t10k-images-idx3-ubyte", "--top", "4"],
        ] {
            let result = try run(arguments)
            #expect(result.exitCode == 0, "\(result.errors)")
            #expect(isHarmless(result.output), "\(result.output.debugDescription)")
            #expect(result.output.contains(#"\u{1B}[31m0\nfake"#), "\(result.output)")
        }
    }

    @Test func aComparisonOfHostileNamesIsWellFormed() throws {
        let result = try run(
            compare([
                "--data", "idx:\(NamesTests.name)", "--norm", "\(NamesTests.name): batch", "--norm",
                "batch-renorm",
                "--setting", "\(NamesTests.name): shuffled", "--run", "c",
            ]))
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(isHarmless(result.output), "\(result.output.debugDescription)")
        #expect(result.output.contains(NamesTests.shown))
        for file in ["accuracy.svg", "modes.svg"] {
            let parser = XMLParser(data: try Data(contentsOf: folder.url.appendingPathComponent("c/\(file)")))
            #expect(parser.parse(), "\(file): \(parser.parserError.map { "\($0)" } ?? "")")
        }
        let page = try String(contentsOfFile: folder.path("c/report.html"), encoding: .utf8)
        #expect(isHarmless(page))
        // The command of the report, read by a shell, is the one that was typed.
        let begin = try #require(page.range(of: "<p><code>renorm "))
        let end = try #require(page.range(of: "</code></p>"))
        var command = String(page[begin.upperBound..<end.lowerBound])
        for (entity, character) in [
            ("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&quot;", "\""), ("&amp;", "&"),
        ] { command = command.replacingOccurrences(of: entity, with: character) }
        let words = try Program(at: "/bin/bash")
            .run(["-c", "for word in \(command); do printf '%s\\0' \"$word\"; done"]).output
        #expect(
            words.split(separator: "\0").contains("\(NamesTests.name): batch"), "\(words.debugDescription)")
    }

    // MARK: Suggested commands

    @Test(arguments: ["it's", "a$HOME", "(x)&y", "a'b c", "-x", "--resume", "a\nb", "*"])
    func suggestedCommandsCanBeTyped(name: String) throws {
        let trained = try run(training(name))
        let command = try #require(trained.output.range(of: "try: renorm "), "\(trained.errors)")
        let typed = String(trained.output[command.upperBound...]).trimmingCharacters(in: .newlines)
        // The shell reads the command as it stands.
        let evaluated = try Program(at: "/bin/bash").run(
            ["-c", "'\(Program.renorm.url.path)' \(typed)"], in: folder.url)
        #expect(evaluated.exitCode == 0, "\(typed): \(evaluated.errors)")
        #expect(evaluated.output.contains("of 50 test images of data right"), "\(evaluated.output)")
    }

    // MARK: Numbers

    @Test(arguments: [
        (["--learning-rate", "-1"], "--learning-rate: found -1.0; expected more than 0"),
        (["--weight-decay", "-.5"], "--weight-decay: found -0.5; expected a finite number, at least 0"),
        (["--clip-norm", "-1e3"], "--clip-norm: found -1000.0"),
        (["--steps", "-5"], "--steps: found -5"),
        (["--momentum", "-inf"], "The value '-inf' is invalid for '--momentum"),
        (["--seed", "-1"], "The value '-1' is invalid for '--seed"),
        (["--batch-size", "-1x"], "The value '-1x' is invalid for '--batch-size"),
        (["--threads", "-2"], "--threads: found -2"),
        (["--threads", "100000"], "100000 threads were asked for; expected 1 to 1024"),
        (["--label-smoothing", "1"], "0 to less than 1"),
        (["--learning-rate"], "Missing value for '--learning-rate"),
        (["--learning-rate", "--ema", "0.5"], "Missing value for '--learning-rate"),
    ])
    func numbersAreNamed(more: [String], expected: String) throws {
        let result = try run(training("a", more))
        #expect(result.exitCode != 0)
        #expect(result.errors.contains(expected), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("a")))
    }

    @Test func otherCommandsReadNegativeNumbersToo() throws {
        for (arguments, expected) in [
            (compare(["--run", "c", "--learning-rate", "-1"]), "--learning-rate: found -1.0"),
            (["evaluate", "a", "--batch-size", "-1"], "--batch-size: found -1"),
            (["predict", "a", "b.png", "--top", "-1"], "--top: found -1"),
            (["describe", "--classes", "-1"], "--classes: found -1"),
        ] {
            let result = try run(arguments)
            #expect(result.exitCode != 0 && result.errors.contains(expected), "\(result.errors)")
        }
    }

    @Test func moreThreadsThanCoresAreWarnedOf() throws {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let many = try run(training("a", ["--threads", "\(cores + 1)"]))
        #expect(many.exitCode == 0)
        #expect(
            many.errors.contains("warning: --threads: found \(cores + 1) on \(cores) core"), "\(many.errors)")
        #expect(try run(training("b", ["--threads", "1"])).errors == "")
        let help = try run(["help", "train"]).output.split(whereSeparator: \.isWhitespace).joined(
            separator: " ")
        #expect(help.contains("over all classes, from 0 to less than 1."))
    }

    // MARK: Folders of comparisons

    @Test func aComparisonsFolderIsItsOwn() throws {
        let precious = folder.path("precious")
        try "precious".write(toFile: precious, atomically: true, encoding: .utf8)
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder.path("c"), withIntermediateDirectories: false)
        for name in ["runs.jsonl", "results.csv", "report.html"] {
            try manager.createSymbolicLink(atPath: folder.path("c/\(name)"), withDestinationPath: precious)
        }
        let arguments = compare(["--data", "idx:data", "--run", "c"])
        let refused = try run(arguments)
        #expect(refused.exitCode == 1)
        #expect(
            refused.errors.contains("c/runs.jsonl is a symbolic link; expected a file"), "\(refused.errors)")
        try manager.removeItem(atPath: folder.path("c/runs.jsonl"))
        let made = try run(arguments)
        #expect(made.exitCode == 0, "\(made.errors)")
        #expect(try String(contentsOfFile: precious, encoding: .utf8) == "precious")
        #expect(
            try manager.attributesOfItem(atPath: folder.path("c/results.csv"))[.type] as? FileAttributeType
                == .typeRegular)
    }

    /// `precious` stands for a place where nothing can be made.
    @Test func aComparisonWithoutAPlaceSaysSo() throws {
        try "precious".write(toFile: folder.path("precious"), atomically: true, encoding: .utf8)
        for place in ["precious", "precious/c"] {
            let result = try run(compare(["--data", "idx:data", "--run", place]))
            #expect(result.exitCode == 1)
            #expect(
                result.errors.contains("/\(place) cannot be used: ")
                    && result.errors.contains("Expected a folder that can be made and written to."),
                "\(result.errors)")
        }
    }
}
