import RenormArrays

/// Why a graph cannot be built.
public enum GraphError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Operands do not fit the operation.
    case shapes(operation: String, path: String, found: [TensorShape], expected: String)
    /// An operand's element type does not fit.
    case type(operation: String, path: String, found: ElementType, expected: String)
    /// An option of an operation is out of range.
    case option(operation: String, path: String, found: String, expected: String)
    /// A path names two different variables.
    case duplicateVariable(path: String)
    /// Nothing of that name exists.
    case unknown(what: String, name: String, known: [String])

    /// Something wrong with an operation's options or the shape of its result.
    package init(_ fault: Fault, operation: String, path: String) {
        let found = fault.name.isEmpty ? fault.found : "\(fault.name) \(fault.found)"
        self = .option(operation: operation, path: path, found: found, expected: fault.expected)
    }

    /// What was found and where, what was expected, and what to do.
    public var description: String {
        switch self {
        case .shapes(let operation, let path, let found, let expected):
            let shapes = found.map(\.description).joined(separator: " and ")
            return "\(operation)\(at(path)): found \(shapes); expected \(expected). "
                + "Check what the layer before it gives and how this one is configured."
        case .type(let operation, let path, let found, let expected):
            return
                "\(operation)\(at(path)): found values of type \(found); expected \(expected). Convert them first."
        case .option(let operation, let path, let found, let expected):
            return
                "\(operation)\(at(path)): found \(found); expected \(expected). Change the layer's options."
        case .duplicateVariable(let path):
            return "The variable '\(path)' was asked for twice; expected each path once. "
                + "Give the second layer a name of its own, or share it on purpose."
        case .unknown(let what, let name, let known):
            let some = known.prefix(12).joined(separator: ", ") + (known.count > 12 ? ", …" : "")
            return "There is no \(what) '\(name)'; expected one of: \(some). Check the name."
        }
    }

    private func at(_ path: String) -> String { path.isEmpty ? "" : " at '\(path)'" }
}
