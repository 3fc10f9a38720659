extension Model {
    /// The model with another normalization in the layers that match, its statistics carried over so that inference
    /// gives what it gave.
    ///
    /// Between batch (or frozen) and batch renorm the averages are converted exactly: σ = √(running_var + ε), and back
    /// running_var = σ² − ε, computed in Float64. Kinds without averages have nothing to carry over but γ and β.
    ///
    /// - Throws: `NormalizationError.deviationBelowEpsilon` if a σ is less than √ε, which no variance has.
    public func converting(_ pattern: PathPattern = .all, to normalization: Normalization) throws -> Model {
        var result = self
        result.overrides.append(Override(pattern, normalization: normalization))
        let before = try tracedNormalizations()
        let after = try result.tracedNormalizations()
        var old = variables
        for (was, becomes) in zip(before, after) where was.normalization != becomes.normalization {
            try old.convertStatistics(at: was.path, from: was.normalization, to: becomes.normalization)
        }
        // The variables of the new network in its own order: those that have survived keep their values.
        let fresh = try result.graph(batch: 1).initialVariables(seed: 0)
        result.variables = fresh.mapValues { path, variable in
            guard let kept = old[path], kept.value.shape == variable.value.shape else { return variable }
            return kept
        }
        return result
    }

    /// The normalizations in the order of their results, overrides included.
    public func tracedNormalizations() throws -> [NormalizationRecord] {
        let builder = GraphBuilder()
        let images = builder.input("images", shape: TensorShape([1] + input.dimensions))
        return try trace(images, on: builder, phase: .inference).normalizations
    }
}

extension Variables {
    fileprivate mutating func convertStatistics(
        at path: String, from old: Normalization, to new: Normalization
    ) throws {
        let (variancePath, deviationPath) = ("\(path).running_var", "\(path).running_std")
        let (hadDeviation, hasDeviation) = (old.kind == .batchRenorm, new.kind == .batchRenorm)
        guard old.kind.hasMovingAverages, new.kind.hasMovingAverages else { return }
        if !hadDeviation, hasDeviation, let variance = self[variancePath]?.value {
            let deviations = variance.doubles.map { Float(($0 + old.epsilon).squareRoot()) }
            self[deviationPath] = Variable(
                kind: .statistic, value: NDArray(deviations, shape: variance.shape))
            markAveragesAsSet(at: path)
        } else if hadDeviation, !hasDeviation, let deviation = self[deviationPath]?.value {
            let variances = try deviation.doubles.enumerated().map { channel, sigma in
                let variance = sigma * sigma - new.epsilon
                // σ is stored in f32, so a variance of 0 may come back as a rounding error below it.
                guard variance >= -1e-6 * new.epsilon else {
                    throw NormalizationError.deviationBelowEpsilon(
                        path: path, channel: channel, deviation: sigma, epsilon: new.epsilon)
                }
                return Float(Swift.max(variance, 0))
            }
            self[variancePath] = Variable(kind: .statistic, value: NDArray(variances, shape: deviation.shape))
        }
    }

    /// Carried-over averages must not be overwritten by the first batch.
    private mutating func markAveragesAsSet(at path: String) {
        let counterPath = "\(path).num_batches_tracked"
        if let counter = self[counterPath], counter.value.doubles == [0] {
            self[counterPath] = Variable(kind: .counter, value: NDArray(scalar: Int64(1)))
        }
    }
}

/// Why a normalization cannot be converted.
public enum NormalizationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A moving deviation that is less than √ε.
    case deviationBelowEpsilon(path: String, channel: Int, deviation: Double, epsilon: Double)

    /// What was found and where, what was expected, and what to do.
    public var description: String {
        switch self {
        case .deviationBelowEpsilon(let path, let channel, let deviation, let epsilon):
            return
                "'\(path)', channel \(channel): the moving deviation is \(deviation); expected at least √ε = "
                + "\(epsilon.squareRoot()), since ε is inside it. Convert with the ε it was trained with."
        }
    }
}
