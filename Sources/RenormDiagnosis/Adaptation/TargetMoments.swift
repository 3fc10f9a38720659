import RenormArrays
import RenormLayers
import RenormTraining

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// What pictures of a target domain say of a normalization's input, beside what its averages say of the source.
struct TargetMoments {
    /// The number of pictures.
    let images: Int
    /// What the averages say: mean and variance, without ε, of each channel.
    let sourceMeans: [Double], sourceVariances: [Double]
    /// What averages of the target would say, had training gone on with it.
    let means: [Double], variances: [Double]
    /// (mean − source's mean) / source's deviation, by channel.
    let meanGaps: [Double]
    /// ½ log (variance + ε) / (source's variance + ε), by channel.
    let deviationGaps: [Double]
    /// The variance of the pictures' means, in the source's variances.
    let meanScatter: [Double]
    /// The variance of what each picture says of the logarithm of the deviation.
    let deviationScatter: [Double]
    /// The same two between classes; all of it where too few classes are seen.
    let meanClassScatter: [Double], deviationClassScatter: [Double]
    /// The means of each picture less those of all, in the source's deviations.
    let standardizedMeans: [[Double]]

    /// - Parameters:
    ///   - classes: What the network takes each picture for.
    ///   - together: How many pictures training normalized together; `nil`: many.
    init(
        _ moments: ImageMoments, _ record: NormalizationRecord, in source: Population, classes: ClassScatter,
        together: Int?
    ) {
        let (n, channels) = (moments.count, moments.channels)
        let epsilon = record.normalization.epsilon
        images = n
        let known = source.moments(without: epsilon)
        (sourceMeans, sourceVariances) = (known.means, known.variances)
        var means = [Double](repeating: 0, count: channels)
        var within = means
        for image in 0..<n {
            for channel in 0..<channels {
                means[channel] += moments.means[image * channels + channel] / Double(n)
                within[channel] += moments.variances[image * channels + channel] / Double(n)
            }
        }
        // Of the pictures' means, and of their mean squares around the mean of all.
        var (between, squares) = (means.map { _ in 0.0 }, means.map { _ in 0.0 })
        let total = { (image: Int, channel: Int) -> Double in
            let gap = moments.means[image * channels + channel] - means[channel]
            return moments.variances[image * channels + channel] + gap * gap
        }
        var average = means.map { _ in 0.0 }
        for image in 0..<n {
            for channel in 0..<channels { average[channel] += total(image, channel) / Double(n) }
        }
        for image in 0..<n where n > 1 {
            for channel in 0..<channels {
                let gap = moments.means[image * channels + channel] - means[channel]
                let other = total(image, channel) - average[channel]
                between[channel] += gap * gap / Double(n - 1)
                squares[channel] += other * other / Double(n - 1)
            }
        }
        variances = TargetMoments.settled(moments, record, within: within, between: between, together)
        self.means = means
        let (units, targets) = (sourceVariances.map { $0 + epsilon }, variances.map { $0 + epsilon })
        let deviations = units.map { Swift.max($0, .leastNormalMagnitude).squareRoot() }
        meanGaps = means.indices.map { (means[$0] - known.means[$0]) / deviations[$0] }
        deviationGaps = zip(targets, units).map { target, unit in
            let ratio =
                Swift.max(target, Double.leastNormalMagnitude) / Swift.max(unit, .leastNormalMagnitude)
            return 0.5 * log(ratio)
        }
        func moderated(_ values: [Double]) -> [Double] {
            // Of few pictures the channels' scatters are uncertain, and go towards their mean (as Smyth 2004 does).
            let (own, mean) = (Double(Swift.max(n - 1, 1)), values.mean)
            return values.map { (own * $0 + 4 * mean) / (own + 4) }
        }
        meanScatter = moderated(
            zip(between, deviations).map { (scatter: Double, unit: Double) in scatter / (unit * unit) })
        deviationScatter = moderated(
            zip(squares, targets).map { (scatter: Double, target: Double) -> Double in
                let unit = Swift.max(target, Double.leastNormalMagnitude)
                return 0.25 * (scatter / unit) / unit
            })
        meanClassScatter =
            classes.variances(channels: channels) { image, channel in
                moments.means[image * channels + channel] / deviations[channel]
            } ?? meanScatter
        deviationClassScatter =
            classes.variances(channels: channels) { image, channel in
                0.5 * total(image, channel) / Swift.max(targets[channel], Double.leastNormalMagnitude)
            } ?? deviationScatter
        var rows: [[Double]] = []
        for image in 0..<n {
            var row = [Double](repeating: 0, count: channels)
            for channel in 0..<channels {
                let gap = moments.means[image * channels + channel] - means[channel]
                row[channel] = gap / deviations[channel]
            }
            rows.append(row)
        }
        standardizedMeans = rows
    }

    /// The variances at which averages of training settle when groups of `together` pictures are normalized: such a group sees the
    /// scatter between its own pictures alone.
    private static func settled(
        _ moments: ImageMoments, _ record: NormalizationRecord, within: [Double], between: [Double],
        _ together: Int?
    ) -> [Double] {
        let n = moments.count
        guard let together, together >= 1, together < n,
            let kind = record.normalization.kind as? any PopulationNormalization
        else { return zip(within, between).map { $0 + $1 } }
        // Groups of pictures drawn at random, each picture in as many of them.
        var random = Random(seed: 0, stream: "groups")
        let channels = moments.channels
        var groups = [[Double]](repeating: [], count: channels)
        for _ in 0..<Swift.max(1, TargetMoments.leastGroups * together / n) {
            let order = random.permutation(n)
            for start in stride(from: 0, through: n - together, by: together) {
                let members = order[start..<start + together]
                for channel in 0..<channels {
                    let means = members.map { moments.means[$0 * channels + channel] }
                    let mean = means.mean
                    var sum = 0.0
                    for (member, own) in zip(members, means) {
                        sum += (own - mean) * (own - mean) + moments.variances[member * channels + channel]
                    }
                    groups[channel].append(sum / Double(together))
                }
            }
        }
        return groups.map {
            kind.settledVariance(
                $0, count: together * moments.positions, epsilon: record.normalization.epsilon)
        }
    }

    private static let leastGroups = 64
}

extension Population {
    /// Mean and variance, without ε, of each channel; a deviation below √ε counts as a variance of 0.
    func moments(without epsilon: Double) -> (means: [Double], variances: [Double]) {
        let variances =
            switch spread {
            case .variance(let values, let other): values.doubles.map { Swift.max($0 + other - epsilon, 0) }
            case .deviation(let values): values.doubles.map { Swift.max($0 * $0 - epsilon, 0) }
            }
        return (mean.doubles, variances)
    }
}
