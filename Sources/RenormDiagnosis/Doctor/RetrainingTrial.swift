import RenormEngines
import RenormGraphs
import RenormImages
import RenormLayers
import RenormTraining

/// A short training that is tried where no averages help: on the pictures that statistics were measured on, scored on the others.
///
/// It goes on from the weights that there are, with batch renormalization; or it starts anew, where these are worth nothing, on batches that
/// are drawn independently.
struct RetrainingTrial {
    /// The network to start from.
    var model: Model
    /// The network as it is, which makes the same steps: what these do by themselves is no merit of another normalization. `nil` where it is
    /// known that inference parts from training.
    var control: Model?
    /// Whether it starts from new values.
    var isNew: Bool
    /// Steps, batches, their order and groups.
    var configuration: TrainingConfiguration
    /// The examples normalized together.
    var group: Int
    /// Pictures to train on.
    var training: Dataset
    /// Pictures to score on.
    var scored: Dataset
    /// The cause of the finding whose remedy it is.
    var cause: Cause

    /// The steps of a trial, where they cost no more than `mostOperations`: enough to see that it helps, not to be as good as it gets.
    private static let steps = 200
    /// The multiplications of all forward passes of a trial, whose gradients cost twice as many again.
    private static let mostOperations = 1_500_000_000_000.0
    /// The fewest steps that are worth a look.
    private static let leastSteps = 25
    private static let learningRate = 0.001

    /// - Returns: `nil` where it would take too long, or where there are fewer pictures than a batch has.
    init?(
        _ model: Model, control: Model?, isNew: Bool, sampling: Sampling, group: Int,
        of subject: Doctor.Subject,
        training: Dataset,
        scored: Dataset, cause: Cause
    ) throws {
        let batch = max(min(subject.history.batchSize, training.count) / group * group, group)
        let costs = try Double(max(model.describe().multiplyAdds, 1) * batch)
        let steps = Int(min(Double(RetrainingTrial.steps), RetrainingTrial.mostOperations / costs))
        guard steps >= RetrainingTrial.leastSteps, training.count >= batch else { return nil }
        (self.model, self.control, self.isNew) = (model, control, isNew)
        (self.group, self.cause) = (group, cause)
        (self.training, self.scored) = (training, scored)
        let options = TrainingOptions(
            optimizer: .adamW(), learningRate: .constant(RetrainingTrial.learningRate), clipNorm: 1)
        configuration = TrainingConfiguration(
            options: options, steps: steps, batchSize: batch,
            sampling: sampling,
            augmentation: subject.history.augmentation, validation: 0, seed: subject.history.seed,
            scaling: subject.scaling, evaluateEvery: steps)
    }

    /// What a trial came to.
    struct Outcome {
        var tried: Evaluation
        /// Of the network as it is, after as many steps.
        var control: Evaluation?
    }

    /// Trains, and scores.
    ///
    /// - Throws: `CancellationError`; what the engine and the pictures throw.
    func tried(with engine: any Engine, workers: Int?) async throws -> Outcome? {
        guard let tried = try await score(model, engine, workers) else { return nil }
        var result = Outcome(tried: tried)
        if let control { result.control = try await score(control, engine, workers) }
        return result
    }

    private func score(_ model: Model, _ engine: any Engine, _ workers: Int?) async throws -> Evaluation? {
        var trainer = Trainer(
            model: model, configuration: configuration, engine: engine, training: training,
            validation: scored, workers: workers)
        trainer.examplesOfBlock = group
        return try await trainer.run().validation
    }

    /// How the same is asked of the tool.
    func command(_ names: CommandNames) -> String {
        guard !isNew else { return "train anew with batches that are drawn independently" }
        let batch = configuration.batchSize
        return names.command(
            "finetune --from", names.start, names.data, "--norm batch-renorm --batch-size \(batch)",
            group == batch ? "" : "--norm-examples \(group)",
            configuration.sampling == .shuffled ? "" : "--sampling \(configuration.sampling)",
            "--unfreeze all --steps \(configuration.steps)")
    }
}

extension Diagnosis {
    /// Puts into its finding what a trial came to. What measures no better than leaving the network alone, or than averages measured anew,
    /// is not proposed.
    ///
    /// - Returns: Whether it is proposed.
    mutating func report(
        _ trial: RetrainingTrial, _ outcome: RetrainingTrial.Outcome, of names: CommandNames, least: Double
    ) -> Bool {
        let tried = outcome.tried
        guard let own = self[.stored]?.loss, let ownAccuracy = self[.stored]?.accuracy,
            let place = findings.firstIndex(where: { $0.cause == trial.cause })
        else {
            return false
        }
        let what =
            "\(trial.configuration.steps) steps \(trial.isNew ? "from new values" : "with batch renormalization") on batches drawn \(trial.configuration.sampling) were tried on \(trial.training.count) pictures"
        let known = findings[place].remedy?.measuredLoss ?? own
        guard tried.loss < known - least || !known.isFinite else {
            remarks.append("\(what), and gave a loss of \(tried.loss.threeDecimals): no better")
            return false
        }
        if let control = outcome.control {
            // More steps help most networks. What batch renormalization does is what it is better by than those.
            guard tried.loss < control.loss - least else { return false }
            findings[place].kind = .finding
            (findings[place].loss, findings[place].accuracy) = (
                control.loss - tried.loss, tried.accuracy - control.accuracy
            )
            findings[place].evidence["loss_after_as_many_steps"] = control.loss
            findings[place].note +=
                "; after as many steps with the normalization as it is, the loss is \(control.loss.threeDecimals)"
        } else if !findings[place].loss.isFinite {
            (findings[place].loss, findings[place].accuracy) = (
                own - tried.loss, tried.accuracy - ownAccuracy
            )
        }
        findings[place].remedy = Finding.Remedy(
            trial.command(names), loss: tried.loss, accuracy: tried.accuracy)
        remarks.append("\(what); on more of them, and longer, it gets better")
        findings.sort { $0.rank < $1.rank }
        return true
    }

    /// Takes back what was to be done before it was tried: nothing that was tried has helped.
    mutating func withdrawUnmeasuredRemedy(of cause: Cause) {
        for place in findings.indices
        where findings[place].cause == cause && findings[place].remedy?.measuredLoss == nil {
            findings[place].remedy = nil
        }
    }
}

extension Double {
    fileprivate var threeDecimals: String { "\((self * 1000).rounded() / 1000)" }
}

extension Model {
    /// The same layers with the values that they start from.
    func initialized(seed: UInt64) throws -> Model {
        var result = self
        for specification in try specifications() {
            result.variables[specification.path]?.value = specification.initialValue(seed: seed)
        }
        return result
    }
}
