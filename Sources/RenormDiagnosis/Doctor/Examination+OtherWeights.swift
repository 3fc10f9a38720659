import RenormArrays
import RenormGraphs
import RenormLayers

extension Examination {
    /// Averages that fit the weights that training went on with, rather than those that the network has.
    func testAveragedWeights(_ best: BestAverages) throws -> Bool {
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

    /// Frozen parts that were not: they have the weights and averages that they started from, but what comes after them was trained on
    /// what they give with batch statistics.
    func testLyingFreeze(_ bad: [String], _ best: BestAverages) throws -> Bool {
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

    /// Parts that were frozen with their parameters alone: these are as they were, but their averages moved. Inference suffers no more from it
    /// than with a network that was trained throughout, but it is another than the one that was to be kept.
    func testMovedFreeze() {
        guard let origin = subject.history.origin else { return }
        func isKept(_ path: String) -> Bool {
            guard let own = model.variables[path]?.value, let first = origin[path]?.value else {
                return false
            }
            return own.doubles == first.doubles
        }
        let parameters = Set(model.variables.filter { $1.kind == .parameter }.map { $0.0 })
        guard parameters.contains(where: { !isKept($0) }) else { return }
        let moved = moving.compactMap { record -> (path: String, deviation: Double)? in
            let own = ["weight", "bias"].map(record.place).filter(parameters.contains)
            guard !own.isEmpty, own.allSatisfy(isKept), let first = LayerAverages(record, in: origin),
                let now = stored[record.path], now.means.count == first.means.count
            else { return nil }
            let deviation = AveragesDeviation(now, from: first, epsilon: record.normalization.epsilon).total
            return deviation > thresholds.movedFreeze ? (record.path, deviation) : nil
        }
        guard let furthest = moved.max(by: { $0.deviation < $1.deviation }) else { return }
        add(
            Finding(
                .lyingFreeze, kind: .information, layer: furthest.path, loss: 0, accuracy: 0,
                evidence: ["layers": Double(moved.count), "deviation": furthest.deviation],
                note:
                    "the parameters of \(moved.count) layers are those that they started from, but their averages moved: frozen were parameters alone",
                remedy: Finding.Remedy("freeze parameters and statistics: renorm finetune --freeze PARTS")))
    }
}
