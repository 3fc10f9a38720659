import RenormArrays
import RenormGraphs
import RenormLayers

/// Measured averages in the place of stored ones: whichever of A and B does better on held-out examples.
struct BestAverages {
    var kind: StatisticsKind
    var averages: [String: LayerAverages]
    var score: ScoredExamples
    /// From the stored averages to these.
    var gain: PairedDifference
}

extension Examination {
    /// The better of A and B; without labels A, which is what training itself would have given.
    func bestAverages() -> BestAverages? {
        let known: [(StatisticsKind, [String: LayerAverages])] = [
            (.training, training), (.population, population),
        ]
        let scored = known.compactMap { kind, averages in
            scores[kind].flatMap { score in
                averages.isEmpty || !score.isFinite
                    ? nil
                    : BestAverages(
                        kind: kind, averages: averages, score: score, gain: difference(.stored, kind))
            }
        }
        return scored.min { $0.score.loss < $1.score.loss }
    }

    /// The command that measures such averages anew, and what it was seen to do.
    func recalibration(_ best: BestAverages) -> Finding.Remedy {
        let names = subject.names
        return remedy(
            names.command(
                "recalibrate", names.network, names.data, "--estimator \(best.kind.rawValue)", names.output),
            best.score)
    }

    /// Whether what is not yet explained is an illness, and which: the first that fits takes its layers away.
    func testAverages() throws {
        guard let best = bestAverages() else { return }
        finishFaults(best)
        let gain = best.gain
        let unfinished = isUnfinished
        let helps = gain.improves(thresholds)
        guard helps else { return }
        var bad = moving.map(\.path).filter { isBad($0) && !mended.contains($0) }
        func take(_ paths: [String]) { bad.removeAll { paths.contains($0) } }

        // An ε that is too small or too large moves many layers a little.
        let most = moving.compactMap { layers[$0.path]?.deviation }.max() ?? 0
        if most > thresholds.deviation / 3, let epsilon = try otherEpsilon(), try report(epsilon) { return }
        if !bad.isEmpty, try testAveragedWeights(best) { return }
        if !resetLayers.isEmpty {
            try report(.averagesReset, at: moving.map(\.path).filter(resetLayers.contains), best)
            take(Array(resetLayers))
        }
        if try testLyingFreeze(bad, best) { return }
        if try testDropout(best) { return }
        take(try testDeadChannels(bad, best))
        take(try testSwapped(bad, best))
        let outliers = outliers(of: bad)
        if !outliers.isEmpty {
            for path in outliers { try report(.wrongStatistics, at: [path], best) }
            take(outliers)
        }
        if bad.count >= 3 || (bad.count >= 1 && bad.count == moving.count) {
            if unfinished {
                informOfTraining(best, bad)
            } else {
                reportStale(bad, best)
            }
            return
        }
        if !bad.isEmpty {
            for path in bad { try report(.wrongStatistics, at: [path], best) }
            return
        }
        guard outliers.isEmpty, findings.allSatisfy({ $0.kind != .finding || $0.cause == .zeroGamma }) else {
            return
        }
        let noise = moving.compactMap { layers[$0.path]?.noise }.filter(\.isFinite).median
        if unfinished {
            informOfTraining(best, [])
        } else if best.kind == .population, subject.history.augmentation != .none {
            add(
                Finding(
                    .cleanAverages, kind: .opportunity, loss: -gain.loss, accuracy: gain.accuracy,
                    evidence: evidence(gain), remedy: recalibration(best)))
        } else if noise >= thresholds.leastNoise, noise <= thresholds.noise {
            add(
                Finding(
                    .noisyAverages, loss: -gain.loss, accuracy: gain.accuracy,
                    evidence: evidence(gain, ["noise": noise]), remedy: recalibration(best)))
        } else if best.kind == .population, isGroupsFault {
            // Averages are those of what training sees: that is what is wrong with them.
            mismatch = best
        } else if gain.loss < -thresholds.loss || !subject.isLabelled {
            reportStale(moving.map(\.path), best)
        }
    }

    /// Whether a layer's averages are off, and not as single batches are.
    private func isBad(_ path: String) -> Bool {
        guard let layer = layers[path], layer.deviation > thresholds.deviation else { return false }
        return layer.noise.map { $0 >= thresholds.noise } ?? true
    }

    /// Whether training is not at its end.
    var isUnfinished: Bool {
        guard !subject.history.isFinished, let step = subject.history.step, let steps = subject.history.steps
        else { return false }
        return Double(step) < 0.9 * Double(steps)
    }

