import ArgumentParser
import Foundation
import Renorm

/// `renorm train`.
struct TrainCommand: AsyncParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a network and measure it on the test images.",
        discussion: """
            Holds out some training images, saves the state that does best on them, and reads the test images once, at \
            the end. Ctrl-C finishes the step, saves, and says how to go on; so does output that cannot be written.

            Examples:
              renorm train --run runs/a
              renorm train --run runs/b --norm batch-renorm --batch-size 32 --norm-examples 4
              renorm train --run runs/c --norm batch --sampling label-blocks:16x2 --batch-size 32 --steps 2000
              renorm train --run runs/a --resume

            On resuming, options come from the run's config.yml. \(changeable) may differ from before (the length where no \
            schedule depends on it: the cosine and --limits ramp do); whatever else the numbers depend on may not. \
            --data may say where the same images are now.

            An option that can have no effect beside the others, such as --limits with --norm batch, is refused by name; \
            if it comes from a file (--config), it is said as a warning.
            """)

    @OptionGroup var options: TrainOptions

    /// The options that may differ when a run goes on.
    private static var changeable: String {
        let names = TrainOptions.options.filter(\.mayChange).map { "--\($0.name)" }
            .filter { !["--resume", "--config"].contains($0) }
        return list(names)
    }

    func run() async throws {
        let asked = options
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
        let data = try loading(asked.images.sources, isGiven: isMoved) {
            try DataSource.load(
                $0, numbering: asked.labels.numbering,
                pictures: asked.images.pictures.options(asked.preparation, seed: asked.seed),
                observe: DataProgress().observe)
        }
        let (options, weights) = goesOn ? (asked, nil) : try asked.startingFromWeights()
        let configuration = try options.configuration(
            data: data, goingOnIn: goesOn ? folder : nil, startingFrom: weights)
        let needless = try NeedlessOption.warnings(
            options.needless(
                steps: configuration.steps, sources: data.training.sources.count, goesOn: goesOn))
        let model = try options.model(
            configuration, goingOnIn: goesOn ? folder : nil, startingFrom: weights)

        let record = configurationFile(options, configuration, engine: engine)
        var trainer = Trainer(
            model: model, configuration: configuration, engine: engine, training: data.training,
            validation: data.validation, test: data.test, folder: folder, resumes: options.resume,
            record: record, workers: options.loading.workers)
        trainer.pictures = data.pictures
        trainer.cache = options.caching.cache
        trainer.cacheBudget = options.caching.cacheBudget?.count
        let printer: any EventPrinter =
            options.output.log == .json ? JSONPrinter() : HumanPrinter(options)
        // A run that goes on has said them when it began.
        if !goesOn { for warning in needless { try printer.print(.warning(warning)) } }
        // Data that have moved are looked for there from now on.
        let moved = goesOn && isMoved ? record : nil
        try await follow(trainer, printer) {
            if let moved { try AtomicFile.write(moved, to: folder.configuration) }
        }
    }

    /// Prints the run's events. Signals, and output that cannot be written, cancel the run, which then saves its state; a
    /// second signal ends the process.
    ///
    /// - Parameter started: Called when the run has its folder and everything is planned.
    private func follow(
        _ trainer: Trainer, _ printer: any EventPrinter, started: @escaping @Sendable () throws -> Void
    ) async throws {
        let work = Task {
            var (interruption, failure) = (Interruption?.none, (any Error)?.none)
            for try await event in trainer.events {
                if case .interrupted(let how) = event { interruption = how }
                guard failure == nil else { continue }
                do {
                    if case .started = event { try started() }
                    try printer.print(event)
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
                + SuggestedCommands.evaluate(options.run)
        }
        return "Stopped after step \(interruption.step.grouped); the state is saved. Go on with:\n"
            + "  \(SuggestedCommands.resume(options.run))"
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
