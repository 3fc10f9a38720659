import RenormImages
import RenormLayers

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Examination {
    /// Whether the groups that training normalizes are to blame: how they are drawn, or how small they are.
    func testGroups() throws {
        guard let sampler, scores[.population] != nil, let best = bestAverages() else { return }
        var evidence: [String: Double] = ["group": Double(group)]
        evidence["design_effect"] = sampler.designEffect?.value
        evidence["effective_group"] = sampler.effectiveGroup
        evidence["classes_of_group"] = sampler.classesOfGroup
        evidence["expected_classes"] = sampler.expectedClasses
        if isBiased {
            try testBiasedBatches(best, sampler, evidence)
        } else if group <= thresholds.smallGroup {
            try testSmallGroups(best, evidence)
        }
    }

    /// Whether batches are no independent draws.
    private var isBiased: Bool {
        sampler?.designEffect.map { $0.value > thresholds.designEffect && $0.isBiased } ?? false
    }

    /// Whether the estimator that training has is off because of how groups are drawn, or how small they are.
    var isGroupsFault: Bool {
        let estimator = difference(.training, .population)
        return (isBiased || group <= thresholds.smallGroup) && estimator.improves(thresholds)
    }

    /// Whether every normalization corrects its batches to the averages.
    private var isRenormalizing: Bool {
        moving.allSatisfy { $0.normalization.kind is BatchRenormalization }
    }

    /// Groups that are no independent draws.
    private func testBiasedBatches(
        _ best: BestAverages, _ sampler: SamplerDiagnosis, _ evidence: [String: Double]
    ) throws {
        let classes =
            if let own = sampler.classesOfGroup, let expected = sampler.expectedClasses {
                "groups of \(group) have \(oneDecimal(own)) classes where independent ones have \(oneDecimal(expected))"
            } else {
                "the pictures of a group are alike"
            }
        if try reportGap(.biasedBatches, to: .drawn, best, evidence, note: classes) { return }
        if hasLearnedNothing {
            // There is no gap, because training does no better.
            let chance = 1 / Double(subject.training.classCount)
            add(
                Finding(
                    .biasedBatches, loss: .nan, accuracy: .nan, evidence: evidence,
                    note:
                        "\(classes); in training as at inference the network does as chance would, \(percent(best.score.accuracy)) beside \(percent(chance)): steps of few classes undo one another",
                    remedy: Finding.Remedy("train anew with batches that are drawn independently")))
            try proposeTraining(best, isNew: true)
        } else if !isRenormalizing {
            add(
                Finding(
                    .biasedBatches, kind: .information, loss: 0, accuracy: 0, evidence: evidence,
                    note: classes
                        + (subject.isLabelled
                            ? "; inference does not part from training by that, but it can make both worse"
                            : "; whether inference suffers from that cannot be told without labels")
                ))
            try proposeTraining(best, isNew: false, isControlled: true)
        }
    }

    /// Groups whose own statistics do better than the population's.
    private func testSmallGroups(_ best: BestAverages, _ evidence: [String: Double]) throws {
        _ = try reportGap(.smallGroups, to: .independent, best, evidence, note: "")
    }

    /// Reports what groups cost: by how much inference is worse with the best averages than training is with batches, and what
    /// training's own averages cost beside those.
    ///
    /// - Returns: Whether they cost anything.
    private func reportGap(
        _ cause: Cause, to batches: StatisticsKind, _ best: BestAverages, _ evidence: [String: Double],
        note: String
    ) throws -> Bool {
        var evidence = evidence
        var (loss, accuracy) = (0.0, 0.0)
        if subject.isLabelled, let seen = scores[batches] {
            let gap = difference(.population, batches)
            let remaining = best.score.difference(of: seen, seed: options.seed)
            evidence["population_to_\(batches.rawValue)"] = gap.loss
            evidence["population_to_\(batches.rawValue)_error"] = gap.lossError
            if !isRenormalizing, differs(gap),
                -remaining.loss > thresholds.loss || remaining.accuracy > thresholds.accuracy
            {
                (loss, accuracy) = (-remaining.loss, remaining.accuracy)
            }
        }
        let isGap = loss != 0
        if let mismatch {
            loss -= mismatch.gain.loss
            accuracy += mismatch.gain.accuracy
            evidence["training_to_population"] = difference(.training, .population).loss
        }
        guard isGap || mismatch != nil else { return false }
        let texts = [note, isGap && mismatch == nil ? "no averages help" : ""].filter { !$0.isEmpty }
        add(
            Finding(
                cause, loss: loss, accuracy: accuracy, evidence: evidence,
                note: texts.joined(separator: "; "),
                remedy: mismatch.map(recalibration)
                    ?? Finding.Remedy(
                        "\(subject.names.command("finetune --from", subject.names.start, subject.names.data, "--norm batch-renorm")), or \(cause == .smallGroups ? "normalize more examples together" : "draw batches independently")"
                    )))
        if !isRenormalizing { try proposeTraining(best, isNew: false) }
        return true
    }

    /// Whether the network does hardly better than a guess, in whatever mode.
    private var hasLearnedNothing: Bool {
        let chance = 1 / Double(subject.training.classCount)
        return scores.values.allSatisfy { $0.accuracy < 2 * chance }
            && scores[.stored].map { !$0.loss.isFinite || $0.loss > thresholds.guessing * -log(chance) }
                ?? false
    }

    private func differs(_ difference: PairedDifference) -> Bool {
        abs(difference.loss) > thresholds.groups
            && abs(difference.loss) > thresholds.standardErrors * difference.lossError
    }

    /// Proposes to try short trainings as remedies of the last finding: with batch renormalization and batches as training drew them, and
    /// where that does not help with independent ones.
    ///
    /// - Parameters:
    ///   - isNew: Whether to start from new values, with independent batches at once.
    ///   - isControlled: Whether the network as it is makes as many steps, to compare with.
    private func proposeTraining(_ best: BestAverages, isNew: Bool, isControlled: Bool = false) throws {
        guard options.triesTraining, subject.isLabelled else { return }
        let start = try model(with: best.averages)
        func trial(_ network: Model, control: Model? = nil, _ sampling: Sampling) throws -> RetrainingTrial? {
            try RetrainingTrial(
                network, control: control, isNew: isNew, sampling: sampling, group: group, of: subject,
                training: reference, scored: scored, cause: findings.last!.cause)
        }
        if isNew {
            trials = try [trial(model.initialized(seed: subject.history.seed), .shuffled)].compactMap(\.self)
        } else {
            let renormalizing = try moving.reduce(start) {
                try $0.converting(PathPattern($1.path), to: .batchRenorm)
            }
            trials = try [
                trial(renormalizing, control: isControlled ? start : nil, subject.history.sampling)
            ].compactMap(\.self)
            if !isControlled, subject.history.sampling != .shuffled,
                let other = try trial(renormalizing, .shuffled)
            {
                trials.append(other)
            }
        }
        if trials.isEmpty {
            remarks.append(
                "a training was not tried: it would take too long, or there are too few pictures")
        }
    }

    private func oneDecimal(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    private func percent(_ part: Double) -> String { "\((part * 1000).rounded() / 10) %" }
}
