import ArgumentParser
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
    static var changeable: String {
        let names = TrainOptions.options.filter(\.mayChange).map { "--\($0.name)" }
            .filter { !["--resume", "--config"].contains($0) }
        return list(names)
    }

    func run() async throws { try await TrainingSession(asked: options).run() }
}
