import RenormArrays
import RenormImages
import RenormLayers
import RenormTraining

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Examination {
    /// Whether pictures are what the network was trained on: their scaling, and those that it is to be used on. Both are looked at in the
    /// chain of population statistics, so that wrong averages do not get in the way.
    func testInput() throws {
        try testScaling()
        try testTarget()
    }

    /// The network with B's averages, or as it is where it has none.
    func trusted() throws -> Model { try population.isEmpty ? model : model(with: population) }

    /// A scaling that was measured on training pictures gives a mean of 0 and a deviation of 1.
    private func testScaling() throws {
        guard subject.history.isScalingMeasured else { return }
        let measured = try InputScaling(of: reference)
        let gaps = zip(subject.scaling.mean, measured.mean).enumerated().map { channel, pair in
            abs(pair.0 - pair.1) / measured.deviation[channel]
        }
        let logarithms = zip(subject.scaling.deviation, measured.deviation).map { abs(log($0 / $1)) }
        guard max(gaps.max() ?? 0, logarithms.max() ?? 0) > thresholds.scaling else { return }
        // Averages that are those of the other input are no fault of their own.
        let other = try score(model, scaling: measured)
        guard let own = scores[.stored] else { return }
        let gain = own.difference(of: other, seed: options.seed)
        guard gain.improves(thresholds) else { return }
        add(
            Finding(
                .preparation, loss: -gain.loss, accuracy: gain.accuracy,
                evidence: evidence(
                    gain,
                    [
                        "mean": subject.scaling.mean[0], "measured_mean": measured.mean[0],
                        "deviation": subject.scaling.deviation[0],
                        "measured_deviation": measured.deviation[0],
                    ]),
                note: "pixels are not scaled as the training pictures ask for",
                remedy: remedy(
                    "prepare pictures with the mean \(measured.mean.map { rounded($0) }.joined(separator: ",")) and the deviation \(measured.deviation.map { rounded($0) }.joined(separator: ","))",
                    other)))
    }

    private func rounded(_ value: Double) -> String { "\((value * 10000).rounded() / 10000)" }

    /// How far what comes to each normalization of a network is from its averages, in the order of the network.
    func shifts(of pictures: Dataset, _ trusted: Model) throws -> [LayerShift] {
        let seen = try pass(trusted, phase: .inference, on: images(pictures))
        return records.compactMap { record in
            guard let layer = seen[record.path], let own = LayerAverages(record, in: trusted.variables) else {
                return nil
            }
            return LayerShift(
                path: record.path,
                deviation: AveragesDeviation(layer.averages, from: own, epsilon: record.normalization.epsilon)
                    .total)
        }
    }

    /// Pictures that the network is to be used on.
    private func testTarget() throws {
        guard let all = subject.target else { return }
        let target = try all.sample(options.examples, seed: options.seed).inMemory()
        let trusted = try trusted()
        let own = try score(trusted)
        let there = try score(trusted, on: target, isLabelled: subject.isTargetLabelled)
        shifts = try shifts(of: target, trusted).sorted { $0.deviation > $1.deviation }
        let usual = try shifts(of: scored, trusted).map(\.deviation).max() ?? 0
        let worst = shifts.first?.deviation
        guard (worst ?? .infinity) > max(thresholds.shift, 2 * usual) else { return }
        var evidence = ["shift": worst ?? .nan, "usual_shift": usual]
        for shift in shifts.prefix(3) { evidence["shift \(shift.path)"] = shift.deviation }
        guard subject.isLabelled, subject.isTargetLabelled else {
            return try testUnlabelledTarget(
                target, TrustedNetwork(model: trusted, score: own), there: there, evidence: evidence)
        }
        let (cost, error) = (there.loss - own.loss, own.losses.distanceError(to: there.losses))
        guard cost > thresholds.domain, cost > thresholds.standardErrors * error else { return }
        evidence["error"] = error
        let accuracy = own.accuracy - there.accuracy
        if let change = try explainingChange(of: target, trusted, own, there) {
            evidence["loss_with_it"] = change.score.loss
            add(
                Finding(
                    .preparation, loss: cost, accuracy: accuracy, evidence: evidence,
                    note: "the pictures are \(change.change.meaning)",
                    remedy: Finding.Remedy(
                        change.change.remedy, loss: change.score.loss, accuracy: change.score.accuracy)))
            return
        }
        try reportTarget(
            target, kind: .finding, loss: cost, accuracy: accuracy, home: own.confidence, evidence: evidence)
    }

    /// Says that the target is of another domain, or of another sharpness, with adapting as the remedy.
    ///
    /// - Parameter home: The mean confidence on held-out pictures of training's kind.
    func reportTarget(
        _ target: Dataset, kind: Finding.Kind, loss: Double, accuracy: Double, home: Double,
        evidence: [String: Double]
    ) throws {
        let sharpness = try PictureSharpness(target).value / PictureSharpness(reference).value
        let isBlurred = sharpness < 0.5 || sharpness > 2
        add(
            Finding(
                isBlurred ? .preparation : .domainShift, kind: kind, loss: loss, accuracy: accuracy,
                evidence: evidence.merging(["sharpness": sharpness]) { $1 },
                note: isBlurred
                    ? "neighbouring pixels differ \(rounded(sharpness)) times as much as in training: another size or interpolation"
                    : "",
                remedy: try adaptation(target, home: home)))
    }

    /// Adapted averages, measured on the half of the target that they were not made of. Without labels they count as better where the mean
    /// confidence comes nearer to the usual one.
    private func adaptation(_ target: Dataset, home: Double) throws -> Finding.Remedy? {
        guard !records.isEmpty, records.count <= 60, target.count >= 8 else { return nil }
        let halves = try target.split(validation: target.count / 2, seed: options.seed)
        let isLabelled = subject.isTargetLabelled
        let before = try score(model, on: halves.validation, isLabelled: isLabelled)
        let adapted = try populationAverages(of: model, on: halves.training)
        let after = try score(model(with: adapted), on: halves.validation, isLabelled: isLabelled)
        let command = subject.names.command(
            "adapt", subject.names.network, subject.names.target ?? "--data \(target.name)",
            "--output adapted.safetensors")
        guard isLabelled else {
            guard abs(after.confidence - home) < abs(before.confidence - home) || !before.isFinite else {
                return nil
            }
            return Finding.Remedy(
                command, changedAnswers: before.changedAnswers(in: after), meanConfidence: after.confidence)
        }
        guard after.loss < before.loss || !before.loss.isFinite else { return nil }
        return Finding.Remedy(command, loss: after.loss, accuracy: after.accuracy)
    }

    /// A change of pixels with which the target is like training.
    private func explainingChange(
        of target: Dataset, _ trusted: Model, _ own: ScoredExamples, _ there: ScoredExamples
    ) throws -> (change: PictureChange, score: ScoredExamples)? {
        let few = target.sample(500, seed: options.seed)
        let before = try score(trusted, on: few)
        var best: (change: PictureChange, score: ScoredExamples)?
        for change in PictureChange.allCases where change.applies(to: few) {
            let changed = try score(trusted, on: change(few))
            if changed.loss < best?.score.loss ?? .infinity { best = (change, changed) }
        }
        guard let best, before.loss - best.score.loss > 0.7 * (before.loss - own.loss),
            before.loss - best.score.loss > thresholds.domain
        else { return nil }
        return best
    }
}
