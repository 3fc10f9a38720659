// One word between a network that works and one that does not: batches whose groups of 8 images show one class each,
// normalized group by group, as with one camera or one patient after another. Batch normalization learns to read the
// class off the group's moments, which inference does not have; batch renormalization does not.
// Run it with: swift run -c release OneWord [STEPS]

import Renorm

@main
struct OneWord {
    static func main() async throws {
        let steps = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 600
        let (images, test) = try Dataset.fashionMNIST()
        for kind: any NormalizationKind in [.batch, .batchRenorm] {
            var normalization = Normalization(kind)
            normalization.examples = 8
            let model = try Model(
                Small(classes: 10, width: 0.5, normalization: normalization), input: [28, 28, 1])
            let trainer = Trainer(
                model: model,
                configuration: TrainingConfiguration(
                    options: TrainingOptions(learningRate: .cosine(from: 0.05, steps: steps)), steps: steps,
                    batchSize: 32, sampling: .labelBlocks(labels: 1, each: 8)),
                engine: try OneDNNEngine(), training: images, test: test)
            for try await event in trainer.events {
                if case .finished(let summary) = event, let result = summary.test {
                    print("\(kind.word): \(result.accuracy * 100) % of the test images right")
                }
            }
        }
    }
}
