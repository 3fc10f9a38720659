import RenormLayers

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Examination {
    /// What was measured of a normalization.
    func diagnosis(of record: NormalizationRecord) -> LayerDiagnosis {
        let (path, epsilon) = (record.path, record.normalization.epsilon)
        var result = LayerDiagnosis(
            path: path, kind: record.normalization.kind.word, channels: record.input.dimensions.last ?? 0,
            isFrozen: !moving.contains { $0.path == path })
        guard let own = stored[path] else { return result }
        func deviation(from truth: LayerAverages?) -> AveragesDeviation? {
            truth.map { AveragesDeviation(own, from: $0, epsilon: epsilon) }
        }
        result.fromTraining = deviation(from: training[path])
        if !result.isFrozen { result.fromPopulation = deviation(from: population[path]) }
        result.inStoredChain = deviation(from: storedChain[path]?.averages)
        result.chainDifference = chainDifferences[path]?.all
        result.worstChainDifference = chainDifferences[path]?.worst
        result.valuesOfGroup = grouped[path].flatMap { result.isFrozen ? nil : $0.valuesOfGroup }
        result.channelsBelowEpsilon = own.variances.filter { $0 < epsilon }.count
        result.absurdChannels =
            zip(own.means, own.variances).filter {
                abs($0) > thresholds.absurdMean || $1 > thresholds.absurdVariance
            }.count
        if let truth = population[path], !result.isFrozen {
            let channels = truth.means.count
            let gamma = model.variables[record.place("weight")]?.value.doubles
            let beta = model.variables[record.place("bias")]?.value.doubles
            let difference = own.outputDifference(
                from: truth, input: truth, epsilon: epsilon,
                gamma: gamma ?? [Double](repeating: 1, count: channels),
                beta: beta ?? [Double](repeating: 0, count: channels))
            (result.outputDifference, result.worstOutputDifference) = difference
            result.lag = lag(own, truth, record)
        }
        if let seen = grouped[path], !result.isFrozen {
            result.noise = noise(own, training[path], seen, record)
            if record.normalization.kind is BatchRenormalization {
                (result.r, result.d) = corrections(own, seen, epsilon)
            }
        }
        result.gains =
            model.variables[record.place("gains")].map { variable in
                let values = variable.value.doubles
                return values.count == 6 ? [values[0], values[3]] : values
            }
        result.deadChannels = deadChannels(record)
        return result
    }

    /// ν of means and of logarithms of variances, the larger of both.
    private func noise(
        _ own: LayerAverages, _ truth: LayerAverages?, _ seen: NormalizationPass.Layer,
        _ record: NormalizationRecord
    ) -> Double? {
        // What a step's estimate is: the mean over its groups.
        let groups = max(subject.history.batchSize / group, 1)
        let steps = stride(from: 0, to: seen.groups.count - groups + 1, by: groups).map {
            seen.groups[$0..<$0 + groups]
        }
        guard let truth, steps.count >= 4 else { return nil }
        let epsilon = record.normalization.epsilon
        func logarithm(_ variance: Double) -> Double { log(max(variance + epsilon, 1e-30)) }
        var (means, variances): ([Double], [Double]) = ([], [])
        for channel in truth.means.indices {
            let ofSteps = steps.map { step in
                (
                    mean: step.map { $0.means[channel] }.mean,
                    variance: logarithm(step.map { $0.variances[channel] }.mean)
                )
            }
            func add(_ gap: Double, _ values: [Double], to result: inout [Double]) {
                let deviation = values.standardDeviation
                if deviation > 1e-12 { result.append(gap * gap / (deviation * deviation)) }
            }
            add(own.means[channel] - truth.means[channel], ofSteps.map(\.mean), to: &means)
            add(
                logarithm(own.variances[channel]) - logarithm(truth.variances[channel]),
                ofSteps.map(\.variance), to: &variances)
        }
        // The median of χ² with one degree of freedom is 0.455.
        let values = [means.median, variances.median].filter(\.isFinite).map { $0 / 0.455 }
        return values.max()
    }

    /// λ of means and of variances: the slope of stored averages on the population's, both less the initial values 0 and 1.
    private func lag(_ own: LayerAverages, _ truth: LayerAverages, _ record: NormalizationRecord) -> [Double]?
    {
        guard record.normalization.kind is any RunningVarianceNormalization else { return nil }
        func slope(_ y: [Double], _ x: [Double], _ weights: [Double]) -> Double {
            let sums = zip(zip(y, x), weights).reduce((0.0, 0.0)) {
                ($0.0 + $1.0.0 * $1.0.1 * $1.1, $0.1 + $1.0.1 * $1.0.1 * $1.1)
            }
            return sums.1 > 0 ? sums.0 / sums.1 : .nan
        }
        let weights = truth.variances.map { 1 / ($0 + record.normalization.epsilon) }
        return [
            slope(own.means, truth.means, weights),
            slope(own.variances.map { $0 - 1 }, truth.variances.map { $0 - 1 }, weights.map { $0 * $0 }),
        ]
    }

    /// Quantiles of r and d over groups and channels.
    private func corrections(_ own: LayerAverages, _ seen: NormalizationPass.Layer, _ epsilon: Double)
        -> ([Double], [Double])
    {
        var (r, d): ([Double], [Double]) = ([], [])
        for group in seen.groups {
            for channel in own.means.indices {
                let deviation = max(own.variances[channel] + epsilon, .leastNormalMagnitude).squareRoot()
                r.append((group.variances[channel] + epsilon).squareRoot() / deviation)
                d.append((group.means[channel] - own.means[channel]) / deviation)
            }
        }
        let parts = [0.01, 0.1, 0.5, 0.9, 0.99]
        return (parts.map(r.quantile), parts.map(d.quantile))
    }

    /// Channels that are constant although their averages say otherwise, and those that are 0 after the ReLU whatever comes, where these
    /// are more than a few, as every network has.
    private func deadChannels(_ record: NormalizationRecord) -> [Int] {
        guard let own = stored[record.path], let seen = soundChain[record.path] else { return [] }
        let constant = constantChannels(record)
        let silent = own.means.indices.filter { seen.maxima.indices.contains($0) && seen.maxima[$0] <= 0 }
        return silent.count * 10 >= own.means.count ? Set(constant + silent).sorted() : constant
    }

    /// Channels whose input is constant although their averages say otherwise.
    func constantChannels(_ record: NormalizationRecord) -> [Int] {
        guard let own = stored[record.path], let seen = soundChain[record.path] else { return [] }
        let (usual, now) = (own.variances.median, seen.averages.variances)
        return own.means.indices.filter {
            now[$0] < 1e-6 * max(usual, 1e-12) && own.variances[$0] > 1e-3 * usual
        }
    }
}
