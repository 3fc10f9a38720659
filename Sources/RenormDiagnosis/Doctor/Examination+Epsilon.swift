import RenormArrays
import RenormGraphs
import RenormLayers

extension Examination {
    /// Another ε with which the averages fit.
    func otherEpsilon() throws -> (epsilon: Double, model: Model, deviation: Double)? {
        let used = moving[0].normalization.epsilon
        let before = moving.compactMap { layers[$0.path]?.deviation }.max() ?? 0
        let few = reference.sample(512, seed: options.seed)
        var best: (epsilon: Double, model: Model, deviation: Double)?
        for epsilon in [1e-3, 1e-5, 1e-2, 0.1] where abs(epsilon - used) > 0.1 * used {
            // An ε that is added to much larger variances changes nothing.
            var other = model
            for record in moving {
                var normalization = record.normalization
                normalization.epsilon = epsilon
                other.overrides.append(Override(PathPattern(record.path), normalization: normalization))
            }
            let truth = try populationAverages(of: other, on: few)
            let worst =
                moving.compactMap { record -> Double? in
                    guard let own = LayerAverages(record.with(epsilon), in: other.variables),
                        let measured = truth[record.path]
                    else { return nil }
                    return AveragesDeviation(own, from: measured, epsilon: epsilon).total
                }.max() ?? .infinity
            if worst < thresholds.deviation, worst < 0.5 * before, worst < best?.deviation ?? .infinity {
                best = (epsilon, other, worst)
            }
        }
        return best
    }

    func report(_ found: (epsilon: Double, model: Model, deviation: Double)) throws -> Bool {
        let mended = try score(found.model)
        guard let own = scores[.stored] else { return false }
        let gain = own.difference(of: mended, seed: options.seed)
        guard gain.improves(thresholds) else { return false }
        add(
            Finding(
                .epsilon, loss: -gain.loss, accuracy: gain.accuracy,
                evidence: evidence(
                    gain,
                    [
                        "epsilon": moving[0].normalization.epsilon, "fitting_epsilon": found.epsilon,
                        "deviation": found.deviation,
                    ]),
                remedy: remedy("say --epsilon \(found.epsilon) where the weights are read", mended)))
        return true
    }
}

extension NormalizationRecord {
    /// The same with another ε.
    fileprivate func with(_ epsilon: Double) -> NormalizationRecord {
        var result = self
        result.normalization.epsilon = epsilon
        return result
    }
}
