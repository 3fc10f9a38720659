import RenormArrays

/// What the moving averages of a normalization say of the population: the way in which one kind hands them to another, so
/// that inference stays what it was.
public struct Population {
    /// How spread is said.
    public enum Spread {
        /// A variance without ε `[C]`, and the ε that is added to it.
        case variance(NDArray, epsilon: Double)
        /// A deviation, ε inside `[C]`.
        case deviation(NDArray)
    }

    /// The mean `[C]`.
    public var mean: NDArray
    /// The spread by channel.
    public var spread: Spread
    /// The number of batches that made them; `nil` where nobody has counted.
    public var batchCount: NDArray?

    /// Describes a population.
    public init(mean: NDArray, spread: Spread, batchCount: NDArray?) {
        self.mean = mean
        self.spread = spread
        self.batchCount = batchCount
    }

    /// The variance without this ε `[C]`: var + ε′ − ε, or σ² − ε, in the element type it had.
    ///
    /// - Throws: `NormalizationError.deviationBelowEpsilon` if a σ is less than √ε, which no variance has.
    public func variance(without epsilon: Double, at path: String) throws -> NDArray {
        switch spread {
        case .variance(let variance, epsilon):
            return variance
        case .variance(let variance, let other):
            return try variance.spread(without: epsilon, at: path) { $0 + other }
        case .deviation(let deviation):
            return try deviation.spread(without: epsilon, at: path) { $0 * $0 }
        }
    }

    /// The deviation with ε inside `[C]`: σ = √(var + ε), in the element type it had.
    ///
    /// - Throws: `NormalizationError.negativeVariance`.
    public func deviation(at path: String) throws -> NDArray {
        switch spread {
        case .deviation(let deviation):
            return deviation
        case .variance(let variance, let epsilon):
            let values = variance.doubles
            if let channel = values.firstIndex(where: { !($0 >= 0) }) {
                throw NormalizationError.negativeVariance(
                    path: path, channel: channel, variance: values[channel])
            }
            return variance.mapping { ($0 + epsilon).squareRoot() }
        }
    }

    /// The deviation with ε inside, by channel in Float64.
    ///
    /// - Throws: `NormalizationError.negativeVariance`.
    func deviations(at path: String) throws -> [Double] {
        var wide = self
        if case .variance(let variance, let epsilon) = spread {
            wide.spread = .variance(variance.converted(to: .f64), epsilon: epsilon)
        }
        return try wide.deviation(at: path).doubles
    }

    /// Whether they differ from those of a network that was never trained: mean 0 and variance 1.
    var isMeasured: Bool {
        let spread =
            switch spread {
            case .variance(let values, _), .deviation(let values): values
            }
        return mean.doubles.contains { $0 != 0 } || spread.doubles.contains { $0 != 1 }
    }
}

extension NDArray {
    /// Each value changed in Float64, in the element type of this array.
    fileprivate func mapping(_ transform: (Double) throws -> Double) rethrows -> NDArray {
        NDArray(try doubles.map(transform), shape: shape).converted(to: type)
    }

    /// σ² − ε, where `squared` gives σ² of each value.
    fileprivate func spread(
        without epsilon: Double, at path: String, _ squared: (Double) -> Double
    ) throws -> NDArray {
        // Rounding to f32 may bring a variance of 0 back as a little less.
        let tolerance = 1e-6 * epsilon
        let values = doubles
        if let channel = values.firstIndex(where: { !(squared($0) - epsilon >= -tolerance) }) {
            throw NormalizationError.deviationBelowEpsilon(
                path: path, channel: channel, deviation: squared(values[channel]).squareRoot(),
                epsilon: epsilon)
        }
        return mapping { Swift.max(squared($0) - epsilon, 0) }
    }
}
