// Runs training steps and prints the peak of memory that was planned and the one that was there, in bytes: what the
// process holds at most, less what it held before the step was compiled. A process of its own, because the system counts
// memory by process.

import Foundation
import Renorm

@main
struct MemoryProbe {
    static func main() throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count >= 4, let side = Int(arguments[1]), let batch = Int(arguments[2]),
            let memory = MemoryUse(rawValue: arguments[3])
        else {
            print("found \(arguments); expected MODEL SIDE BATCH fast|small [recompute]. Give these.")
            exit(2)
        }
        let architecture = Architecture(
            name: arguments[0], stem: .imagenet, classes: 1000, input: [side, side, 3],
            normalization: Normalization(.batch))
        let model = try architecture.makeModel(seed: 0)
        let step = try TrainingGraph(
            model, batch: batch,
            options: TrainingOptions(
                optimizer: .sgd(momentum: 0.9, nesterov: true), learningRate: .constant(0.05),
                weightDecay: 5e-4, memory: memory, recomputes: arguments.contains("recompute")))
        let state = step.initialState(of: model)
        let images = NDArray(
            [Float](repeating: 0.5, count: batch * side * side * 3), shape: [batch, side, side, 3])
        let labels = NDArray((0..<batch).map { Int32($0) }, shape: [batch])
        let engine = try OneDNNEngine(threads: 2)

        // The peak begins anew where the system lets a process reset it.
        try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
        let before = field("VmRSS")
        let store = try engine.makeStore(state)
        let executable = try engine.compile(step.graph)
        let clock = ContinuousClock()
        var times: [Double] = []
        for count in 0..<(arguments.contains("timed") ? 8 : 2) {
            let time = try clock.measure {
                try executable.run([images, labels], step: count, on: store)
            }
            times.append(time / .milliseconds(1))
        }
        let planned = executable.plannedMemory
        print(
            #"{"planned": \#(planned.total), "variables": \#(planned.variables), "activations": \#(planned.activations), "#
                + #""real": \#(field("VmHWM") - before), "milliseconds": \#(times.min()!)}"#)
    }

    private static func field(_ name: String) -> Int {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("\(name):") })
        else { return 0 }
        return (Int(line.split(whereSeparator: \.isWhitespace)[1]) ?? 0) * 1024
    }
}
