import RenormGraphs

/// Numbers about an activation, for each of its channels (the last axis), over all examples and places.
public enum ActivationStatistic: String, Sendable, Hashable, CaseIterable {
    /// Means and biased variances, `[2, C]`.
    case moments
    /// The smallest values, `[C]`; NaN if there is one.
    case minimum
    /// The largest values, `[C]`; NaN if there is one.
    case maximum
    /// How many values are 0, `[C]`: exact up to 2²⁴.
    case zeros

    /// Its values as a node.
    func tensor(of activation: Tensor) throws -> Tensor {
        switch self {
        case .moments:
            let shape = activation.shape
            let images =
                shape.rank == 4 ? activation : try activation.reshaped(to: [shape[0], 1, 1, shape[-1]])
            return try images.momentVectors(groups: 1).reshaped(to: [2, shape[-1]])
        case .minimum: return try activation.reduce(.minimum, axes: activation.axesOfChannels)
        case .maximum: return try activation.reduce(.maximum, axes: activation.axesOfChannels)
        case .zeros: return try activation.reduce(.zeros, axes: activation.axesOfChannels)
        }
    }
}

extension GraphBuilder {
    /// Lets a run return statistics of an activation, each as its path and the statistic's name: `bn1.relu zeros`.
    ///
    /// Each is a pass that reads the activation where it is computed and keeps nothing of its size; make the finished
    /// graph `Graph.orderedByResults()` before it is compiled, so that it is read as soon as it is there.
    ///
    /// - Parameter name: What is said in place of the path, where one is asked for twice.
    public func fetch(_ statistics: [ActivationStatistic], of tap: Tap, as name: String? = nil) throws {
        try within(path: tap.path) {
            for statistic in statistics {
                fetch(try statistic.tensor(of: tap.tensor), as: "\(name ?? tap.path) \(statistic)")
            }
        }
    }

    /// Lets a run return how far an activation is from another one of the same shape, such as the same layer's in another
    /// phase: √(Σ (x − y)² / Σ y²), as `bn1 difference` (a scalar) and `bn1 differences` (`[C]`, for each channel). Where
    /// both are 0 everywhere it is 0.
    ///
    /// - Throws: `GraphError.shapes` if the shapes differ.
    public func fetchDifference(of tap: Tap, from reference: Tap, as name: String? = nil) throws {
        let (x, y) = (tap.tensor, reference.tensor)
        try within(path: tap.path) {
            let squares = try x.squaredDifferences(from: y, axes: x.axesOfChannels)
            let sizes = try y.reduce(.sumOfSquares, axes: y.axesOfChannels)
            func relative(_ square: Tensor, _ size: Tensor) throws -> Tensor {
                try square.select(square / size, constant(0)).squareRoot()
            }
            fetch(try relative(squares.sum(), sizes.sum()), as: "\(name ?? tap.path) difference")
            fetch(try relative(squares, sizes), as: "\(name ?? tap.path) differences")
        }
    }
}

extension Tensor {
    /// All axes but the last.
    fileprivate var axesOfChannels: [Int] { Array(0..<shape.rank - 1) }
}
