import ArgumentParser
import Foundation
import Renorm

/// The command-line tool: one file a command, each of which parses, calls the library, and prints.
@main
struct RenormCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "renorm",
        abstract: "Trains convolutional networks that behave at inference as they did in training.",
        discussion: """
            A first run:   renorm train --data fashion-mnist --run runs/first
            The same with batch normalization:   renorm train --norm batch --run runs/second
            What was learned:   renorm evaluate runs/first
            With batch statistics instead of moving averages:   renorm evaluate runs/first --statistics batch
            """,
        version: RunEnvironment.version,
        subcommands: [
            TrainCommand.self, FineTuneCommand.self, CompareCommand.self, EvaluateCommand.self,
            PredictCommand.self, DescribeCommand.self, ConvertCommand.self, AdaptCommand.self,
            ExportCommand.self, StreamCommand.self, DoctorCommand.self, RecalibrateCommand.self,
            ReportCommand.self,
        ])

    static func main() async {
        StandardStreams.prepare()
        do {
            var command = try parseAsRoot(ConfigurationFile.expand(CommandArguments.typed))
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            end(naming(CommandArguments.typed.table?.options ?? [], in: error))
        }
    }

    /// Ends the process with what an error asks for: help on standard output, everything else on standard error.
    private static func end(_ error: any Error) -> Never {
        if case ReportingError.readerGone = error {
            // As if the signal had ended it that a reader's end is told by.
            Foundation.exit(128 + SIGPIPE)
        }
        let (code, message) = (exitCode(for: error), fullMessage(for: error))
        if code.isSuccess {
            do {
                if !message.isEmpty { try say(message) }
            } catch {
                end(error)
            }
        } else if !message.isEmpty {
            warn(message)
        }
        // An exit code that is thrown is meant as it is.
        let isError = !code.isSuccess && !(error is ExitCode)
        Foundation.exit(isError ? CommandArguments.typed.table?.errorCode ?? code.rawValue : code.rawValue)
    }
}

/// The commands with their options.
package var commandTables: [(name: String, options: [OptionDefinition])] {
    RenormCommand.configuration.subcommands.map { command in
        guard let table = command as? any OptionTable.Type, let name = command.configuration.commandName
        else {
            preconditionFailure("\(command) has no table of options")
        }
        return (name, table.options)
    }
}

/// An error of the command line itself: what was found, what was expected, what to do.
package struct UsageError: Error, CustomStringConvertible {
    package var description: String

    init(_ description: String) { self.description = description }
}
