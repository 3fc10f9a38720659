import RenormArrays
import RenormGraphs

/// A normalization y = γ·((x − m)/σ·r + d) + β with constant r and d, made of operations, and which values share the
/// moments m and σ.
public struct Standardization: Sendable, Hashable {
    /// The number of groups of consecutive examples.
    public var groups: Int
    /// The number of runs of channels in each; as many as channels: each for itself.
    public var channelGroups: Int
    /// What is added to the variance.
    public var epsilon: Double
    /// The factor of the correction.
    public var r = 1.0
    /// The offset of the correction.
    public var d = 0.0

    /// Makes a normalization.
    public init(groups: Int, channelGroups: Int, epsilon: Double = 1e-5, r: Double = 1, d: Double = 0) {
        self.groups = groups
        self.channelGroups = channelGroups
        self.epsilon = epsilon
        self.r = r
        self.d = d
    }

    /// The moments `[G, C]`, ε inside the variance, equal within a group of channels.
    public func moments(of x: Tensor) throws -> (mean: Tensor, variance: Tensor) {
        let (means, variances) = try x.moments(groups: groups)
        let channels = x.shape[3]
        func overGroup(_ vector: Tensor) throws -> Tensor {
            let grouped: TensorShape = [groups, channelGroups, channels / channelGroups]
            return try vector.reshaped(to: grouped).mean(axes: [2]).reshaped(to: [groups, channelGroups, 1])
                .broadcast(to: grouped).reshaped(to: [groups, channels])
        }
        if channels == channelGroups { return (means, try variances + epsilon) }
        let mean = try overGroup(means)
        let variance = try overGroup(variances + (means - mean).squared())
        return (mean, try variance + epsilon)
    }

    /// The result by moments that are differentiated like everything else. γ and β are `[C]` or `[G, C]`.
    public func differentiated(_ x: Tensor, gamma: Tensor, beta: Tensor) throws -> Tensor {
        let (mean, variance) = try moments(of: x)
        let (scale, shift) = try vectors(gamma, beta, variance)
        return try x.affine(mean: mean, scale: scale, shift: shift)
    }

    /// The result by moments that are constants, with the projection that accounts for their dependence on x.
    public func projected(_ x: Tensor, gamma: Tensor, beta: Tensor) throws -> Tensor {
        let (mean, variance) = try moments(of: x.stoppingGradient())
        let (scale, shift) = try vectors(gamma, beta, variance)
        return try x.affine(
            mean: mean, scale: scale, shift: shift, projecting: (variance, channelGroups))
    }

    private func vectors(_ gamma: Tensor, _ beta: Tensor, _ variance: Tensor) throws -> (
        scale: Tensor, shift: Tensor
    ) {
        let shift = try (gamma * d + beta).broadcast(to: variance.shape)
        return (try gamma * r / variance.squareRoot(), shift)
    }
}
