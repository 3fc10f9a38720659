// Keeps one training step warm and times it on request, so that a driver can take turns with another program exactly.
// It speaks the protocol of peers/pytorch_small.py: one line {"ready": …}, then one JSON line for each "run K" read.
// The images are synthetic; a step is everything from the batch in memory to the updated parameters.

import Foundation
import Renorm

@main
struct StepServer {
    static func main() throws {
        let options = Options(CommandLine.arguments.dropFirst())
        let architecture = Architecture(
            name: options["model"] ?? "small", classes: 10, input: [28, 28, 1],
            normalization: Normalization(NormalizationKind(options["norm"] ?? "batch-renorm") ?? .batchRenorm)
        )
        let batch = Int(options["batch"] ?? "64") ?? 64
        let model = try architecture.makeModel(seed: 0)
        let step = try TrainingGraph(
            model, batch: batch,
            options: TrainingOptions(learningRate: .constant(0.05), weightDecay: 5e-4))
        let engine = try OneDNNEngine(threads: Int(options["threads"] ?? "2"))
        let store = try engine.makeStore(step.initialState(of: model))
        let executable = try engine.compile(step.graph)

        var random = Random(seed: 0, stream: "images")
        let shape = TensorShape([batch] + architecture.input.dimensions)
        let images = NDArray((0..<shape.elementCount).map { _ in Float(random.normal()) }, shape: shape)
        let labels = NDArray((0..<batch).map { _ in Int32(random.integer(below: 10)) }, shape: [batch])

        var results: [NDArray] = []
        var count = 0
        func run(_ steps: Int) throws -> Double {
            let start = ContinuousClock.now
            for _ in 0..<steps {
                try executable.run([images, labels], step: count, on: store, into: &results)
                count += 1
            }
            return (ContinuousClock.now - start) / .seconds(1)
        }
        _ = try run(20)

        say(
            #"{"ready": true, "program": "renorm", "network": "\#(architecture.name)", "normalization": "#
                + #""\#(architecture.normalization.kind)", "batch": \#(batch), "threads": \#(engine.description.threads)}"#
        )
        while let line = readLine(), line != "quit" {
            let words = line.split(separator: " ")
            guard words.count == 2, words[0] == "run", let steps = Int(words[1]), steps > 0 else {
                say(#"{"error": "expected 'run K' or 'quit'"}"#)
                continue
            }
            let seconds = try run(steps)
            say(
                #"{"steps": \#(steps), "seconds": \#(seconds), "ms_per_step": \#(1000 * seconds / Double(steps))}"#
            )
        }
    }

    private static func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }
}

/// Options as `--name value` pairs.
private struct Options {
    private var values: [String: String] = [:]

    init(_ arguments: ArraySlice<String>) {
        var rest = Array(arguments)
        while rest.count >= 2 {
            values[String(rest[0].drop { $0 == "-" })] = rest[1]
            rest.removeFirst(2)
        }
    }

    subscript(name: String) -> String? { values[name] }
}
