import Renorm

/// What the library says of a configuration, with the options of a command that decide it: the library knows no command line.
func naming(_ options: [OptionDefinition], in error: any Error) -> any Error {
    let differences: [ConfigurationDifference]
    switch error {
    case TrainingError.otherRun(_, let found): differences = found
    case ExperimentError.otherResults(_, let found): differences = found
    default: return error
    }
    let names = options.filter { option in differences.contains { option.decides($0.option) } }
        .map { "--\($0.name)" }
    return names.isEmpty ? error : UsageError("\(error) (What differs is said by \(list(names)).)")
}

/// `a, b and c`.
func list(_ names: [String], _ word: String = "and") -> String {
    names.dropLast().joined(separator: ", ") + (names.count > 1 ? " \(word) " : "") + (names.last ?? "")
}
