// Ten training steps of a small network with batch renormalization, without the training loop: what a step is made of.
// Run it with: swift run -c release TenSteps

import Renorm

@main
struct TenSteps {
    static func main() throws {
        let (images, _) = try Dataset.fashionMNIST()
        let model = try Model(
            Small(classes: 10, width: 0.5, normalization: Normalization(.batchRenorm)), input: [28, 28, 1])
        let step = try TrainingGraph(
            model, batch: 32, options: TrainingOptions(learningRate: .constant(0.05)))

        let engine = try OneDNNEngine()
        let store = try engine.makeStore(step.initialState(of: model))
        let executable = try engine.compile(step.graph)

        let sampler = try BatchSampler(.shuffled, dataset: images, batchSize: 32, seed: 1)
        let batches = try BatchLoader(
            dataset: images, scaling: InputScaling(of: images), sampler: sampler, to: 10)
        while let batch = try batches.next() {
            let results = try executable.run(
                ["images": batch.images, "labels": batch.labels], step: batch.step, on: store)
            print("step \(batch.step + 1)  loss \(results["loss"]!.floats[0])")
        }
        print("running mean of conv1's output: \(try store.read("bn1.running_mean"))")
    }
}
