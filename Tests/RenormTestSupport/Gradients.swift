import RenormArrays
import RenormEngines
import RenormGraphs

/// `nil` if the gradients that `GraphBuilder.gradients` gives for a function agree with central differences in f64, else
/// a sentence that says where they differ most.
///
///     let problem = try gradientMismatch(at: [x, weight]) { try $0[0].convolution($0[1]) }
///     #expect(problem == nil)
///
/// The function's result is weighted with fixed random numbers and summed up, so that every part of its Jacobian
/// counts. Values should lie well away from kinks (ties of a maximum, zeros of a ReLU).
///
/// - Parameters:
///   - values: Where to differentiate: one array for each argument, fed as f64.
///   - labels: Arguments that come after those and are not differentiated (labels of i32).
///   - step: The distance, either way, of the central difference.
///   - tolerance: The largest difference allowed, as a fraction of the argument's largest gradient.
///   - samples: The number of elements of each argument to try, chosen at random where it has more.
public func gradientMismatch(
    at values: [NDArray], labels: [NDArray] = [], step: Double = 1e-5, tolerance: Double = 1e-6,
    samples: Int = 64, _ function: ([Tensor]) throws -> Tensor
) throws -> String? {
    let engine = ReferenceEngine(precision: .f64)
    let store = try engine.makeStore(Variables())
    let builder = GraphBuilder()
    var feeds = values.map { $0.converted(to: .f64) } + labels
    let arguments = feeds.enumerated().map { index, feed in
        builder.input("x\(index)", shape: feed.shape, type: feed.type == .f64 ? .f32 : feed.type)
    }
    let y = try function(arguments)
    feeds.append(randomArray(y.shape, seed: 77))
    let loss = try (y * builder.input("weights", shape: y.shape)).sum()
    builder.fetch(loss, as: "loss")
    let forward = try engine.compile(builder.graph)
    for (index, gradient) in try builder.gradients(of: loss, for: Array(arguments.prefix(values.count)))
        .enumerated()
    {
        builder.fetch(gradient, as: "gradient \(index)")
    }
    var results: [NDArray] = []
    try engine.compile(builder.graph).run(feeds, step: 0, on: store, into: &results)

    func lossValue(at feeds: [NDArray]) throws -> Double {
        var results: [NDArray] = []
        try forward.run(feeds, step: 0, on: store, into: &results)
        return results[0].doubles[0]
    }
    for (argument, value) in values.enumerated() {
        guard results[argument + 1].shape == value.shape else {
            return
                "gradient \(argument) has the shape \(results[argument + 1].shape); expected \(value.shape)"
        }
        let analytic = results[argument + 1].doubles
        let chosen = places(value.elementCount, atMost: samples)
        let numeric = try chosen.map { place in
            var (above, below) = (feeds, feeds)
            above[argument].withMutableValues(of: Double.self) { $0[place] += step }
            below[argument].withMutableValues(of: Double.self) { $0[place] -= step }
            return try (lossValue(at: above) - lossValue(at: below)) / (2 * step)
        }
        let found = NDArray(chosen.map { analytic[$0] }, shape: [chosen.count])
        let largest = analytic.map(abs).max() ?? 0
        let problem = mismatch(
            found, NDArray(numeric, shape: [chosen.count]), tolerance: 0,
            absolute: max(tolerance * largest, 1e-9),
            of: "gradient of argument \(argument) \(value.shape), samples")
        if let problem { return problem + ", elements \(chosen)" }
    }
    return nil
}

private func places(_ count: Int, atMost samples: Int) -> [Int] {
    var random = Random(seed: 5, stream: "places")
    return count <= samples ? Array(0..<count) : Array(random.permutation(count).prefix(samples)).sorted()
}
