// A batch of one: where a channel has a single value, that value is its own mean, and batch normalization gives β whatever
// the input is: with the usual β, zeros (footnote 9 of the post this project grew from). Batch renormalization gives what
// inference gives, but for the hundredth by which its averages move towards the input. Run it with: swift run -c release BatchOfOne

import Renorm

@main
struct BatchOfOne {
    static func main() throws {
        let engine = ReferenceEngine()
        for kind: any NormalizationKind in [.batch, .batchRenorm] {
            var model = try Model(Normalization(kind), input: [4], seed: 1)
            // Averages of a network that has seen data: mean 1, deviation 2.
            model.variables["running_mean"]?.value = NDArray([Float](repeating: 1, count: 4), shape: [4])
            let spread = kind is BatchNormalization ? "running_var" : "running_std"
            model.variables[spread]?.value = NDArray(
                [Float](repeating: kind is BatchNormalization ? 4 : 2, count: 4), shape: [4])
            // Their gain is unknown, so they are taken over with a small one.
            model.variables["num_batches_tracked"]?.value = NDArray(scalar: Int64(100))
            for input in [[0.0, 1, 3, 5], [9, 7, -5, -3]] {
                let x = NDArray(input.map { Float($0) }, shape: [1, 4])
                let trained = try run(model, on: x, phase: .training, engine)
                let deployed = try run(model, on: x, phase: .inference, engine)
                print("\(kind.word) of \(input): \(trained) in training, \(deployed) at inference")
            }
        }
    }

    static func run(_ model: Model, on x: NDArray, phase: Phase, _ engine: ReferenceEngine) throws -> [Double]
    {
        let builder = GraphBuilder()
        let input = builder.input("x", shape: x.shape)
        builder.fetch(try model.trace(input, on: builder, phase: phase).output, as: "y")
        let results = try engine.compile(builder.graph).run(
            ["x": x], on: engine.makeStore(model.variables))
        return results["y"]!.doubles.map { ($0 * 100).rounded() / 100 }
    }
}
