import Foundation
import Renorm

/// The history of a run and what the doctor says of it, the page and TensorBoard's file that are made of them.
struct HistoryReader: Reader {
    let name = "history"

    private static let doctor = [
        """
        {"event":"finding","rank":1,"severity":"high","cause":"stale-averages","layer":"bn3","loss":0.7,"accuracy":0.1,
        "evidence":{"x":1},"remedy":{"command":"renorm recalibrate a","measured_loss":0.3,"measured_accuracy":0.9}}
        """.replacingOccurrences(of: "\n", with: ""),
        "{\"event\":\"verdict\",\"healthy\":false}",
    ]

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        let run = random.one(of: Seeds.runs).name
        let history = try seeds.bytes("\(run)/history.jsonl").split(separator: UInt8(ascii: "\n"))
            .map { String(decoding: $0, as: UTF8.self) }
        let lines = [history, HistoryReader.doctor]
        let damaged = random.happens(onceIn: 4) ? 1 : 0
        for (index, name) in ["history.jsonl", "doctor.json"].enumerated() {
            var lines = lines[index]
            if index == damaged {
                let place = random.integer(below: lines.count)
                lines[place] = try JSONMutation.mutated(JSONValue(parsing: lines[place]), &random)
            }
            let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
            try (index == damaged && random.happens(onceIn: 5) ? ByteMutation.mutated(bytes, &random) : bytes)
                .write(
                    to: folder, name)
        }
        try seeds.bytes("\(run)/model.safetensors").write(to: folder, "model.safetensors")
    }

    func read(_ folder: URL) async throws {
        let run = RunFolder(folder)
        let record = try TrainedModel(reading: run.model).record
        let reported = try ReportedRun(name: "a", folder: run, record: record)
        _ = RunReport([reported, reported]).html
        var board = try TensorBoardFile(in: folder.appendingPathComponent("tb"), firstStep: 0)
        for entry in reported.history.entries { board.add(entry) }
        try board.flush()
    }
}
