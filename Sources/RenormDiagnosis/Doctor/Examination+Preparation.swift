import RenormArrays
import RenormImages
import RenormTraining

extension Examination {
    /// Whether pictures are prepared in use as they were in training: the same raw pictures in both ways. Looked at with the population's
    /// averages, so that wrong ones do not get in the way.
    func testPreparation() throws {
        guard let inUse = subject.inUse else { return }
        let all = subject.heldOut.flatMap { $0.count > 0 ? $0 : nil } ?? subject.training
        guard all.count == inUse.pictures.count, all.size == inUse.pictures.size else {
            throw TrainingError.option(
                name: "pictures as they are prepared in use",
                found: "\(inUse.pictures.count) of \(inUse.pictures.size)",
                expected: "the \(all.count) of \(all.size) that are scored, each in its place")
        }
        let own = try all.sample(options.examples, seed: options.seed).inMemory()
        let other = try inUse.pictures.sample(options.examples, seed: options.seed).inMemory()
        let distance = try inputDifference(own, other, inUse.scaling)
        guard distance > thresholds.preparation else {
            remarks.append(
                "the two preparations of pictures differ by \((distance * 10000).rounded() / 100) % of a standard deviation, which is no difference"
            )
            return
        }
        let trusted = try trusted()
        let asTrained = try score(trusted, on: own)
        let asUsed = try score(trusted, on: other, scaling: inUse.scaling)
        let gain = asUsed.difference(of: asTrained, seed: options.seed)
        guard gain.improves(thresholds) else {
            remarks.append(
                "the two preparations of pictures differ by \((distance * 100).rounded() / 100) standard deviations, which costs nothing"
            )
            return
        }
        var evidence = evidence(gain, ["input_difference": distance])
        if subject.isLabelled {
            (evidence["loss_as_trained"], evidence["loss_as_used"]) = (asTrained.loss, asUsed.loss)
        } else {
            (evidence["confidence_as_trained"], evidence["confidence_as_used"]) = (
                asTrained.confidence, asUsed.confidence
            )
        }
        add(
            Finding(
                .preparation, loss: -gain.loss, accuracy: gain.accuracy, evidence: evidence,
                remedy: Finding.Remedy(
                    "prepare pictures as in training: \(inUse.asInTraining)", loss: asTrained.loss,
                    accuracy: asTrained.accuracy,
                    changedAnswers: subject.isLabelled ? nil : gain.changed,
                    meanConfidence: subject.isLabelled ? nil : asTrained.confidence)))
    }

    /// The root of the mean square of what the network's input differs by, in standard deviations of the input.
    private func inputDifference(_ own: Dataset, _ other: Dataset, _ scaling: InputScaling) throws -> Double {
        let (next, nextOther) = (
            try images(own, batch: 64, isShuffled: false).open(),
            try images(other, batch: 64, isShuffled: false, scaling: scaling).open()
        )
        var (squares, sum, sumOfSquares, count) = (0.0, 0.0, 0.0, 0.0)
        while let batch = try next(), let otherBatch = try nextOther() {
            for (value, changed) in zip(batch.values(of: Float.self), otherBatch.values(of: Float.self)) {
                let (value, changed) = (Double(value), Double(changed))
                squares += (value - changed) * (value - changed)
                sum += value
                sumOfSquares += value * value
                count += 1
            }
        }
        let variance = sumOfSquares / count - sum / count * (sum / count)
        return (squares / count / max(variance, .leastNormalMagnitude)).squareRoot()
    }
}
