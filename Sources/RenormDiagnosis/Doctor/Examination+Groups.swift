import RenormLayers

extension Examination {
    /// Whether the groups that training normalizes are to blame: how they are drawn, or how small they are.
    func testGroups() throws {
        guard let sampler, scores[.population] != nil, let best = bestAverages() else { return }
        let effect = sampler.designEffect
        let isBiased = effect.map { $0.value > thresholds.designEffect && $0.isBiased } ?? false
        let isRenormalizing = moving.allSatisfy { $0.normalization.kind is BatchRenormalization }
        func differs(_ difference: PairedDifference) -> Bool {
            abs(difference.loss) > thresholds.groups
                && abs(difference.loss) > thresholds.standardErrors * difference.lossError
        }
        var evidence: [String: Double] = ["group": Double(group)]
        evidence["design_effect"] = effect?.value
        evidence["effective_group"] = sampler.effectiveGroup
        evidence["classes_of_group"] = sampler.classesOfGroup
        evidence["expected_classes"] = sampler.expectedClasses
        if isBiased, scores[.drawn] != nil {
            let toDrawn = difference(.population, .drawn)
            let estimator = difference(.training, .population)
            let remaining = best.score.difference(of: scores[.drawn]!, seed: options.seed)
            let isGap =
                isRenormalizing
                ? false
                : differs(toDrawn)
                    || (estimator.loss < -thresholds.loss
                        && -estimator.loss > thresholds.standardErrors * estimator.lossError)
            let classes =
                if let own = sampler.classesOfGroup, let expected = sampler.expectedClasses {
                    "groups of \(group) have \(rounded(own)) classes where independent ones have \(rounded(expected))"
                } else {
                    "groups of \(group) are alike in themselves"
                }
            if subject.isLabelled {
                evidence["population_to_drawn"] = toDrawn.loss
                evidence["population_to_drawn_error"] = toDrawn.lossError
            }
            // Inference has to be worse than what training sees.
            guard isGap, -remaining.loss > thresholds.loss || remaining.accuracy > thresholds.accuracy else {
                guard !isRenormalizing else { return }
                add(
                    Finding(
                        .biasedBatches, kind: .information, loss: 0, accuracy: 0, evidence: evidence,
                        note: classes
                            + (subject.isLabelled
                                ? "; inference does not suffer from that, but steps of few classes have gradients that are as one-sided"
                                : "; whether inference suffers from that cannot be told without labels")
                    ))
                return
            }
            add(
                Finding(
                    .biasedBatches, loss: -remaining.loss, accuracy: remaining.accuracy, evidence: evidence,
                    note: classes,
                    remedy: Finding.Remedy(
                        "renorm finetune --from \(subject.command) --norm batch-renorm, or draw batches independently: no averages help"
                    )))
        } else if !isBiased, !isRenormalizing, group <= thresholds.smallGroup, scores[.independent] != nil {
            let toGroups = difference(.population, .independent)
            let remaining = best.score.difference(of: scores[.independent]!, seed: options.seed)
            guard differs(toGroups), -remaining.loss > thresholds.loss else { return }
            evidence["population_to_groups"] = toGroups.loss
            add(
                Finding(
                    .smallGroups, loss: -remaining.loss, accuracy: remaining.accuracy, evidence: evidence,
                    remedy: Finding.Remedy(
                        "renorm finetune --from \(subject.command) --norm batch-renorm, or normalize more examples together"
                    )))
        }
    }

    private func rounded(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
