import Foundation
import Renorm

/// Options in YAML: long names without dashes, and values. A file counts as arguments that come before those of the
/// command line, so the latter win.
///
///     norm: batch-renorm
///     batch-size: 32
///     nesterov: true
enum ConfigurationFile {
    /// The key under which a run's file records what it ran on; not an option.
    static let recordKey = "recorded"

    /// The arguments with those of `--config`, and of the run's own file when resuming, put before them.
    static func expand(_ arguments: CommandArguments) throws -> [String] {
        guard let table = arguments.table, let command = arguments.words.first else { return arguments.words }
        let options = table.options.filter(\.isInFiles)
        let file = try arguments.value(of: "config").map {
            try read(URL(fileURLWithPath: $0), options, unless: arguments)
        }
        var base: [String] = []
        if arguments.contains("resume"), let run = arguments.value(of: "run") {
            let own = RunFolder(URL(fileURLWithPath: run)).configuration
            if FileManager.default.fileExists(atPath: own.path) {
                base += try read(own, options, unless: arguments)
            } else if file == nil, arguments.value(of: "data") == nil {
                throw UsageError(
                    "--resume: found no config.yml in '\(run.visible)', which would say what is trained; expected the "
                        + "folder of a run. Check --run, or give the options that the run began with, --data among "
                        + "them.")
            }
        }
        // A list replaces the other, too.
        for option in options where option.isList {
            let isOption = { (word: String) in word.hasPrefix("--\(option.name)=") }
            if file?.contains(where: isOption) == true { base.removeAll(where: isOption) }
        }
        return [command] + base + (file ?? []) + arguments.words.dropFirst()
    }

    /// The data that a run's own file names, if there is one that does.
    static func data(of folder: RunFolder) throws -> [String]? {
        let file = folder.configuration
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        let given = try OptionsFile(file, ignoring: recordKey).entries.first { $0.name == "data" }
        return given.map { texts($0.value) }
    }

    /// Those options of a run's own file that are among some, as arguments; none without a file.
    static func arguments(of folder: RunFolder, for options: [OptionDefinition]) throws -> [String] {
        let file = folder.configuration
        guard FileManager.default.fileExists(atPath: file.path) else { return [] }
        let known = Set(options.map(\.name))
        return try arguments(
            OptionsFile(file, ignoring: recordKey).entries.filter { known.contains($0.name) }, options, file)
    }

    private static func texts(_ value: OptionsFile.Value) -> [String] {
        switch value {
        case .scalar(let scalar): scalar.isNull ? [] : [scalar.text]
        case .list(let scalars): scalars.map(\.text)
        }
    }

    /// The file's options as arguments, but lists that the command line gives, and what it gives another in place of.
    private static func read(_ file: URL, _ options: [OptionDefinition], unless given: CommandArguments)
        throws -> [String]
    {
        try arguments(OptionsFile(file, ignoring: recordKey).entries, options, file, unless: given)
    }

    private static func arguments(
        _ entries: [(name: String, value: OptionsFile.Value)], _ options: [OptionDefinition], _ file: URL,
        unless given: CommandArguments = CommandArguments([])
    ) throws -> [String] {
        try entries.flatMap { name, value -> [String] in
            guard let option = options.first(where: { $0.name == name }) else {
                throw UsageError(
                    "'\(file.path)': found the option '\(name)'; expected one of "
                        + "\(options.map(\.name).joined(separator: ", ")). Correct it.")
            }
            if given.contains(name), option.isList || option.rival != nil { return [] }
            if let rival = option.rival, given.contains(rival) { return [] }
            if option.isList { return texts(value).map { "--\(name)=\($0)" } }
            guard case .scalar(let scalar) = value else {
                throw UsageError("'\(file.path)': '\(name)' has a list; expected one value. Correct it.")
            }
            if scalar.isNull { return [] }
            switch option.form {
            case .text: return ["--\(name)=\(scalar.text)"]
            case .number: return ["--\(name)=\(scalar.number)"]
            case .flag:
                guard let flag = scalar.flag else {
                    throw UsageError(
                        "'\(file.path)': found '\(name): \(scalar.text)'; expected true or false. Correct it."
                    )
                }
                return [flag ? "--\(name)" : "--no-\(name)"]
            }
        }
    }
}

extension OptionTable {
    /// The options as YAML, with what a run ran on.
    func yaml(recorded: [(String, String)]) -> String {
        var lines = ["# The options of this run. 'renorm train --config THIS_FILE --run OTHER' repeats it."]
        for (option, texts) in values where option.isInFiles {
            let scalars = option.form == .text ? texts.map(OptionsFile.scalar) : texts
            if option.isList {
                lines += ["\(option.name):"] + scalars.map { "  - \($0)" }
            } else if let scalar = scalars.first {
                lines.append("\(option.name): \(scalar)")
            }
        }
        lines += ["# What it ran on.", "\(ConfigurationFile.recordKey):"]
        lines += recorded.map { "  \($0.0): \(OptionsFile.scalar($0.1))" }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// What `config.yml` says of options of `train` as they were given, before any default is settled.
package func configurationText(_ arguments: [String]) throws -> String {
    let words = try ConfigurationFile.expand(CommandArguments(["train"] + arguments))
    return try TrainOptions.parse(Array(words.dropFirst())).yaml(recorded: [])
}
