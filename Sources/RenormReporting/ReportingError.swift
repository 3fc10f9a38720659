/// Why something could not be shown.
public enum ReportingError: Error, Hashable, Sendable {
    /// What read the output has ended, as `head` does.
    case readerGone(output: String)
    /// The system does not take the output.
    case unwritable(output: String, reason: String)
}

extension ReportingError: CustomStringConvertible {
    /// What was found and where, what was expected, and what to do.
    public var description: String {
        switch self {
        case .readerGone(let output):
            "\(output) could not be written: its reader has ended. Expected one that reads to the end. Send it to a "
                + "file, or read all of it."
        case .unwritable(let output, let reason):
            "\(output) could not be written: \(reason). Expected an open terminal, pipe or file with room. Free some "
                + "space, or send it elsewhere."
        }
    }
}
