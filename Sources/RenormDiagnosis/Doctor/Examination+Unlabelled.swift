import RenormImages
import RenormLayers

extension Examination {
    /// A remedy with what was measured with it: loss and accuracy or, without labels, what it does to answers and confidence.
    func remedy(_ command: String, _ score: ScoredExamples) -> Finding.Remedy {
        guard !score.isLabelled else {
            return Finding.Remedy(command, loss: score.loss, accuracy: score.accuracy)
        }
        return Finding.Remedy(
            command, changedAnswers: scores[.stored]?.changedAnswers(in: score),
            meanConfidence: score.confidence)
    }

    /// Pictures that the network is to be used on, where they or those of training have no labels. What they cost cannot be told then; that
    /// they are others is seen where layers are off, and that it matters where the network is less sure of them, or surer: of pictures that are
    /// all alike to it, it is sure of one class.
    func testUnlabelledTarget(
        _ target: Dataset, _ trusted: TrustedNetwork, there: ScoredExamples, evidence: [String: Double]
    ) throws {
        var evidence = evidence
        let own = trusted.score
        let (change, error) = (there.confidence - own.confidence, own.confidenceDistance(to: there))
        (evidence["confidence_change"], evidence["confidence_change_error"]) = (change, error)
        if let undone = try fittingChange(of: target, trusted.model, evidence: &evidence) {
            add(
                Finding(
                    .preparation, loss: .nan, accuracy: .nan, evidence: evidence,
                    note: "the pictures are \(undone.meaning)", remedy: Finding.Remedy(undone.remedy)))
            return
        }
        let isFelt = abs(change) > max(thresholds.confidence, thresholds.standardErrors * error)
        try reportTarget(
            target, kind: isFelt ? .finding : .information, loss: .nan, accuracy: .nan,
            home: own.confidence, evidence: evidence)
    }

    /// A change of pixels that brings what comes to the last normalization back to what it is in training, and without which the answers are
    /// others. The first ones do not see that pictures are turned or mirrored.
    private func fittingChange(
        of target: Dataset, _ trusted: Model, evidence: inout [String: Double]
    ) throws -> PictureChange? {
        guard let last = records.last?.path else { return nil }
        let few = target.sample(500, seed: options.seed)
        func deviation(_ pictures: Dataset) throws -> Double {
            try shifts(of: pictures, trusted).first { $0.path == last }?.deviation ?? .infinity
        }
        let before = try deviation(few)
        let known = try PictureChange.allCases.filter { $0.applies(to: few) }.map {
            ($0, try deviation($0(few)))
        }
        guard let best = known.min(by: { $0.1 < $1.1 }), best.1 < thresholds.exchange * before else {
            return nil
        }
        let (seen, changed) = (
            try score(trusted, on: few, isLabelled: false),
            try score(trusted, on: best.0(few), isLabelled: false)
        )
        let difference = changed.difference(of: seen, seed: options.seed)
        guard difference.changes(thresholds) else { return nil }
        evidence[Finding.changedAnswersKey] = difference.changed
        (evidence["last_shift"], evidence["last_shift_without_it"]) = (before, best.1)
        return best.0
    }
}

/// The network whose averages are the population's, or as it is where it has none, and how it does on held-out pictures.
struct TrustedNetwork {
    var model: Model
    var score: ScoredExamples
}

extension Doctor.Subject {
    /// Without labels nothing is drawn by them.
    ///
    /// - Returns: What there is to say of it.
    mutating func forgetLabels() -> [String] {
        guard !isLabelled else { return [] }
        var remarks = [
            "the pictures have no labels: which averages are better cannot be told, only how many answers they change, and how sure these are"
        ]
        switch history.sampling {
        case .sorted, .sortedBatches, .sortedBatchesInAnyOrder, .labelBlocks, .balanced:
            remarks.append(
                "training drew batches by label (\(history.sampling)), as pictures without labels cannot be; independent ones are measured"
            )
            history.sampling = .shuffled
        case .shuffled, .sequential, .sourceBlocks: break
        }
        return remarks
    }
}
