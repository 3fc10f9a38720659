import RenormTraining

/// Why the results in a folder cannot be added to.
public enum ExperimentError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Results in a folder that are of another experiment.
    case otherResults(path: String, differences: [ConfigurationDifference])
    /// A line of results that cannot be read.
    case unreadable(path: String, line: Int, reason: String)

    /// What was found and where, what was expected, and what to do.
    public var description: String {
        switch self {
        case .otherResults(let path, let differences):
            func list(_ value: KeyPath<ConfigurationDifference, String>) -> String {
                differences.map { "\($0.option) \($0[keyPath: value])" }.joined(separator: ", ")
            }
            return
                "'\(path)' holds results of another experiment: found \(list(\.saved)); expected \(list(\.given)). "
                + "Choose another folder, or the options that made it."
        case .unreadable(let path, let line, let reason):
            let what = line == 1 ? "description of an experiment by this version" : "result"
            return "'\(path)', line \(line), is no \(what): \(reason). "
                + (line == 1
                    ? "Choose another folder, or delete this one to make its runs again."
                    : "Delete the line; its run is then made again.")
        }
    }
}
