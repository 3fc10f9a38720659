import ArgumentParser
import Foundation
import Renorm

/// The command-line tool: one file a command, each of which parses, calls the library, and prints.
@main
struct RenormCommand: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "renorm",
        abstract: "Trains convolutional networks that behave at inference as they did in training.",
        discussion: """
            A first run:   renorm train --data fashion-mnist --run runs/first
            The same with batch normalization:   renorm train --norm batch --run runs/second
            What was learned:   renorm evaluate runs/first
            With batch statistics instead of moving averages:   renorm evaluate runs/first --statistics batch
            """,
        version: version,
        subcommands: [
            TrainCommand.self, CompareCommand.self, EvaluateCommand.self, PredictCommand.self,
            DescribeCommand.self,
        ])

    static func main() async {
        do {
            let arguments = try ConfigurationFile.expand(Array(CommandLine.arguments.dropFirst()))
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            exit(withError: error)
        }
    }
}

/// An error of the command line itself: what was found, what was expected, what to do.
struct UsageError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}
