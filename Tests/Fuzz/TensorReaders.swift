import Foundation
import Renorm

/// Damage to a safetensors file: to its bytes, to the values of its header, and to the JSON in its metadata.
enum TensorMutation {
    static func mutated(_ bytes: [UInt8], _ random: inout Random) throws -> [UInt8] {
        let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try JSONValue(parsing: String(decoding: bytes[8..<8 + length], as: UTF8.self))
        let data = bytes[(8 + length)...]
        var text: String
        switch random.integer(below: 10) {
        case 0..<6 where header.record != nil:
            let record = try JSONMutation.mutated(JSONValue(parsing: header.record!), &random)
            text = try header.replacing(record: record).text
        case 6..<8: text = try JSONMutation.mutated(header, &random)
        default: return ByteMutation.mutated(bytes, &random)
        }
        if random.happens(onceIn: 20) { text += " " }
        let size = UInt64(text.utf8.count)
        return size.littleEndianBytes + Array(text.utf8) + data
    }
}

extension JSONValue {
    /// The record of a checkpoint in a header.
    fileprivate var record: String? {
        if case .object(let members) = self {
            members["__metadata__"]?.string("renorm.checkpoint")
        } else {
            nil
        }
    }

    /// A header of a checkpoint with another record.
    fileprivate func replacing(record: String) -> JSONValue {
        guard case .object(var members) = self, case .object(var metadata) = members["__metadata__"] else {
            return self
        }
        metadata["renorm.checkpoint"] = .string(record)
        members["__metadata__"] = .object(metadata)
        return .object(members)
    }
}

/// Safetensors files of any origin, and as the values that a network starts from.
struct TensorReader: Reader {
    let name = "safetensors"

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        let seed = random.one(of: [
            "types.safetensors", "batch/model.safetensors", "automatic/last.safetensors",
        ])
        try TensorMutation.mutated(seeds.bytes(seed), &random).write(to: folder, "file.safetensors")
    }

    func read(_ folder: URL) async throws {
        let file = try VariablesFile(reading: folder.appendingPathComponent("file.safetensors"))
        for array in file.arrays.values {
            _ = array.description
            _ = array.shape.strides
            _ = array.transposed(Array((0..<array.shape.rank).reversed()))
        }
        // What is no checkpoint has been read by then.
        guard file.arrays["u8"] == nil else { return }
        var model = try Seeds.trainer(0, in: folder, steps: 2).model
        try model.load(file, except: ["fc"])
        _ = try model.graph(batch: 1)
    }
}

/// Checkpoints, of which predictions are made and with which images are evaluated.
struct CheckpointReader: Reader {
    let name = "checkpoint"

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        let run = random.one(of: Seeds.runs.map(\.name))
        let file = random.one(of: ["model", "last", "best"])
        try TensorMutation.mutated(seeds.bytes("\(run)/\(file).safetensors"), &random)
            .write(to: folder, "model.safetensors")
    }

    func read(_ folder: URL) async throws {
        let trained = try TrainedModel(reading: RunFolder(folder).chosen())
        // Slow, but no fault.
        guard trained.model.input.elementCount <= 1 << 16 else { return }
        let image = NDArray(zeros: TensorShape([1] + trained.model.input.dimensions), type: .u8)
        let engine = ReferenceEngine()
        let probabilities = try Predictor(trained, engine: engine).probabilities(of: image)[0]
        for index in probabilities.indices { _ = trained.classNames[index] }
        for statistics in Phase.Statistics.allCases {
            let evaluator = Evaluator(engine, options: EvaluationOptions(statistics: statistics))
            _ = try await evaluator.evaluate(trained, on: Seeds.dataset(9, "test"))
        }
    }
}

/// Statistics of the source, with which a network adapts to a stream.
struct SourceStatisticsReader: Reader {
    let name = "source-statistics"

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        var bytes = try seeds.bytes("source-statistics.safetensors")
        if random.happens(onceIn: 3) {
            // Values alone: most of these are numbers like others.
            bytes[bytes.count - 1 - random.integer(below: 400)] ^= UInt8(1 + random.integer(below: 255))
        } else {
            bytes = try TensorMutation.mutated(bytes, &random)
        }
        try bytes.write(to: folder, "file.safetensors")
    }

    func read(_ folder: URL) async throws {
        let arrays = try NamedArrays(reading: folder.appendingPathComponent("file.safetensors"))
        let adapter = try StreamAdapter(
            Seeds.streamed(), source: SourceStatistics(arrays), engine: ReferenceEngine())
        _ = try adapter.predict(NDArray(zeros: [2, 8, 8, 1]))
    }
}

/// Checkpoints that training goes on from.
struct ResumptionReader: Reader {
    let name = "resumption"
    let share = 500

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        let run = random.integer(below: Seeds.runs.count)
        for file in ["last.safetensors", "best.safetensors"] {
            var bytes = try seeds.bytes("\(Seeds.runs[run].name)/\(file)")
            if file.hasPrefix("last") || random.happens(onceIn: 2) {
                bytes = try TensorMutation.mutated(bytes, &random)
            }
            try bytes.write(to: folder, file)
        }
        try [UInt8(run)].write(to: folder, "run")
    }

    func read(_ folder: URL) async throws {
        let run = try Data(contentsOf: folder.appendingPathComponent("run"))[0]
        try await Seeds.trainer(Int(run), in: folder, steps: 4, resumes: true).run()
    }
}
