import RenormArrays
import RenormGraphs
import Synchronization

/// Variables as the reference engine keeps them: counters as whole numbers, everything else in the engine's precision.
final class ReferenceStore: Store {
    private struct State {
        var variables = Variables()
        var version = 0
    }

    let precision: ReferenceEngine.Precision
    private let state = Mutex(State())

    init(_ variables: Variables, precision: ReferenceEngine.Precision) {
        self.precision = precision
        let converted = variables.mapValues { kept($1) }
        state.withLock { $0.variables = converted }
    }

    var version: Int { state.withLock { $0.version } }

    func read() -> Variables { state.withLock { $0.variables } }

    func read(_ path: String) throws -> NDArray {
        let variables = read()
        guard let variable = variables[path] else {
            throw EngineError.variable(
                path: path, found: "missing", expected: "one of: \(variables.paths.joined(separator: ", "))")
        }
        return variable.value
    }

    func write(_ variables: Variables) throws {
        if variables.isEmpty { return }
        try state.withLock { state in
            for (path, variable) in variables {
                if let known = state.variables[path], known.value.shape != variable.value.shape {
                    throw EngineError.variable(
                        path: path, found: "\(known.value.shape)",
                        expected: "the shape of the value written, \(variable.value.shape)")
                }
            }
            for (path, variable) in variables { state.variables[path] = kept(variable) }
            state.version += 1
        }
    }

    func copy(_ origins: [String: String], from source: any Store) throws {
        guard let source = source as? ReferenceStore, source.precision == precision else {
            throw EngineError.foreignStore(engine: "the reference engine of precision \(precision.rawValue)")
        }
        let (known, found) = (read(), source.read())
        commit(
            try origins.map { path, origin in
                guard let shape = known[path]?.value.shape else {
                    throw EngineError.variable(
                        path: path, found: "missing", expected: "a variable of the store")
                }
                return (path, try found.value(of: origin, shape: shape))
            })
    }

    /// The values that an executable needs, in its order.
    func values(of specifications: [VariableSpecification]) throws -> [NDArray] {
        let variables = read()
        return try specifications.map { try variables.value(of: $0.path, shape: $0.shape) }
    }

    /// Replaces values of variables that the store has, all at once.
    func commit(_ values: [(path: String, value: NDArray)]) {
        if values.isEmpty { return }
        state.withLock { state in
            for (path, value) in values {
                guard let kind = state.variables[path]?.kind else { continue }
                state.variables[path] = kept(Variable(kind: kind, value: value))
            }
            state.version += 1
        }
    }

    private func kept(_ variable: Variable) -> Variable {
        let type = variable.kind == .counter ? ElementType.i64 : precision.elementType
        return Variable(kind: variable.kind, value: variable.value.converted(to: type))
    }
}

extension Variables {
    /// The value at a path.
    ///
    /// - Throws: `EngineError.variable` if it is missing or has another shape.
    fileprivate func value(of path: String, shape: TensorShape) throws -> NDArray {
        guard let value = self[path]?.value else {
            throw EngineError.variable(path: path, found: "missing", expected: "\(shape)")
        }
        guard value.shape == shape else {
            throw EngineError.variable(path: path, found: "\(value.shape)", expected: "\(shape)")
        }
        return value
    }
}
