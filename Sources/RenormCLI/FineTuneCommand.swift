import ArgumentParser
import Renorm

/// `renorm finetune`.
struct FineTuneCommand: AsyncParsableCommand, OptionTable {
    static let name = "finetune"

    static let configuration = CommandConfiguration(
        commandName: name,
        abstract: "Train a trained network on other pictures.",
        discussion: """
            The options of 'renorm train', with other defaults: for small sets of pictures, small batches, and a network that knows much \
            already. --from brings the network, its normalization and the preparation of pictures; a head for another number of classes \
            starts anew and is trained alone at first.

            Examples:
              renorm finetune --from runs/a --data images:DIR --run runs/b
              renorm finetune --from mobilenet_v2.pth --model mobilenetv2 --data images:DIR --size 96 --run runs/c
              renorm finetune --from runs/a --data csv:FILE --norm batch-renorm --batch-size 2 --run runs/d
              renorm finetune --from runs/a --data images:DIR --unfreeze "head for 2 epochs, last:3 for 500 steps, all" \
            --learning-rate auto --run runs/e
              renorm train --resume --run runs/e

            A run goes on under 'renorm train' as under 'renorm finetune'.
            """)

    @OptionGroup var options: TrainOptions

    /// Throws where no network is named.
    func validate() throws {
        guard options.from != nil || options.resume else {
            throw ValidationError(
                "--from: found no network; expected a run's folder or a file of weights to go on from. Name one, or train a new "
                    + "network with 'renorm train'.")
        }
    }

    func run() async throws { try await TrainingSession(asked: options).run() }
}
