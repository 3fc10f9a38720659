#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif
import RenormArrays
import RenormGraphs

/// An innovation whose square is finite in f32, in sums over any number of channels.
private func withinReach(_ innovation: Double) -> Double { min(max(innovation, -1e15), 1e15) }

/// One gain and what it is tuned by.
private struct Gain {
    var value: Double
    /// The averages of e² and of e · e of the group before.
    var square: Double
    var product: Double
    /// The innovations of the group before.
    var last: [Double]

    /// Follows a group's innovations, and gives the part of them that is beyond noise. `isFirst`: they are of averages that the group
    /// itself has set; `known`: how much of what S and C will be has come into them since they began at 0.
    mutating func tune(
        _ innovations: [Double], _ filter: MomentFilter, isFirst: Bool, known: Double
    ) -> Double {
        let count = Double(innovations.count)
        let own = innovations.reduce(0) { $0 + $1 * $1 } / count
        let agreement = zip(innovations, last).reduce(0) { $0 + $1.0 * $1.1 } / count
        last = innovations
        if value == 0 {
            value = isFirst ? filter.ceiling : min(filter.inherited, filter.ceiling)
            if !isFirst, filter.significance.isFinite { square = own }
            return 0
        }
        // Half the mean square of what successive innovations differ by: a lag, in which they agree, is not in it.
        let noise = known > 0 ? max(square - product, 0.1 * square) / known : 0
        let bound = filter.significance * noise
        let credible = noise > 0 && own > bound ? bound / own : 1
        square += filter.memory * (own * credible - square)
        product += filter.memory * (agreement * credible.squareRoot() - product)
        value = max(
            value * exp(filter.adaptation * (product / (square + 1e-12) - filter.margin)), filter.floor)
        // Twice in a row, and alike: the population has moved.
        if noise > 0, agreement > bound { value = max(value, agreement / (agreement + noise)) }
        value = min(value, filter.ceiling)
        last = innovations.map { $0 * credible.squareRoot() }
        return 1 - credible
    }
}

extension ReferenceEvaluation {
    /// What each group is normalized with, and the averages and gains after them.
    func filteredMoments(_ filter: MomentFilter, _ epsilon: Double) -> NDArray {
        let (groups, channels) = (operands[0].shape[1], operands[0].shape[2])
        return filled { operands, result in
            let operands = operands.map { $0.map { Double($0) } }
            let (moments, innovations, gains) = (operands[0], operands[3], operands[4])
            var (mean, deviation) = (operands[1], operands[2])
            let isNew = operands[5][0] == 0
            let width = max(1, filter.widening * operands[5][0])
            let (rMax, dMax) = (filter.rMax * width, filter.dMax * width)
            func gain(_ index: Int) -> Gain {
                Gain(
                    value: gains[3 * index], square: gains[3 * index + 1], product: gains[3 * index + 2],
                    last: Array(innovations[index * channels..<(index + 1) * channels]))
            }
            var (meanGain, scaleGain) = (gain(0), gain(1))
            var written: [[[Double]]] = [[], [], [], []]
            for group in 0..<groups {
                let first = group * channels
                let groupMean = Array(moments[first..<first + channels])
                let variance = moments[(groups * channels + first)..<(groups * channels + first + channels)]
                    .map { $0 + epsilon }
                let isFirst = isNew && group == 0
                // The group that sets new averages says nothing of noise.
                let seen = max(0, operands[5][0] * Double(groups) + Double(group) - 1)
                let known = 1 - pow(1 - filter.memory, seen)
                if isFirst { (mean, deviation) = (groupMean, variance.map { $0.squareRoot() }) }
                let prior = mean
                let scale = deviation
                let gap = (0..<channels).map { withinReach((groupMean[$0] - prior[$0]) / scale[$0]) }
                let meanBeyond = meanGain.tune(gap, filter, isFirst: isFirst, known: known)
                mean = (0..<channels).map { prior[$0] + meanGain.value * scale[$0] * gap[$0] }
                let spread = (0..<channels).map { c in
                    let shift = filter.isTotal ? groupMean[c] - mean[c] : 0
                    let ratio = (variance[c] + shift * shift).squareRoot() / scale[c]
                    return withinReach(filter.isArithmetic ? ratio - 1 : log(ratio))
                }
                let scaleBeyond = scaleGain.tune(spread, filter, isFirst: isFirst, known: known)
                deviation = (0..<channels).map { c in
                    let step = scaleGain.value * spread[c]
                    return scale[c] * (filter.isArithmetic ? 1 + step : exp(step))
                }
                // Weights that jump move means and deviations, so what either shows is held against both.
                let beyond = max(meanBeyond, scaleBeyond)
                let (meanUsed, scaleUsed) = (max(meanGain.value, beyond), max(scaleGain.value, beyond))
                // How much of the way from the averages after the group to its own moments is left to those.
                func further(_ gain: Double) -> Double { beyond > gain ? (beyond - gain) / (1 - gain) : 0 }
                let (meanStep, scaleStep) = (further(meanGain.value), further(scaleGain.value))
                // r · x̂ + d of Algorithm 1, towards what results.
                let used = (0..<channels).map {
                    c -> (mean: Double, deviation: Double, parts: (Double, Double)) in
                    let own = variance[c].squareRoot()
                    let mean = mean[c] + meanStep * (groupMean[c] - mean[c])
                    let deviation =
                        filter.isArithmetic
                        ? deviation[c] + scaleStep * (own - deviation[c])
                        : deviation[c] * exp(scaleStep * log(own / deviation[c]))
                    let (ratio, shift) = (own / deviation, (groupMean[c] - mean) / deviation)
                    let r = min(max(ratio, 1 / rMax), rMax)
                    let d = min(max(shift, -dMax), dMax)
                    let usedDeviation = r == ratio ? deviation : own / r
                    let usedMean = r == ratio && d == shift ? mean : groupMean[c] - d * usedDeviation
                    return (
                        usedMean, usedDeviation,
                        (d == shift ? meanUsed : 1, r == ratio ? scaleUsed : 1)
                    )
                }
                for (index, vector) in [
                    used.map(\.mean), used.map(\.deviation), used.map(\.parts.0), used.map(\.parts.1),
                ].enumerated() {
                    written[index].append(vector)
                }
            }
            let state = [meanGain, scaleGain].flatMap { [$0.value, $0.square, $0.product] }
            let all = written.joined().joined() + meanGain.last + scaleGain.last + mean + deviation + state
            for (index, value) in all.enumerated() { result[index] = Real(value) }
        }
    }
}
