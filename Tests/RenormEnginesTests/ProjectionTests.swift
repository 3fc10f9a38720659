import RenormArrays
import RenormEngines
import RenormGraphs
import RenormTestSupport
import Testing

/// A normalization and what it is tried on.
private struct Trial: Sendable, CustomTestStringConvertible {
    var shape: TensorShape
    var norm: Standardization
    var mean = 0.0

    init(_ shape: TensorShape, _ norm: Standardization, mean: Double = 0) {
        self.shape = shape
        self.norm = norm
        self.mean = mean
    }

    var testDescription: String {
        "\(shape), \(norm.groups) groups of examples, \(norm.channelGroups) of channels, "
            + "ε \(norm.epsilon), r \(norm.r), d \(norm.d), mean \(mean)"
    }

    /// Batch: each channel for itself, one or more groups of examples. Layer, group and instance: each example for
    /// itself, with 1, some and as many groups of channels as channels.
    static let all: [Trial] = [
        Trial([4, 3, 3, 5], Standardization(groups: 1, channelGroups: 5)),
        Trial([4, 3, 3, 5], Standardization(groups: 2, channelGroups: 5, epsilon: 0.1)),
        Trial([4, 3, 3, 5], Standardization(groups: 2, channelGroups: 5, r: 1.4, d: -0.6)),
        Trial([6, 1, 1, 3], Standardization(groups: 3, channelGroups: 3, epsilon: 0.01)),
        Trial([2, 3, 4, 17], Standardization(groups: 1, channelGroups: 17), mean: 30),
        Trial([3, 3, 3, 6], Standardization(groups: 3, channelGroups: 1)),
        Trial([3, 3, 3, 6], Standardization(groups: 3, channelGroups: 2, epsilon: 0.1)),
        Trial([3, 3, 3, 6], Standardization(groups: 3, channelGroups: 3)),
        Trial([3, 3, 3, 6], Standardization(groups: 3, channelGroups: 6)),
        Trial([1, 4, 4, 4], Standardization(groups: 1, channelGroups: 1), mean: 30),
    ]

    var x: NDArray { randomArray(shape, mean: mean) }
    var dy: NDArray { randomArray(shape, seed: 4) }
    var gamma: NDArray { randomArray([norm.groups, shape[3]], seed: 2, mean: 1, deviation: 0.5) }
    var beta: NDArray { randomArray([norm.groups, shape[3]], seed: 3) }

    /// What an evaluation in f64 gives for a way to compute it: `y`, `gradient 0` (x), `1` (γ), `2` (β), `mean`,
    /// `variance`.
    func results(
        _ way: (_ x: Tensor, _ gamma: Tensor, _ beta: Tensor) throws -> Tensor
    ) throws -> [String: NDArray] {
        let builder = GraphBuilder()
        let arrays = ["x": x, "gamma": gamma, "beta": beta]
        let arguments = ["x", "gamma", "beta"].map { builder.input($0, shape: arrays[$0]!.shape) }
        let y = try way(arguments[0], arguments[1], arguments[2])
        let loss = try (y * builder.input("dy", shape: shape)).sum()
        for (index, gradient) in try builder.gradients(of: loss, for: arguments).enumerated() {
            builder.fetch(gradient, as: "gradient \(index)")
        }
        let (mean, variance) = try norm.moments(of: arguments[0])
        builder.fetch(y, as: "y")
        builder.fetch(mean, as: "mean")
        builder.fetch(variance, as: "variance")
        let engine = ReferenceEngine(precision: .f64)
        return try engine.compile(builder.graph).run(
            arrays.merging(["dy": dy]) { $1 }, on: engine.makeStore(Variables()))
    }
}

@Suite struct ProjectionTests {
    @Test(arguments: Trial.all)
    private func isTheBackwardPassOfANormalizationByItsOwnMoments(_ trial: Trial) throws {
        let expected = try trial.results(trial.norm.differentiated)
        let found = try trial.results(trial.norm.projected)
        for name in ["y", "gradient 0", "gradient 1", "gradient 2"] {
            #expect(
                mismatch(found[name]!, expected[name]!, tolerance: 1e-10, absolute: 1e-12, of: name) == nil)
        }
    }

    @Test(arguments: Trial.all)
    private func differentiatedMomentsAgreeWithCentralDifferences(_ trial: Trial) throws {
        let problem = try gradientMismatch(at: [trial.x, trial.gamma, trial.beta]) {
            try trial.norm.differentiated($0[0], gamma: $0[1], beta: $0[2])
        }
        #expect(problem == nil)
    }

    /// Σ dx = 0 and Σ x·dx = r·(ε/σ²)·Σ g·x̂ with g = γ·dy and x̂ = (x − m)/σ, over the values that share moments.
    @Test(arguments: Trial.all)
    private func theGradientSumsUpToWhatTheProjectionLeaves(_ trial: Trial) throws {
        let results = try trial.results(trial.norm.projected)
        let (x, dx, dy) = (trial.x.doubles, results["gradient 0"]!.doubles, trial.dy.doubles)
        let (means, variances) = (results["mean"]!.doubles, results["variance"]!.doubles)
        let (channels, gamma) = (trial.shape[3], trial.gamma.doubles)
        let norm = trial.norm
        let sets = norm.groups * norm.channelGroups
        var (sums, products) = ([Double](repeating: 0, count: sets), [Double](repeating: 0, count: sets))
        var (expected, scale) = (products, 0.0)
        for index in x.indices {
            let group = index / (x.count / norm.groups)
            let channel = index % channels
            let vector = group * channels + channel
            let set = group * norm.channelGroups + channel / (channels / norm.channelGroups)
            let normalized = (x[index] - means[vector]) / variances[vector].squareRoot()
            sums[set] += dx[index]
            products[set] += x[index] * dx[index]
            expected[set] +=
                norm.r * norm.epsilon / variances[vector] * gamma[vector] * dy[index] * normalized
            scale += abs(x[index] * dx[index])
        }
        #expect(sums.allSatisfy { abs($0) < 1e-12 * dx.reduce(0) { $0 + abs($1) } })
        for set in 0..<sets { #expect(abs(products[set] - expected[set]) < 1e-12 * scale) }
        // Not vacuous: with a large ε the right side is far from 0.
        if norm.epsilon == 0.1 { #expect(expected.contains { abs($0) > 1e-3 * scale }) }
    }

    @Test func oneValuePerChannelPassesNoGradientOn() throws {
        let trial = Trial([1, 1, 1, 4], Standardization(groups: 1, channelGroups: 4, r: 3, d: 0.5))
        let results = try trial.results(trial.norm.projected)
        #expect(results["gradient 0"]!.doubles == [0, 0, 0, 0])
        #expect(
            mismatch(
                results["y"]!,
                NDArray(
                    zip(trial.gamma.doubles, trial.beta.doubles).map { $0 * 0.5 + $1 }, shape: [1, 1, 1, 4]),
                tolerance: 1e-15) == nil)
    }
}
