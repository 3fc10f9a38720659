import ArgumentParser
import Foundation
import Renorm

/// What `renorm train` and `renorm finetune` do once their options are read.
struct TrainingSession {
    let asked: TrainOptions

    func run() async throws {
        let folder = RunFolder(URL(fileURLWithPath: asked.run))
        if !asked.resume && !folder.isEmpty { throw TrainingError.runExists(folder: folder.url.path) }
        try NeedlessOption.warnings(
            NeedlessOption.aboutPictures(
                asked.values, sources: asked.images.sources, goesOn: asked.resume))
        let goesOn = asked.resume && folder.hasCheckpoint
        let engine = try asked.computing.make(
            convolution: goesOn
                ? CheckpointRecord(reading: folder.last).environment.engine.convolution : .auto)
        let isMoved = CommandArguments.typed.contains("data")
        let source = goesOn ? nil : try asked.fineTuningSource()
        let prepared = try source.map(asked.preparing) ?? asked
        let data = try loading(asked.images.sources, isGiven: isMoved) {
            try DataSource.load(
                $0, numbering: asked.labels.numbering,
                pictures: asked.images.pictures.options(prepared.preparation, seed: asked.seed),
                observe: DataProgress().observe)
        }
        var (options, weights) = goesOn ? (prepared, nil) : try prepared.startingFromWeights()
        if let source { options = options.scaling(as: source, channels: data.training.channels) }
        let start = try source.map { source in
            try options.start(from: source, on: options.trainedPart(of: data), engine: engine)
        }
        var configuration = try options.configuration(
            data: data, goingOnIn: goesOn ? folder : nil, startingFrom: weights, start: start)
        let needless = try NeedlessOption.warnings(
            options.needless(
                steps: configuration.steps, sources: data.training.sources.count, goesOn: goesOn))
        let model = try options.model(
            configuration, goingOnIn: goesOn ? folder : nil, startingFrom: weights, start: start)

        var trainer = Trainer(
            model: model, configuration: configuration, engine: engine, training: data.training,
            validation: data.validation, test: data.test, folder: folder, resumes: options.resume,
            workers: options.loading.workers)
        trainer.pictures = data.pictures
        trainer.cache = options.caching.cache
        trainer.cacheBudget = options.caching.cacheBudget?.count
        if options.learningRate == .auto, !goesOn {
            options.learningRate = .rate(try await findLearningRate(&trainer))
            configuration = try options.configuration(
                data: data, goingOnIn: nil, startingFrom: weights, start: start)
            trainer.configuration = configuration
        }
        let record = configurationFile(options, configuration, engine: engine)
        trainer.record = record
        let printer: any EventPrinter =
            options.output.log == .json
            ? JSONPrinter() : HumanPrinter(options, normalization: model.normalizationName)
        // A run that goes on has said them when it began.
        if !goesOn { for warning in needless { try printer.print(.warning(warning)) } }
        // Data that have moved are looked for there from now on.
        let moved = goesOn && isMoved ? record : nil
        let tensorboard = options.tensorboard ? TensorBoardPrinter(folder) : nil
        try await follow(trainer, printer, tensorboard) {
            if let moved { try AtomicFile.write(moved, to: folder.configuration) }
        }
    }

    /// The learning rate by a range test, whose curve the run's folder is to keep.
    private func findLearningRate(_ trainer: inout Trainer) async throws -> Double {
        let test = LearningRateTest(for: trainer.configuration.options.optimizer)
        let result = try await test.run(trainer)
        trainer.learningRates = result.csv
        let steps = result.curves.map { "\($0.curve.points.count)" }.joined(separator: " and ")
        warn(
            "note: a range test of \(steps) steps suggests a learning rate of \(result.rate) (learning-rate.csv in the run's folder)"
        )
        return result.rate
    }

    /// Prints the run's events. Signals, and output that cannot be written, cancel the run, which then saves its state; a
    /// second signal ends the process.
    ///
    /// - Parameter started: Called when the run has its folder and everything is planned.
    private func follow(
        _ trainer: Trainer, _ printer: any EventPrinter, _ tensorboard: TensorBoardPrinter?,
        started: @escaping @Sendable () throws -> Void
    ) async throws {
        let work = Task {
            var (interruption, failure) = (Interruption?.none, (any Error)?.none)
            for try await event in trainer.events {
                if case .interrupted(let how) = event { interruption = how }
                guard failure == nil else { continue }
                do {
                    if case .started = event { try started() }
                    try printer.print(event)
                    try tensorboard?.print(event)
                } catch {
                    // Not thrown here: the process must not end before the run has.
                    failure = error
                    withUnsafeCurrentTask { $0?.cancel() }
                }
            }
            return (interruption, failure)
        }
        let signals = Signals { work.cancel() }
        defer { signals.restore() }
        defer { printer.close() }
        let (interruption, failure) = try await work.value
        if let failure = failure as? ReportingError {
            throw signals.ending(failure, advice: advice(interruption))
        }
        if let failure { throw failure }
        if interruption != nil { throw ExitCode(signals.exitCode) }
    }

    /// What is saved, and how to go on, where the output does not say it.
    private func advice(_ interruption: Interruption?) -> String {
        guard let interruption else {
            return "The run has come to its end, and the model is saved: "
                + SuggestedCommands.evaluate(asked.run)
        }
        return "Stopped after step \(interruption.step.grouped); the state is saved. Go on with:\n"
            + "  \(SuggestedCommands.resume(asked.run))"
    }

    /// What `RUN/config.yml` says: the options with every default settled, and what they ran on.
    private func configurationFile(
        _ options: TrainOptions, _ configuration: TrainingConfiguration, engine: any Engine
    ) -> String {
        let environment = RunEnvironment(engine: engine.description)
        return options.resolved(by: configuration, on: engine.description).yaml(recorded: [
            ("build", environment.build),
            ("engine", "\(environment.engine.name) \(environment.engine.version)"),
            ("engine-threads", "\(environment.engine.threads)"),
            ("instruction-set", environment.engine.instructionSet),
        ])
    }
}

extension Model {
    /// What its normalizations are called, where all are the same; the most frequent one otherwise.
    fileprivate var normalizationName: String {
        let all = ((try? tracedNormalizations()) ?? []).map(\.normalization.description)
        let counts = Dictionary(all.map { ($0, 1) }, uniquingKeysWith: +)
        guard let most = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) else { return "none" }
        return most.key + (counts.count > 1 ? " and others" : "")
    }
}
