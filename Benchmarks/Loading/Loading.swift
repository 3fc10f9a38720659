// What reading costs: training steps on Fashion-MNIST or photographs whose batches come from the prefetch thread, as `renorm train` reads
// them (drawn, augmented, scaled), against steps on one batch that is fed again and again. The two take turns in one
// process, a block of steps each; while the same batch is fed the thread sleeps on its full ring.
//
//     swift run -c release Loading [--network resnet18] [--batch 4] [--steps 200] [--block 10] [--threads 2]
//         [--pictures DIR [--size 224] [--cache memory]] [--augment TEXT] [--precision bf16] [--workers 1]
//
// It prints one JSON line: medians of a step's milliseconds over the blocks, their ratio, and how long steps waited for
// their batch. `--network small --batch 64 --steps 859` is an epoch of `make train`'s network. `--network none` makes no
// steps: it prints how many microseconds of the processors' time a batch takes. `--serve` makes none either: it takes batches of
// photographs by --threads workers when it is told to (Reading).

import Foundation
import Renorm
import Serving

@main
struct Loading {
    static func main() throws {
        let options = try Options(CommandLine.arguments.dropFirst(), names: Options.names)
        if options.has("serve") { return Conversation.hold { try Reading(options) } }
        let network = options["network"] ?? "resnet18"
        let batch = try options.number("batch", default: 4)
        let steps = try options.number("steps", default: 200)
        let block = try options.number("block", default: 10)

        let training = try options.dataset()
        if network == "none" { return try alone(training, batch: batch, blocks: steps / block, block: block) }
        let precision = try options.choice("precision", default: Precision.f32)
        let architecture = Architecture(
            name: network, stem: training.height > 64 ? .imagenet : .cifar, classes: training.classCount,
            input: [training.height, training.width, training.channels],
            normalization: Normalization(.batchRenorm))
        let model = try architecture.makeModel(seed: 0)
        let graph = try TrainingGraph(
            model, batch: batch,
            options: TrainingOptions(
                learningRate: .constant(0.001), weightDecay: 5e-4, precision: precision))
        let engine = try OneDNNEngine(threads: options.number("threads", default: 2))
        let store = try engine.makeStore(graph.initialState(of: model))
        let step = try engine.compile(graph.graph)
        let loader = try BatchLoader(
            dataset: training, scaling: options.scaling(of: training), augmentation: options.augmentation(),
            sampler: BatchSampler(.shuffled, dataset: training, batchSize: batch, seed: 0), seed: 0,
            workers: options.number("workers", default: 1))
        guard let same = try loader.next() else { return }

        var count = 0
        func run(_ batch: Batch) throws {
            try step.run([batch.images, batch.labels], step: count, on: store)
            count += 1
        }
        var waits: [Double] = []
        func readingBlock() throws {
            for _ in 0..<block {
                let start = ContinuousClock.now
                guard let batch = try loader.next() else { return }
                waits.append((ContinuousClock.now - start) / .milliseconds(1))
                try run(batch)
            }
        }
        func sameBlock() throws { for _ in 0..<block { try run(same) } }
        func time(_ body: () throws -> Void) rethrows -> Double {
            let start = ContinuousClock.now
            try body()
            return (ContinuousClock.now - start) / .milliseconds(1) / Double(block)
        }

        try sameBlock()
        try readingBlock()
        waits = []
        var (reading, without): ([Double], [Double]) = ([], [])
        for turn in 0..<max(steps / block, 1) {
            // Whoever goes first in a turn goes second in the next, so that a slow drift favours nobody.
            if turn % 2 == 0 {
                reading.append(try time(readingBlock))
                without.append(try time(sameBlock))
            } else {
                without.append(try time(sameBlock))
                reading.append(try time(readingBlock))
            }
        }
        let report = Report(
            network: network, precision: precision.rawValue, batch: batch,
            threads: engine.description.threads, steps: waits.count,
            readingMilliseconds: median(reading), sameBatchMilliseconds: median(without),
            ratio: median(reading) / median(without),
            readingSeconds: reading.reduce(0, +) * Double(block) / 1000,
            sameBatchSeconds: without.reduce(0, +) * Double(block) / 1000,
            waitedMillisecondsAStep: waits.reduce(0, +) / Double(waits.count),
            longestWaitMilliseconds: waits.max() ?? 0)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        FileHandle.standardOutput.write(try encoder.encode(report) + Data("\n".utf8))
    }

    /// Batches taken as fast as they come: microseconds of the processors, which a busy machine changes little.
    private static func alone(_ training: Dataset, batch: Int, blocks: Int, block: Int) throws {
        for augmentation in [Augmentation.none, .standard] {
            let loader = try BatchLoader(
                dataset: training, scaling: InputScaling(of: training), augmentation: augmentation,
                sampler: BatchSampler(.shuffled, dataset: training, batchSize: batch, seed: 0), seed: 0)
            var times: [Double] = []
            for _ in 0..<blocks {
                let start = clock()
                for _ in 0..<block { _ = try loader.next() }
                times.append(Double(clock() - start) * 1e6 / Double(CLOCKS_PER_SEC) / Double(block))
            }
            print("batch \(batch), augmentation \(augmentation): \(median(times)) microseconds a batch")
        }
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}

/// What the program prints.
private struct Report: Encodable {
    var network: String
    var precision: String
    var batch: Int
    var threads: Int
    /// Steps of each kind.
    var steps: Int
    /// A step whose batch is read, its wait for the batch included, and one on the same batch: medians over blocks.
    var readingMilliseconds: Double
    var sameBatchMilliseconds: Double
    var ratio: Double
    /// All steps of a kind together.
    var readingSeconds: Double
    var sameBatchSeconds: Double
    var waitedMillisecondsAStep: Double
    var longestWaitMilliseconds: Double
}
