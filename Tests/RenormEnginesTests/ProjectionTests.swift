import RenormEngines
import RenormTestSupport
import Testing

/// A normalization y = γ·((x − m)/σ·r + d) + β with constant r and d, and which values share the moments m and σ.
private struct Standardization: Sendable, CustomTestStringConvertible {
    var shape: TensorShape
    var groups: Int
    var channelGroups: Int
    var epsilon = 1e-5
    var r = 1.0
    var d = 0.0
    var mean = 0.0

    var testDescription: String {
        "\(shape), \(groups) groups of examples, \(channelGroups) of channels, ε \(epsilon), r \(r), d \(d), mean \(mean)"
    }

    /// Batch: each channel for itself, one or two groups of examples. Layer, group and instance: each example for
    /// itself, with 1, 2 and as many groups of channels as channels.
    static let all: [Standardization] = [
        Standardization(shape: [4, 3, 3, 5], groups: 1, channelGroups: 5),
        Standardization(shape: [4, 3, 3, 5], groups: 2, channelGroups: 5, epsilon: 0.1),
        Standardization(shape: [4, 3, 3, 5], groups: 2, channelGroups: 5, r: 1.4, d: -0.6),
        Standardization(shape: [6, 1, 1, 3], groups: 3, channelGroups: 3, epsilon: 0.01),
        Standardization(shape: [2, 3, 4, 17], groups: 1, channelGroups: 17, mean: 30),
        Standardization(shape: [3, 3, 3, 6], groups: 3, channelGroups: 1),
        Standardization(shape: [3, 3, 3, 6], groups: 3, channelGroups: 2, epsilon: 0.1),
        Standardization(shape: [3, 3, 3, 6], groups: 3, channelGroups: 3),
        Standardization(shape: [3, 3, 3, 6], groups: 3, channelGroups: 6),
        Standardization(shape: [1, 4, 4, 4], groups: 1, channelGroups: 1, mean: 30),
    ]

    var x: NDArray { randomArray(shape, mean: mean) }
    var gamma: NDArray { randomArray([groups, shape[3]], seed: 2, mean: 1, deviation: 0.5) }
    var beta: NDArray { randomArray([groups, shape[3]], seed: 3) }

    /// The moments `[G, C]`, ε inside the variance, equal within a group of channels.
    func moments(_ x: Tensor) throws -> (mean: Tensor, variance: Tensor) {
        let (means, variances) = try x.moments(groups: groups)
        let (channels, grouped) = (shape[3], TensorShape([groups, channelGroups, shape[3] / channelGroups]))
        func overGroup(_ vector: Tensor) throws -> Tensor {
            try vector.reshaped(to: grouped).mean(axes: [2]).reshaped(to: [groups, channelGroups, 1])
                .broadcast(to: grouped).reshaped(to: [groups, channels])
        }
        let mean = try overGroup(means)
        let variance = try overGroup(variances + (means - mean).squared())
        return (mean, try variance + epsilon)
    }

    /// The result by moments that are differentiated like everything else.
    func differentiated(_ arguments: [Tensor]) throws -> Tensor {
        let (mean, variance) = try moments(arguments[0])
        let (scale, shift) = try vectors(arguments, variance)
        return try arguments[0].affine(mean: mean, scale: scale, shift: shift)
    }

    /// The result by moments that are constants, with the projection that accounts for them.
    func projected(_ arguments: [Tensor]) throws -> Tensor {
        let (mean, variance) = try moments(arguments[0].stoppingGradient())
        let (scale, shift) = try vectors(arguments, variance)
        return try arguments[0].affine(
            mean: mean, scale: scale, shift: shift, projecting: (variance, channelGroups))
    }

    private func vectors(_ arguments: [Tensor], _ variance: Tensor) throws -> (scale: Tensor, shift: Tensor) {
        (try arguments[1] * r / variance.squareRoot(), try arguments[1] * d + arguments[2])
    }

    /// What an evaluation in f64 gives for a way to compute it: `y`, `gradient 0` (x), `1` (γ), `2` (β), `mean`,
    /// `variance`.
    func results(
        _ way: ([Tensor]) throws -> Tensor
    ) throws -> [String: NDArray] {
        let builder = GraphBuilder()
        let arrays = ["x": x, "gamma": gamma, "beta": beta]
        let arguments = ["x", "gamma", "beta"].map { builder.input($0, shape: arrays[$0]!.shape) }
        let y = try way(arguments)
        let loss = try (y * builder.input("dy", shape: shape)).sum()
        for (index, gradient) in try builder.gradients(of: loss, for: arguments).enumerated() {
            builder.fetch(gradient, as: "gradient \(index)")
        }
        let (mean, variance) = try moments(arguments[0])
        builder.fetch(y, as: "y")
        builder.fetch(mean, as: "mean")
        builder.fetch(variance, as: "variance")
        let engine = ReferenceEngine(precision: .f64)
        return try engine.compile(builder.graph).run(
            arrays.merging(["dy": dy]) { $1 }, on: engine.makeStore(Variables()))
    }

    var dy: NDArray { randomArray(shape, seed: 4) }
}

@Suite struct ProjectionTests {
    @Test(arguments: Standardization.all)
    private func `is the backward pass of a normalization by its own moments`(_ norm: Standardization) throws
    {
        let expected = try norm.results(norm.differentiated)
        let found = try norm.results(norm.projected)
        for name in ["y", "gradient 0", "gradient 1", "gradient 2"] {
            #expect(
                mismatch(found[name]!, expected[name]!, tolerance: 1e-10, absolute: 1e-12, of: name) == nil)
        }
    }

    @Test(arguments: Standardization.all)
    private func `differentiated moments agree with central differences`(_ norm: Standardization) throws {
        let problem = try gradientMismatch(at: [norm.x, norm.gamma, norm.beta], norm.differentiated)
        #expect(problem == nil)
    }

    /// Σ dx = 0 and Σ x·dx = r·(ε/σ²)·Σ g·x̂ with g = γ·dy and x̂ = (x − m)/σ, over the values that share moments.
    @Test(arguments: Standardization.all)
    private func `the gradient sums up to what the projection leaves`(_ norm: Standardization) throws {
        let results = try norm.results(norm.projected)
        let (x, dx, dy) = (norm.x.doubles, results["gradient 0"]!.doubles, norm.dy.doubles)
        let (means, variances) = (results["mean"]!.doubles, results["variance"]!.doubles)
        let (channels, gamma) = (norm.shape[3], norm.gamma.doubles)
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

    @Test func `one value per channel passes no gradient on`() throws {
        let norm = Standardization(shape: [1, 1, 1, 4], groups: 1, channelGroups: 4, r: 3, d: 0.5)
        let results = try norm.results(norm.projected)
        #expect(results["gradient 0"]!.doubles == [0, 0, 0, 0])
        #expect(
            mismatch(
                results["y"]!,
                NDArray(
                    zip(norm.gamma.doubles, norm.beta.doubles).map { $0 * 0.5 + $1 }, shape: [1, 1, 1, 4]),
                tolerance: 1e-15) == nil)
    }
}
