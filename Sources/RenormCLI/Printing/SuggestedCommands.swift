import Renorm

/// Commands that messages suggest, as a shell takes them.
enum SuggestedCommands {
    /// Goes on with a run.
    static func resume(_ run: String) -> String { "renorm train --run \(run.shellPath) --resume" }

    /// Measures a run.
    static func evaluate(_ run: String) -> String { "renorm evaluate \(run.shellPath)" }

    /// Those of these options that were typed, or stand in the file of options that was named.
    static func options(_ values: [(option: OptionDefinition, texts: [String])]) -> String {
        values.filter { CommandArguments.asked.contains($0.option.name) }.flatMap { option, texts in
            texts.map { text in
                option.form == .flag
                    ? "--\(text == "true" ? "" : "no-")\(option.name)"
                    : "--\(option.name) \(text.shellQuoted)"
            }
        }.joined(separator: " ")
    }

    /// What was typed.
    static var typed: String {
        (["renorm"] + CommandLine.arguments.dropFirst()).map(\.shellQuoted).joined(separator: " ")
    }
}
