import Renorm

/// Commands that messages suggest, as a shell takes them.
enum SuggestedCommands {
    /// Goes on with a run.
    static func resume(_ run: String) -> String { "renorm train --run \(run.shellPath) --resume" }

    /// Measures a run.
    static func evaluate(_ run: String) -> String { "renorm evaluate \(run.shellPath)" }

    /// What was typed.
    static var typed: String {
        (["renorm"] + CommandLine.arguments.dropFirst()).map(\.shellQuoted).joined(separator: " ")
    }
}
