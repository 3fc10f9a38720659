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
        let data = subject.dataCommand.isEmpty ? "" : " " + subject.dataCommand
        return remedy(
            "renorm recalibrate \(subject.command)\(data) --estimator \(best.kind.rawValue)", best.score)
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

        if !bad.isEmpty, let epsilon = try otherEpsilon(), try report(epsilon) { return }
        if !bad.isEmpty, try testAveragedWeights(best) { return }
        if !resetLayers.isEmpty {
            try report(.averagesReset, at: moving.map(\.path).filter(resetLayers.contains), best)
            take(Array(resetLayers))
        }
        if try testLyingFreeze(bad, best) { return }
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
        if try testDropout(best) { return }
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
        guard let step = subject.history.step, let steps = subject.history.steps else { return false }
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

    // MARK: Tests

    /// Pairs of layers whose averages fit when they are exchanged.
    private func testSwapped(_ bad: [String], _ best: BestAverages) throws -> [String] {
        var taken: [String] = []
        let byPath = Dictionary(moving.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        func deviation(_ averages: LayerAverages, at path: String) -> Double {
            let epsilon = byPath[path]!.normalization.epsilon
            return [training[path], population[path]].compactMap {
                $0.map { AveragesDeviation(averages, from: $0, epsilon: epsilon).total }
            }.min() ?? .infinity
        }
        for (place, first) in bad.enumerated() {
            for second in bad.dropFirst(place + 1) where !taken.contains(first) && !taken.contains(second) {
                guard let one = stored[first], let other = stored[second],
                    one.means.count == other.means.count
                else { continue }
                let exchanged = deviation(other, at: first) + deviation(one, at: second)
                let own = (layers[first]?.deviation ?? 0) + (layers[second]?.deviation ?? 0)
                guard exchanged < thresholds.exchange * own else { continue }
                try report(
                    .swappedStatistics, at: [first, second], best,
                    evidence: ["exchanged_deviation": exchanged / own],
                    note: "the averages of \(first) and \(second) stand in each other's place")
                taken += [first, second]
            }
        }
        return taken
    }

    /// Dead channels, and the layers after them whose averages do not know of it.
    private func testDeadChannels(_ bad: [String], _ best: BestAverages) throws -> [String] {
        var taken: [String] = []
        for (place, record) in moving.enumerated() {
            guard let dead = layers[record.path]?.deadChannels, !dead.isEmpty else { continue }
            let next = place + 1 < moving.count ? moving[place + 1].path : nil
            // A layer's own averages are no worse for what its ReLU does not let through.
            let own = constantChannels(record).isEmpty ? nil : record.path
            let isFelt = [own, next].compactMap(\.self).filter { bad.contains($0) && !taken.contains($0) }
            guard !isFelt.isEmpty else { continue }
            let before = findings.count
            try report(
                .deadChannels, at: isFelt, best,
                evidence: ["channels": Double(dead.count), "channel": Double(dead[0])],
                note:
                    "channels \(dead.prefix(5).map(String.init).joined(separator: ", ")) give the same whatever comes"
            )
            guard findings.count > before else { continue }
            findings[before].layer = record.path
            taken += isFelt
        }
        return taken
    }

    /// Another ε with which the averages fit.
    private func otherEpsilon() throws -> (epsilon: Double, model: Model, deviation: Double)? {
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

    private func report(_ found: (epsilon: Double, model: Model, deviation: Double)) throws -> Bool {
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

    /// Averages that fit the weights that training went on with, rather than those that the network has.
    private func testAveragedWeights(_ best: BestAverages) throws -> Bool {
        guard let live = subject.history.live else { return false }
        var other = model
        for (path, variable) in live where variable.kind == .parameter && other.variables[path] != nil {
            other.variables[path]?.value = variable.value
        }
        let truth = try populationAverages(of: other, on: reference.sample(1024, seed: options.seed))
        let deviations = moving.compactMap { record in
            stored[record.path].flatMap { own in
                truth[record.path].map {
                    AveragesDeviation(own, from: $0, epsilon: record.normalization.epsilon).total
                }
            }
        }
        let own = moving.compactMap { layers[$0.path]?.deviation }.median
        guard deviations.median < 0.7 * own else { return false }
        add(
            Finding(
                .averagedWeights, loss: -best.gain.loss, accuracy: best.gain.accuracy,
                evidence: evidence(
                    best.gain, ["deviation": own, "deviation_of_live_weights": deviations.median]),
                remedy: recalibration(best)))
        return true
    }

    /// Averages that were made with dropout on: those of a network with it fit, those of the network do not.
    private func testDropout(_ best: BestAverages) throws -> Bool {
        let builder = GraphBuilder()
        let dropping = Phase(statistics: .batch, corrects: false, updatesStatistics: false, dropout: true)
        _ = try model.normalizing(together: nil).trace(
            builder.images(model.input, batch: 2), on: builder, phase: dropping)
        guard builder.graph.nodes.contains(where: { if case .random = $0.op { true } else { false } }) else {
            return false
        }
        let few = reference.sample(1024, seed: options.seed)
        let seen = try pass(
            model.normalizing(together: nil), phase: dropping, on: images(few))
        func worst(_ truth: (String) -> LayerAverages?) -> Double {
            moving.compactMap { record in
                stored[record.path].flatMap { own in
                    truth(record.path).map {
                        AveragesDeviation(own, from: $0, epsilon: record.normalization.epsilon).total
                    }
                }
            }.max() ?? .infinity
        }
        let (with, without) = (worst { seen[$0]?.averages }, worst { population[$0] })
        guard with < 0.7 * without else { return false }
        add(
            Finding(
                .dropoutShift, loss: -best.gain.loss, accuracy: best.gain.accuracy,
                evidence: evidence(best.gain, ["deviation": without, "deviation_with_dropout": with]),
                remedy: recalibration(best)))
        return true
    }

    /// Frozen parts that were not: they have the weights and averages that they started from, but what comes after them was trained on
    /// what they give with batch statistics.
    private func testLyingFreeze(_ bad: [String], _ best: BestAverages) throws -> Bool {
        guard let origin = subject.history.origin else { return false }
        let kept = moving.filter { record in
            let paths = record.normalization.statistics(channels: 1).map(\.name)
                .filter { $0.hasPrefix("running_") }.map(record.place)
            return !paths.isEmpty
                && paths.allSatisfy { path in
                    origin[path].map { $0.value.doubles == model.variables[path]?.value.doubles } ?? false
                }
        }.map(\.path)
        let own = bad.filter(kept.contains)
        guard !own.isEmpty, kept.count < moving.count else { return false }
        try report(
            .lyingFreeze, at: own, best, evidence: ["kept": Double(kept.count)],
            note: "their averages are those that they started from, but training normalized with batches")
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
