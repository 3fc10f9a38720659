import Foundation
import Renorm

/// Limits of batch renormalization as `--limits FILE` reads them, and a step of training within them.
struct LimitsReader: Reader {
    let name = "limits"

    private static let seeds = [
        """
        {"r_max": {"kind": "linear", "points": [[500, 1], [1000, 3]]},
         "d_max": {"kind": "constant", "value": 5, "warmup": 100}}
        """,
        """
        {"r_max": {"kind": "cosine", "from": 1, "to": 3, "steps": 1000},
         "d_max": {"kind": "step", "value": 1, "factor": 2, "at": [10, 20]}}
        """,
        """
        {"r_max": {"kind": "constant", "value": "inf"}, "d_max": {"kind": "biasCorrection", "decay": 0.9}}
        """,
    ]

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        let own = try JSONCoder.encode(Limits.forRun(of: 1000))
        let text = try JSONMutation.mutated(
            JSONValue(parsing: random.one(of: LimitsReader.seeds + [own])), &random)
        let bytes = Array(text.utf8)
        try (random.happens(onceIn: 5) ? ByteMutation.mutated(bytes, &random) : bytes).write(
            to: folder, "limits.json")
    }

    func read(_ folder: URL) async throws {
        let data = try Data(contentsOf: folder.appendingPathComponent("limits.json"))
        let limits = try JSONCoder.decode(Limits.self, from: data)
        for step in [0, 1, 500, TrainingLimits.steps - 1] {
            for schedule in [limits.rMax, limits.dMax] { precondition(!schedule.value(at: step).isNaN) }
        }
        let model = try Model(
            Small(classes: 3, width: 0.05, normalization: Normalization(.batchRenorm(.limits(limits)))),
            input: [8, 8, 1])
        let graph = try TrainingGraph(model, batch: 2, options: TrainingOptions(learningRate: .constant(0.1)))
        let engine = ReferenceEngine()
        let store = try engine.makeStore(graph.initialState(of: model))
        let feeds = [
            "images": NDArray(zeros: [2, 8, 8, 1]), "labels": NDArray([0, 1] as [Int32], shape: [2]),
        ]
        _ = try engine.compile(graph.graph).run(feeds, step: 700, on: store)
    }
}

/// The results of an experiment, and its page.
struct JournalReader: Reader {
    let name = "journal"

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        let bytes = try seeds.bytes("experiment/runs.jsonl")
        var lines = bytes.split(separator: UInt8(ascii: "\n")).map { Array($0) }
        let place = random.integer(below: lines.count)
        let line = try JSONValue(parsing: String(decoding: lines[place], as: UTF8.self))
        lines[place] = Array(try JSONMutation.mutated(line, &random).utf8)
        let whole = Array(lines.joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")]
        try (random.happens(onceIn: 5) ? ByteMutation.mutated(whole, &random) : whole).write(
            to: folder, "runs.jsonl")
    }

    func read(_ folder: URL) async throws {
        let experiment = Seeds.experiment
        var results = try ExperimentFolder(folder, Seeds.common())
        results.rename(as: experiment)
        try results.writeTables()
        let table = ExperimentTable(
            results.results, contenders: experiment.contenders, settings: experiment.settings,
            seeds: experiment.seeds)
        let page = ExperimentPage(table, common: results.common, command: "renorm compare")
        _ = (page.html, page.drawings)
    }
}

/// Files of options as `renorm train --config FILE` reads them: by the program itself, which stops where it does not find its
/// data.
struct OptionsReader: Reader {
    let name = "options"
    let share = 100

    private static let lines = [
        "data:\n  - idx:nowhere", "model: small:0.5", "norm: batch-renorm", "norm-examples: 4",
        "limits: ramp",
        "batch-size: 16", "accumulate: 2", "steps: 10", "sampling: label-blocks:1x4", "validation: 6",
        "learning-rate: 0.1", "warmup: 2", "momentum: 0.9", "nesterov: true", "weight-decay: 5e-4", "seed: 1",
        "evaluate-every: 5", "recorded:\n  build: renorm",
    ]

    private static let texts = [
        "9223372036854775807", "-9223372036854775808", "1e308", "-1", "0", ".nan", ".inf", "~", "'",
        "\"a\\u0000b\"", "[1, 2]",
        "{a: b}", "&x y", "*x", "!!binary aGk=", "2026-11-29", "0x7fffffffffffffff", "1_000", "|\n  text",
        "yes",
    ]

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        var lines = OptionsReader.lines.filter { _ in !random.happens(onceIn: 3) }
        for _ in 0...random.integer(below: 3) {
            guard !lines.isEmpty else { break }
            let place = random.integer(below: lines.count)
            let key = lines[place].prefix { $0 != ":" }
            lines[place] = "\(key): \(random.one(of: OptionsReader.texts))"
        }
        let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
        try (random.happens(onceIn: 2) ? ByteMutation.mutated(bytes, &random) : bytes).write(
            to: folder, "options.yml")
    }

    func read(_ folder: URL) async throws {
        let program = Process()
        // The limits of time are of one process.
        program.executableURL = URL(fileURLWithPath: "/bin/sh")
        program.arguments = [
            "-c", "ulimit -t 10; exec \"$@\"", "sh", Program.folder.appendingPathComponent("renorm").path,
            "train",
            "--config", folder.appendingPathComponent("options.yml").path, "--data", "idx:nowhere",
            "--engine",
            "reference", "--run", folder.appendingPathComponent("run").path,
        ]
        program.standardOutput = FileHandle.nullDevice
        program.standardError = FileHandle.nullDevice
        try program.run()
        program.waitUntilExit()
        guard program.terminationReason == .exit, program.terminationStatus != 127 else {
            fatalError("renorm ended by \(program.terminationReason) \(program.terminationStatus)")
        }
        if program.terminationStatus != 1 { throw Refused() }
    }

    /// The program said what is wrong with the options; code 1 is for data that it does not find.
    private struct Refused: Error {}
}
