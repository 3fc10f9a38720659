/// Why oneDNN cannot be used.
public enum OneDNNError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No library was found, or none could be opened.
    case notFound(searched: [String])
    /// A library is older than version 3.0.
    case tooOld(path: String, version: String)
    /// A library lacks a function.
    case incomplete(path: String, function: String)
    /// More threads than an engine takes, or than the system lets start.
    case threads(found: Int, most: Int)
    /// oneDNN refused something.
    case status(code: Int, doing: String)

    /// What was found and where, what was expected, and what to do.
    public var description: String {
        let remedy =
            "Run `make` in Renorm's checkout, install it (Debian, Ubuntu: libdnnl-dev; macOS: brew install onednn), "
            + "or set ONEDNN_ROOT to the folder that holds its lib."
        switch self {
        case .notFound(let searched):
            return "oneDNN was not found; looked for \(searched.joined(separator: ", ")). "
                + "Expected version 3.0 or newer. \(remedy)"
        case .tooOld(let path, let version):
            return "\(path) is oneDNN \(version); expected version 3.0 or newer. \(remedy)"
        case .incomplete(let path, let function):
            return "\(path) lacks the function \(function); expected oneDNN, version 3.0 or newer. \(remedy)"
        case .threads(let found, let most):
            return
                "\(found) threads were asked for; expected 1 to \(most). Ask for as many as there are cores, or leave "
                + "the number out."
        case .status(let code, let doing):
            let meaning =
                [
                    1: "out of memory", 2: "invalid arguments", 3: "not implemented",
                    5: "failed while running",
                ][
                    code] ?? "status \(code)"
            return "oneDNN, \(doing): \(meaning); expected success. "
                + (code == 1
                    ? "Use a smaller batch." : "Please report this with the layer's options and the shapes.")
        }
    }
}
