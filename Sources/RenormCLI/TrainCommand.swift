import ArgumentParser
import Foundation
import Renorm

/// `renorm train`.
struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a network and measure it on the test images.",
        discussion: """
            Holds out some training images, saves the state that does best on them, and reads the test images once, at \
            the end. Ctrl-C finishes the step, saves, and says how to go on.

            Examples:
              renorm train --run runs/a
              renorm train --run runs/b --norm batch-renorm --batch-size 32 --norm-examples 4
              renorm train --run runs/c --norm batch --sampling label-blocks:16x2 --batch-size 32 --steps 2000
              renorm train --run runs/a --resume

            On resuming, options come from the run's config.yml. --threads, --engine, --memory, --recompute, \
            --evaluate-every, --checkpoint-every, --on-non-finite and --log may differ from before, and --steps where \
            no schedule depends on it (the cosine and --limits ramp do); whatever else the numbers depend on may not.

            An option that can have no effect beside the others, such as --limits with --norm batch, is refused by name; \
            if it comes from a file (--config), it is said as a warning.
            """)

    @OptionGroup var options: TrainOptions

    func run() async throws {
        let folder = RunFolder(URL(fileURLWithPath: options.run))
        if !options.resume && !folder.isEmpty { throw TrainingError.runExists(folder: folder.url.path) }
        let sources = try options.dataSources.map { try DatasetSource(parsing: $0) }
        let engine = try options.engine.makeEngine(threads: options.threads)
        let given = ConfigurationFile.names(in: CommandLine.arguments)
        let (training, test) = try loading(sources, isGiven: given.contains("--data")) {
            try DatasetSource.load($0, numbering: options.labels.numbering)
        }
        let configuration = try options.configuration(training: training)
        let goesOn = options.resume && folder.hasCheckpoint
        let needless = try NeedlessOption.warnings(
            options.needless(steps: configuration.steps, given: given, goesOn: goesOn), given: given)
        let model = try options.model(configuration, goesOn: goesOn)

        let trainer = Trainer(
            model: model, configuration: configuration, engine: engine, training: training, test: test,
            folder: folder, resumes: options.resume)
        let printer: any EventPrinter =
            options.log == .json ? JSONPrinter() : HumanPrinter(run: options.run, options: options)
        // A run that goes on has said them when it began.
        if !goesOn { needless.forEach { printer.print(.warning($0)) } }
        let record = try configurationFile(configuration, engine: engine)
        try await follow(trainer, printer) {
            // Data that have moved are looked for there from now on.
            if given.contains("--data") || !FileManager.default.fileExists(atPath: folder.configuration.path)
            {
                try AtomicFile.write(record, to: folder.configuration)
            }
        }
    }

    /// Prints the run's events. Signals cancel the run, which then saves its state; a second one ends the process.
    ///
    /// - Parameter started: Called when the run's folder is there and everything is planned.
    private func follow(
        _ trainer: Trainer, _ printer: any EventPrinter, started: @escaping @Sendable () throws -> Void
    ) async throws {
        let work = Task {
            var interruption: Interruption?
            for try await event in trainer.events {
                if case .started = event { try started() }
                printer.print(event)
                if case .interrupted(let how) = event { interruption = how }
            }
            return interruption
        }
        let signals = Signals { work.cancel() }
        defer { signals.restore() }
        do {
            if try await work.value != nil { throw ExitCode(signals.exitCode) }
        } catch {
            printer.close()
            throw error
        }
    }

    /// What `RUN/config.yml` says: the options with every default settled, and what they ran on.
    private func configurationFile(_ configuration: TrainingConfiguration, engine: any Engine) throws
        -> String
    {
        let environment = RunEnvironment(engine: engine.description)
        return try options.resolved(by: configuration).yaml(recorded: [
            ("build", environment.build),
            ("engine", "\(environment.engine.name) \(environment.engine.version)"),
            ("engine-threads", "\(environment.engine.threads)"),
            ("instruction-set", environment.engine.instructionSet),
        ])
    }
}

/// Turns SIGINT and SIGTERM into a call; a second one ends the process at once.
final class Signals: @unchecked Sendable {
    private let lock = NSLock()
    private var received: Int32?
    private var sources: [any DispatchSourceSignal] = []

    init(_ cancel: @escaping @Sendable () -> Void) {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [weak self] in
                guard let self else { return }
                let isFirst = lock.withLock {
                    defer { received = number }
                    return received == nil
                }
                if isFirst { cancel() } else { _exit(128 + number) }
            }
            source.resume()
            sources.append(source)
        }
    }

    /// What a shell expects of a process ended by the signal received.
    var exitCode: Int32 { 128 + (lock.withLock { received } ?? SIGINT) }

    /// Gives signals their usual meaning back.
    func restore() {
        sources.forEach { $0.cancel() }
        for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
    }
}