    func evidence(_ gain: PairedDifference, _ others: [String: Double?] = [:]) -> [String: Double] {
        var result = others.compactMapValues { $0 }
        guard gain.answers.isEmpty else { return result.merging(gain.answers) { $1 } }
        result["gain"] = -gain.loss
        result["gain_error"] = gain.lossError
        return result
    }

    // MARK: Findings

    /// What statistics that are not finite cost: inference says nothing at all, so it is everything that measured ones give.
    private func finishFaults(_ best: BestAverages) {
        for place in findings.indices where findings[place].cause == .notFinite {
            let classes = Double(subject.training.classCount)
            findings[place].accuracy = best.score.accuracy - 1 / classes
            findings[place].remedy = recalibration(best)
        }
    }

    /// A finding of some layers, with the price of each: what the loss is with its stored averages alone among measured ones.
    func report(
        _ cause: Cause, at paths: [String], _ best: BestAverages, evidence more: [String: Double] = [:],
        note: String = ""
    ) throws {
        let alone = try score(
            model(
                with: best.averages.merging(stored) { measured, own in measured }.merging(
                    stored.filter { paths.contains($0.key) }
                ) { _, own in own }))
        let price = best.score.difference(of: alone, seed: options.seed)
        if paths.count == 1 {
            layers[paths[0]]?.price = price.loss.isNaN ? nil : price.loss
            layers[paths[0]]?.accuracyPrice = price.accuracy.isNaN ? nil : -price.accuracy
        }
        // What is there but costs nothing is no illness.
        guard price.costs(thresholds) else { return }
        let own = paths.compactMap { layers[$0] }
        var evidence: [String: Double] = ["layers": Double(paths.count)]
        evidence["deviation"] = own.map(\.deviation).max()
        evidence["mean_deviation"] = own.compactMap { $0.fromPopulation?.mean }.max()
        evidence["scale_deviation"] = own.compactMap { $0.fromPopulation?.deviation }.max()
        evidence["noise"] = own.compactMap(\.noise).max()
        evidence.merge(price.answers) { $1 }
        evidence.merge(more) { $1 }
        add(
            Finding(
                cause, layer: paths.first, loss: price.loss, accuracy: -price.accuracy, evidence: evidence,
                note: note.isEmpty && paths.count > 1 ? paths.joined(separator: ", ") : note,
                remedy: recalibration(best)))
    }

    /// Layers whose deviation stands out: at most a third of all, each several times the median of all.
    private func outliers(of bad: [String]) -> [String] {
        let all = moving.compactMap { layers[$0.path]?.deviation }
        let median = all.median
        let found = bad.filter { (layers[$0]?.deviation ?? 0) > thresholds.outlier * median }
        return found.count <= max(moving.count / 2, 1) ? found : []
    }

    private func reportStale(_ bad: [String], _ best: BestAverages) {
        let lags = bad.compactMap { layers[$0]?.lag }.flatMap { $0 }.filter(\.isFinite)
        var evidence = evidence(
            best.gain,
            [
                "layers": Double(bad.count), "deviation": bad.compactMap { layers[$0]?.deviation }.median,
                "lag": lags.isEmpty ? nil : lags.median,
            ])
        if let rate = averagingRate {
            evidence["averaging_rate"] = rate
            if let step = subject.history.step {
                evidence["expected_lag"] = 1 - power(1 - rate, step)
            }
        }
        add(
            Finding(
                .staleAverages, loss: -best.gain.loss, accuracy: best.gain.accuracy, evidence: evidence,
                remedy: recalibration(best)))
    }

    private func informOfTraining(_ best: BestAverages, _ bad: [String]) {
        add(
            Finding(
                .unfinishedTraining, kind: .information, loss: -best.gain.loss, accuracy: best.gain.accuracy,
                evidence: evidence(
                    best.gain,
                    [
                        "step": subject.history.step.map(Double.init),
                        "steps": subject.history.steps.map(Double.init), "layers": Double(bad.count),
                    ]), remedy: recalibration(best)))
    }

    /// The rate of batch normalization's averages.
    var averagingRate: Double? {
        moving.lazy.compactMap { ($0.normalization.kind as? BatchNormalization)?.averagingRate }.first
    }

    private func power(_ base: Double, _ count: Int) -> Double {
        var (result, base, count) = (1.0, base, count)
        while count > 0 {
            if count & 1 == 1 { result *= base }
            base *= base
            count >>= 1
        }
        return result
    }
}
