import Foundation
import RenormArrays
import RenormLayers

/// What was seen of one normalization in a step of training: how its batch compares with its moving averages, and how far what it
/// gave is from what it would have given at inference.
///
/// All of it follows from vectors that the step computes anyway. With a group's moments μ_B and σ_B, averages μ and σ, and the
/// correction r, d of the kind (1 and 0 for batch normalization) the layer gives a·(x − μ_B) + b in training, a = γ·r/σ_B and
/// b = γ·d + β, and at inference a′ = γ/σ and b′ = γ·(μ_B − μ)/σ + β, so the squares of the difference sum to
/// (a − a′)²·Var_B + (b − b′)², and those of what inference gives to a′²·Var_B + b′².
public struct LayerWatch: Sendable, Hashable, Codable {
    /// A channel and how far its outputs are apart.
    public struct Channel: Sendable, Hashable, Codable {
        /// The channel, from 0.
        public var channel: Int
        /// √(Σ (x − y)² / Σ y²) of the channel.
        public var difference: Double
    }

    /// The path of the layer.
    public var path: String
    /// The channels.
    public var channels: Int
    /// √(Σ (x − y)² / Σ y²), x what the layer gave for the batch in training and y what it would have given with the averages before
    /// the step.
    public var difference: Double
    /// The channel whose outputs are the furthest apart.
    public var worstChannel: Channel
    /// (μ_B − μ)/σ over groups and channels: how far batches' means are from the averages.
    public var meanLag: Distribution
    /// σ_B/σ over groups and channels.
    public var scaleLag: Distribution
    /// The root of the mean over channels of ((μ_B − μ)/σ)², μ_B being the mean of all groups together.
    public var drift: Double
    /// The part of the channels that gave the same value everywhere in the batch.
    public var constantChannels: Double
    /// r over groups and channels; `nil` for kinds that correct nothing.
    public var r: Distribution?
    /// d over groups and channels; `nil` for kinds that correct nothing.
    public var d: Distribution?
    /// The part of all r that is at its limit; `nil` where there is none, or limits are closed.
    public var rAtLimit: Double?
    /// The part of all d that is at its limit; `nil` where there is none, or limits are closed.
    public var dAtLimit: Double?
    /// What the layer reports of its state, such as gains.
    public var readings: NormalizationReadings
}

/// What a layer had before a step, as numbers by channel.
struct LayerBefore {
    var gamma: [Double]
    var beta: [Double]
    var averages: (means: [Double], deviations: [Double])
    var averagedSteps: Int
    var epsilon: Double
}

/// A look at a layer, with what is kept of it to compare with the next ones.
struct LayerLook {
    var watch: LayerWatch
    /// (μ_B − μ)/σ of the whole batch, by channel.
    var meanLag: [Double]
    /// log(σ_B/σ), σ_B the root of the mean variance within groups, by channel.
    var scaleLag: [Double]

    /// - Parameter step: The number of the step, from 0.
    init(
        _ path: String, _ seen: SeenBatch, _ before: LayerBefore, kind: any BatchwiseNormalization, step: Int,
        readings: [NormalizationReading]
    ) {
        let (groups, channels, epsilon) = (seen.groups, seen.channels, before.epsilon)
        let (means, deviations) = before.averages
        var (differences, sizes) = (
            [Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels)
        )
        var (meanLags, scaleLags, allR, allD) = ([Double](), [Double](), [Double](), [Double]())
        var (totalMean, totalVariance) = (differences, differences)
        var limits: (r: Double, d: Double)?
        for group in 0..<groups {
            let (mean, variance) = (seen.means(group), seen.variances(group))
            let deviation = variance.map { ($0 + epsilon).squareRoot() }
            let correction = kind.correction(
                of: GroupMoments(
                    means: mean, deviations: deviation, used: seen.used(group), averages: before.averages,
                    averagedSteps: before.averagedSteps), step: step)
            if let correction {
                allR += correction.r
                allD += correction.d
                limits = (correction.rLimit, correction.dLimit)
            }
            for channel in 0..<channels {
                let lag = (mean[channel] - means[channel]) / deviations[channel]
                meanLags.append(lag)
                scaleLags.append(deviation[channel] / deviations[channel])
                let (gamma, beta) = (before.gamma[channel], before.beta[channel])
                let slope = gamma * (correction?.r[channel] ?? 1) / deviation[channel]
                let (inference, shift) = (gamma / deviations[channel], gamma * lag + beta)
                let apart = gamma * (correction?.d[channel] ?? 0) + beta - shift
                differences[channel] +=
                    (slope - inference) * (slope - inference) * variance[channel] + apart * apart
                sizes[channel] += inference * inference * variance[channel] + shift * shift
                totalMean[channel] += mean[channel] / Double(groups)
                totalVariance[channel] += variance[channel] / Double(groups)
            }
        }
        meanLag = zip(totalMean, zip(means, deviations)).map { ($0 - $1.0) / $1.1 }
        scaleLag = zip(totalVariance, deviations).map { log(($0 + epsilon).squareRoot() / $1) }
        let total = sizes.reduce(0, +)
        func relative(_ difference: Double, _ size: Double) -> Double {
            difference == 0 ? 0 : (difference / size).squareRoot()
        }
        // A channel that is next to nothing beside the others does not matter, however far it is off.
        let least = 1e-4 * total / Double(max(channels, 1))
        let worst = (0..<channels).map { relative(differences[$0], max(sizes[$0], least)) }
        let worstChannel = worst.indices.max { (worst[$0], $1) < (worst[$1], $0) } ?? 0
        func atLimit(_ values: [Double], _ isAt: (Double) -> Bool) -> Double? {
            values.isEmpty
                ? nil : (Double(values.filter(isAt).count) / Double(values.count)).rounded(toDigits: 4)
        }
        // Values are computed in f32.
        let (rLimit, dLimit) = ((limits?.r ?? 1) * (1 - 1e-5), (limits?.d ?? 0) * (1 - 1e-5))
        watch = LayerWatch(
            path: path, channels: channels,
            difference: relative(differences.reduce(0, +), total).rounded(toDigits: 4),
            worstChannel: LayerWatch.Channel(
                channel: worstChannel,
                difference: (worst.isEmpty ? 0 : worst[worstChannel]).rounded(toDigits: 4)),
            meanLag: Distribution(meanLags) ?? .none, scaleLag: Distribution(scaleLags) ?? .none,
            drift: (meanLag.reduce(0) { $0 + $1 * $1 } / Double(max(channels, 1))).squareRoot()
                .rounded(toDigits: 4),
            constantChannels: (Double(
                zip(totalVariance, totalMean).filter { $0 <= 1e-12 * (1 + $1 * $1) }.count)
                / Double(max(channels, 1))).rounded(toDigits: 4),
            r: Distribution(allR), d: Distribution(allD),
            rAtLimit: rLimit > 1 && rLimit.isFinite
                ? atLimit(allR) { $0 >= rLimit || $0 <= 1 / rLimit } : nil,
            dAtLimit: dLimit > 0 && dLimit.isFinite ? atLimit(allD) { abs($0) >= dLimit } : nil,
            readings: NormalizationReadings(readings))
    }
}

extension Distribution {
    /// Of a layer without channels, which there is none of.
    fileprivate static var none: Distribution { Distribution([0])! }
}
