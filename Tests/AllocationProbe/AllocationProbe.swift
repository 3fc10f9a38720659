// Makes training steps and prints, as JSON, what was allocated in five of them after the first three (of every buffer of
// the loader's ring, one has then been used). A program of its own, because its malloc counts what every thread does.

import AllocationCounter
import Foundation
import Renorm

/// What was allocated.
private struct Report: Encodable {
    var isCounted = allocations_are_counted != 0
    /// By this package's code, and Swift's and Foundation's on its behalf.
    var ours = 0
    /// By oneDNN and the OpenMP runtime.
    var others = 0
    /// Of 4 KiB or more, by anyone.
    var large = 0
    /// What oneDNN computes with.
    var instructionSet: String
    /// The first few of ours or large ones: bytes, and who called.
    var examples: [String] = []

    init(_ count: Int, _ instructionSet: String) {
        self.instructionSet = instructionSet
        for index in 0..<count {
            guard let entry = counted_allocation(index)?.pointee else {
                ours += 1
                continue
            }
            let callers = withUnsafeBytes(of: entry.callers) {
                Array($0.bindMemory(to: UnsafeMutableRawPointer?.self).prefix(Int(entry.depth)))
            }
            let isOurs = Report.isOurs(callers)
            if isOurs { ours += 1 } else { others += 1 }
            if entry.byte_count >= 4096 { large += 1 }
            if isOurs || entry.byte_count >= 4096, examples.count < 12 {
                let names = callers.map { Report.name($0) }
                examples.append("\(entry.byte_count) bytes: \(names.joined(separator: " < "))")
            }
        }
    }

    /// Whether the nearest caller outside the C and C++ libraries is neither oneDNN nor the OpenMP runtime.
    private static func isOurs(_ callers: [UnsafeMutableRawPointer?]) -> Bool {
        for caller in callers {
            let object = object_of_address(caller).map { String(cString: $0) } ?? ""
            if ["libdnnl", "libgomp", "libomp", "libiomp"].contains(where: object.contains) { return false }
            if ["libc.so", "libstdc++", "libc++"].contains(where: object.contains) { continue }
            return true
        }
        return true
    }

    private static func name(_ address: UnsafeMutableRawPointer?) -> String {
        if let symbol = symbol_of_address(address) { return String(cString: symbol) }
        let object = object_of_address(address).map { String(cString: $0) } ?? "?"
        return URL(fileURLWithPath: object).lastPathComponent
    }
}

@main
struct AllocationProbe {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let batch = Int(arguments[2]), let accumulation = Int(arguments[3]) else {
            throw CocoaError(.fileNoSuchFile)
        }
        let count = 64 * batch
        let pixels = (0..<count * 28 * 28).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let dataset = try Dataset(
            name: "probe", images: NDArray(pixels, shape: [count, 28, 28, 1]),
            labels: (0..<count).map { Int32($0 % 10) }, classNames: (0..<10).map { "\($0)" })
        let model = try Architecture(
            name: arguments[1], classes: 10, input: [28, 28, 1],
            normalization: Normalization(.batchRenorm(.limits(.forRun(of: 10))))
        ).makeModel(seed: 0)
        let graph = try TrainingGraph(
            model, batch: batch, accumulation: accumulation,
            options: TrainingOptions(
                learningRate: .cosine(from: 0.01, steps: 100), weightDecay: 5e-4, clipNorm: 5,
                parameterAveragingRate: 0.01))
        let engine = try OneDNNEngine(threads: 2)
        let store = try engine.makeStore(graph.initialState(of: model))
        let step = try TrainingStep(graph, on: engine)
        let loader = try BatchLoader(
            dataset: dataset, scaling: InputScaling(of: dataset), augmentation: .standard,
            sampler: BatchSampler(
                .shuffled, dataset: dataset, batchSize: batch * accumulation, seed: 0),
            parts: accumulation)
        for number in 0..<3 { _ = try step.run(loader, step: number, on: store) }
        start_counting_allocations()
        for number in 3..<8 { _ = try step.run(loader, step: number, on: store) }
        let report = Report(stop_counting_allocations(), engine.description.instructionSet)
        FileHandle.standardOutput.write(Data((try JSONCoder.encode(report) + "\n").utf8))
    }
}
