import RenormArrays
import RenormEngines
import RenormGraphs

/// What is learned of each batch by gradients of the entropy of predictions: γ and β of all normalizations.
public enum StreamLearning: Sendable, Hashable {
    /// A step of Adam down the mean entropy.
    case entropy(rate: Double)
    /// A step of gradient descent with momentum 0.9 down the mean entropy of images below `margin`·log K, with the gradient at the
    /// place a `radius` away where it is higher; from the beginning again where the average of entropies falls below `reset`.
    case sharpnessAware(rate: Double, margin: Double, radius: Double, reset: Double)
}

/// The graphs of a method for batches of one size.
struct StreamGraphs {
    /// What every batch goes through: input `images`, results `logits` and `features`.
    var forward: GraphRunner
    /// What comes after it, where there is a second step.
    var second: GraphRunner?
    /// The variables that runs change, with what they begin as where the network does not say.
    var changed: Variables
}

/// Adds what is learned of a batch to its graph.
struct LearningTrace {
    let builder: GraphBuilder
    let logits: Tensor
    /// Where γ and β are.
    let parameters: [String]

    private var variables = Variables()

    init(_ builder: GraphBuilder, logits: Tensor, parameters: [String]) {
        self.builder = builder
        self.logits = logits
        self.parameters = parameters
    }

    /// The variables that were made for it, which begin as 0.
    var made: Variables { variables }

    /// The entropy of each image's probabilities `[N]`.
    func entropies() throws -> Tensor {
        let rows = logits.shape[0]
        let shifted =
            try logits - logits.reduce(.maximum, axes: [1]).reshaped(to: [rows, 1]).stoppingGradient()
        let logarithm = try shifted.exponential().sum(axes: [1]).logarithm().reshaped(to: [rows, 1])
        let logs = try shifted - logarithm
        return try -(logs.exponential() * logs).sum(axes: [1])
    }

    mutating func slot(_ name: String, _ path: String, shape: TensorShape) throws -> (
        path: String, value: Tensor
    ) {
        let place = "stream.\(name)\(path.isEmpty ? "" : ".")\(path)"
        let specification = VariableSpecification(
            path: place, kind: .slot, shape: shape, initializer: .constant(0))
        variables[place] = Variable(kind: .slot, value: NDArray(zeros: shape))
        return (place, try builder.variable(specification))
    }

    private func update(_ path: String, to value: Tensor) throws {
        try builder.within(part: .update) { try builder.update(path, to: value) }
    }

    private func gradients(of loss: Tensor) throws -> [(path: String, value: Tensor, gradient: Tensor)] {
        let values = try parameters.map { try builder.variable(at: $0) }
        return zip(parameters, zip(values, try builder.gradients(of: loss, for: values))).map {
            ($0, $1.0, $1.1)
        }
    }

    /// Adam's step with β = (0.9, 0.999), ε = 1e-8.
    mutating func stepDown(rate: Double) throws {
        let all = try gradients(of: entropies().mean())
        let count = try slot("count", "", shape: [])
        let steps = try count.value + 1
        try update(count.path, to: steps)
        func correction(_ beta: Double) throws -> Tensor {
            try 1 - builder.constant(beta).power(steps)
        }
        for (path, value, gradient) in all {
            let first = try slot("first_moment", path, shape: value.shape)
            let second = try slot("second_moment", path, shape: value.shape)
            let m = try first.value * 0.9 + gradient * 0.1
            let v = try second.value * 0.999 + gradient.squared() * 0.001
            try update(first.path, to: m)
            try update(second.path, to: v)
            let denominator = try (v / correction(0.999)).squareRoot() + 1e-8
            try update(path, to: value - m / correction(0.9) / denominator * rate)
        }
    }

    /// The mean entropy of images that count.
    private func mean(of entropies: Tensor, where counts: Tensor) throws -> Tensor {
        try (entropies * counts).sum() / counts.sum().maximum(builder.constant(1))
    }

    /// Goes to where entropy is higher, and keeps where it was. Fetches `reliable` `[N]`, the images that count.
    mutating func stepAway(margin: Double, radius: Double) throws {
        let entropies = try entropies()
        let reliable = try entropies.compare(.less, builder.constant(margin)).stoppingGradient()
        builder.fetch(reliable, as: "reliable")
        let all = try gradients(of: mean(of: entropies, where: reliable))
        let norm = try all.map { try $0.gradient.squared().sum() }.reduce(builder.constant(0)) { try $0 + $1 }
            .squareRoot()
        for (path, value, gradient) in all {
            let kept = try slot("kept", path, shape: value.shape)
            try update(kept.path, to: value)
            try update(path, to: value + gradient * (radius / (norm + 1e-12)))
        }
    }

    /// Takes the gradient there and a step from where it was. Fetches `entropy`, the average so far, 0 where none was counted.
    mutating func stepBack(rate: Double, margin: Double) throws {
        let entropies = try entropies()
        let reliable = builder.input("reliable", shape: [logits.shape[0]])
        let counts = try (entropies.compare(.less, builder.constant(margin)) * reliable).stoppingGradient()
        let loss = try mean(of: entropies, where: counts)
        let average = try slot("entropy", "", shape: [])
        let isFirst = try average.value.compare(.equal, builder.constant(0))
        let moved = try isFirst.select(loss, average.value * 0.9 + loss * 0.1)
        let new = try counts.sum().compare(.greater, builder.constant(0)).select(moved, average.value)
        try update(average.path, to: new)
        builder.fetch(new, as: "entropy")
        for (path, value, gradient) in try gradients(of: loss) {
            let kept = try slot("kept", path, shape: value.shape)
            let momentum = try slot("momentum", path, shape: value.shape)
            let velocity = try momentum.value * 0.9 + gradient
            try update(momentum.path, to: velocity)
            try update(path, to: kept.value - velocity * rate)
        }
    }
}
