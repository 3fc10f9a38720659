import Foundation

/// The words of a command line, with an option and a value after it that begins with a dash as one: `--run -x` as `--run=-x`.
///
/// The parser takes what begins with a dash for another option, and would say that the value is missing.
struct CommandArguments {
    /// What was typed.
    static let typed = CommandArguments(Array(CommandLine.arguments.dropFirst()))

    /// Whether `renorm finetune`, or its help, was called, some of whose options have other defaults.
    static let isFineTuning: Bool = {
        let words = CommandLine.arguments.dropFirst()
        return (words.first == "help" ? words.dropFirst().first : words.first) == FineTuneCommand.name
    }()

    /// The options, without dashes, that were typed or stand in the file of options that was named.
    static let asked: Set<String> = {
        let words = try? ConfigurationFile.expand(typed)
        let names = words.map { CommandArguments($0).names } ?? typed.names
        return Set(names.map { String($0.drop { $0 == "-" }) })
    }()

    /// The options of the command.
    let table: (any OptionTable.Type)?
    /// The words, the command's name first.
    let words: [String]

    init(_ typed: [String]) {
        let command = RenormCommand.configuration.subcommands.first {
            $0.configuration.commandName == typed.first
        }
        table = command as? any OptionTable.Type
        let withValue = Set((table?.options ?? []).filter { $0.form != .flag }.map { "--\($0.name)" })
        var result: [String] = []
        for word in typed {
            let isDashed = word.hasPrefix("-") && !word.hasPrefix("--") && word != "-h"
            if isDashed, let option = result.last, withValue.contains(option), !result.contains("--") {
                result[result.count - 1] = "\(option)=\(word)"
            } else {
                result.append(word)
            }
        }
        // The networks that there are, where none is named.
        if typed.first == "describe", typed.last == "--model" { result.append("list") }
        words = result
    }

    /// The names of the options, with their dashes.
    var names: Set<String> {
        Set(words.filter { $0.hasPrefix("--") }.map { String($0.prefix { $0 != "=" }) })
    }

    func contains(_ option: String) -> Bool { names.contains("--\(option)") }

    /// The last value of an option.
    func value(of option: String) -> String? {
        var result: String?
        for (index, word) in words.enumerated() {
            if word == "--\(option)", let next = words.dropFirst(index + 1).first, !next.hasPrefix("--") {
                result = next
            }
            if word.hasPrefix("--\(option)=") { result = String(word.dropFirst(option.count + 3)) }
        }
        return result
    }
}
