import RenormArrays
import RenormGraphs

/// Why the variables of a file are not those of a model.
public enum VariablesError: Error, Hashable, Sendable {
    /// Variables of the model that the file lacks.
    case missing(file: String, paths: [String])
    /// Variables of the file that the model has no use for.
    case unexpected(file: String, paths: [String])
    /// A variable of another shape.
    case shape(file: String, path: String, found: TensorShape, expected: TensorShape)
    /// A file that does not fit a model, with everything that is wrong.
    case unfit(LoadingReport)
    /// A variable of another element type.
    case type(file: String, path: String, found: ElementType, expected: ElementType)
    /// A variable that is for something else, such as a statistic for a parameter.
    case kind(file: String, path: String, found: VariableKind, expected: VariableKind)
    /// A value that is not finite.
    case notFinite(file: String, path: String)
    /// A statistic with a value that none can have, such as a negative variance.
    case statistic(file: String, path: String, index: Int, found: Double, expected: StatisticBound)
    /// Two names of a file that are the same variable of the model, by a table of another framework's names.
    case sameVariable(file: String, path: String, names: [String], framework: String)
    /// A list of kinds that cannot be read.
    case kinds(file: String, reason: String)
    /// A name that no domain can have.
    case domainName(String)
    /// A domain whose statistics a network does not have.
    case unknownDomain(name: String, known: [String])
}

extension VariablesError: CustomStringConvertible {
    /// What was found and where, what was expected, and what to do.
    public var description: String {
        switch self {
        case .missing(let file, let paths):
            "\(file) lacks \(some(paths)); expected every variable of the model. "
                + "Check that the file is of this architecture and normalization."
        case .unexpected(let file, let paths):
            "\(file) holds \(some(paths)), which the model does not have; expected its variables and no others. "
                + "Check that the file is of this architecture and normalization."
        case .shape(let file, let path, let found, let expected):
            "\(file): '\(path)' has the shape \(found); expected \(expected). "
                + "Check that the file is of this architecture, width and input, or let this layer keep the values it "
                + "starts with: `except: [\"\(VariablesError.layer(path))\"]`."
        case .unfit(let report): report.description
        case .type(let file, let path, let found, let expected):
            "\(file): '\(path)' holds values of type \(found); expected \(expected). Convert them."
        case .kind(let file, let path, let found, let expected):
            "\(file): '\(path)' is a \(found.rawValue); expected a \(expected.rawValue). "
                + "Check that the file is of this architecture."
        case .notFinite(let file, let path):
            "\(file): '\(path)' holds NaN or infinity; expected finite numbers. Use an earlier file."
        case .statistic(let file, let path, let index, let found, let expected):
            "\(file): '\(path)' holds \(found) at index \(index); expected \(expected) everywhere. "
                + "Fetch or save the file again, or use an earlier one."
        case .sameVariable(let file, let path, let names, let framework):
            "\(file): \(some(names)) are both '\(path)' by the names of \(framework); expected one. "
                + "Check that the file is from there, or correct the table of names."
        case .kinds(let file, let reason):
            "\(file): the list of its variables' kinds cannot be read (\(reason)); expected what renorm writes. "
                + "Fetch the file again."
        case .domainName(let name):
            "Domain: found the name '\(name)'; expected up to 64 letters, digits, - and _, and not 'default', which is the "
                + "network's own. Choose another."
        case .unknownDomain(let name, let known):
            "Domain: found '\(name)'; expected "
                + (known.isEmpty
                    ? "none, since the network has statistics of no domain beside its own. Leave it out, or add the domain by adapting."
                    : "one whose statistics the network has: \(known.joined(separator: ", ")). Name one of them, or none for its own.")
        }
    }

    private func some(_ paths: [String]) -> String {
        let shown = paths.prefix(5).map { "'\($0)'" }.joined(separator: ", ")
        return paths.count > 5 ? "\(shown) and \(paths.count - 5) more variables" : shown
    }

    /// The layer that a variable belongs to.
    package static func layer(_ path: String) -> String {
        path.contains(".") ? path.split(separator: ".").dropLast().joined(separator: ".") : path
    }
}
