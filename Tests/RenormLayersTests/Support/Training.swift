import Renorm
import RenormTestSupport

/// A model after some steps of stochastic gradient descent on random images of four classes, its variables in the engine's precision.
func trained(
    _ model: Model, steps: Int, batch: Int = 8, engine: any Engine = ReferenceEngine(precision: .f64)
) throws -> Model {
    let graph = try TrainingGraph(
        model, batch: batch, options: TrainingOptions(learningRate: .constant(0.05), weightDecay: 0.001))
    let store = try engine.makeStore(graph.initialState(of: model))
    let step = try engine.compile(graph.graph)
    for number in 0..<steps {
        let images = randomArray(
            TensorShape([batch] + model.input.dimensions), seed: UInt64(100 + number), type: .f32)
        let labels = randomLabels(batch, classes: 4, seed: UInt64(number))
        _ = try step.run(["images": images, "labels": labels], step: number, on: store)
    }
    var result = model
    let state = try store.read()
    result.variables = result.variables.mapValues { path, old in state[path] ?? old }
    return result
}
