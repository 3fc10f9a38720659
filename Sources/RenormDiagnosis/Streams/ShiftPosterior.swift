import RenormArrays
import RenormGraphs

/// The posterior mean of a shift that has been seen under noise, in the graph: an empirical Bayesian filter.
///
/// The shift is normal with mean 0 and variance P in every direction, where P is one of a few values, 0 among them with the probability
/// `absence`; the noise is normal with the covariance R = UΛUᵀ. With e′ = Uᵀe each P has the weight
///
///     w ∝ π · exp(t · log N(e′; 0, P + Λ))
///
/// and the mean is U · Σ w · P/(P + Λ) · e′. The exponent t tempers what a normal distribution says of its tails, which those of
/// images are not. Where few directions are known (a wide layer), the others have one variance in common.
package struct ShiftPosterior {
    /// The variances P that a shift may have.
    package static let grid = [0, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3.0]

    let grid: Tensor
    let prior: Tensor
    let tempering: Double

    /// The variables of the grid: P and the logarithms of their probabilities, `[1, J]`.
    package static func variables(absence: Double) -> [StreamVariable] {
        let others = grid.count - 1
        let logs = grid.map {
            Float($0 == 0 ? absence.naturalLog : ((1 - absence) / Double(others)).naturalLog)
        }
        return [
            StreamVariable("grid", fixed: NDArray(grid.map { Float($0) }, shape: [1, grid.count])),
            StreamVariable("prior", fixed: NDArray(logs, shape: [1, grid.count])),
        ]
    }

    init(_ layer: StreamLayer, tempering: Double) throws {
        self.init(grid: try layer.variable("grid"), prior: try layer.variable("prior"), tempering: tempering)
    }

    package init(grid: Tensor, prior: Tensor, tempering: Double) {
        self.grid = grid
        self.prior = prior
        self.tempering = tempering
    }

    /// Noise in known directions: an orthonormal basis `[D, k]`, variances `[k, 1]`, and that of all other directions.
    package struct Noise {
        var basis: Tensor
        var variances: Tensor
        var others: Tensor

        package init(basis: Tensor, variances: Tensor, others: Tensor) {
            self.basis = basis
            self.variances = variances
            self.others = others
        }

        /// The noise times a factor.
        func scaled(by factor: Tensor) throws -> Noise {
            Noise(basis: basis, variances: try variances * factor, others: try others * factor)
        }
    }

    /// The posterior mean of shifts seen as e `[N, D]`, and the probability `[N, 1]` that there is none.
    package func shift(_ e: Tensor, _ noise: Noise) throws -> (shift: Tensor, absence: Tensor) {
        let (dimensions, known) = (e.shape[1], noise.basis.shape[1])
        let turned = try e.matmul(noise.basis)
        let variances = try grid + noise.variances
        let squares = try turned.squared()
        var distances = try squares.matmul(1 / variances)
        var logarithms = try variances.logarithm().sum(axes: [0]).reshaped(to: grid.shape)
        let rest = try grid + noise.others
        if known < dimensions {
            let energy = try (e.squared().sum(axes: [1]) - squares.sum(axes: [1])).relu()
            distances = try distances + energy.reshaped(to: [e.shape[0], 1]) / rest
            logarithms = try logarithms + rest.logarithm() * Double(dimensions - known)
        }
        let weights = try weights(distances, logarithms)
        var gains = try weights.matmul(grid / variances, transposeRight: true)
        let absence = try weights.slice(starts: [0, 0], shape: [e.shape[0], 1])
        guard known < dimensions else {
            return (try (gains * turned).matmul(noise.basis, transposeRight: true), absence)
        }
        let others = try (weights * (grid / rest)).sum(axes: [1]).reshaped(to: [e.shape[0], 1])
        gains = try gains - others
        return (try (gains * turned).matmul(noise.basis, transposeRight: true) + e * others, absence)
    }

    /// The gains `[N, D]` of shifts seen as e `[N, D]` under independent noise of variances `[D, 1]`.
    ///
    /// - Parameter trust: The factor of the noise in the gains alone: less than 1 follows an image further.
    package func gains(_ e: Tensor, variances: Tensor, trust: Double) throws -> Tensor {
        let sums = try grid + variances
        let weights = try weights(
            e.squared().matmul(1 / sums), sums.logarithm().sum(axes: [0]).reshaped(to: grid.shape))
        return try weights.matmul(grid / (grid + variances * trust), transposeRight: true)
    }

    /// Probabilities of each P, `[N, J]`.
    private func weights(_ distances: Tensor, _ logarithms: Tensor) throws -> Tensor {
        let evidence = try (distances + logarithms) * (-0.5 * tempering) + prior
        let rows = evidence.shape[0]
        let exponents = try evidence - evidence.reduce(.maximum, axes: [1]).reshaped(to: [rows, 1])
        let values = exponents.exponential()
        return try values / values.sum(axes: [1]).reshaped(to: [rows, 1])
    }
}
