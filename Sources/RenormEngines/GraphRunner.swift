import RenormArrays
import RenormGraphs

/// Runs a compiled graph with feeds and results by name, allocating nothing: the way in which training, evaluation and
/// prediction run theirs.
///
///     let step = try GraphRunner(graph, on: engine)
///     step.feed("images", images)
///     step.feed("labels", labels)
///     try step.run(step: 0, on: store)
///     let loss = try step.number("loss")
///
/// What it is fed stays until it is fed something else. Results are read from where the engine has them when they are asked
/// for, and only those. It belongs to one thread.
public final class GraphRunner {
    /// The compiled graph.
    public let executable: any Executable
    private let inputs: [InputSpecification]
    private let outputs: [OutputSpecification]
    private var feeds: [NDArray]
    private var isFed: [Bool]

    /// Compiles a graph.
    ///
    /// - Throws: What the engine throws.
    public convenience init(_ graph: Graph, on engine: any Engine) throws {
        self.init(try engine.compile(graph))
    }

    /// Runs what is compiled already.
    public init(_ executable: any Executable) {
        self.executable = executable
        inputs = executable.inputs
        outputs = executable.outputs
        feeds = [NDArray](repeating: NDArray(zeros: [0]), count: inputs.count)
        isFed = [Bool](repeating: false, count: inputs.count)
    }

    /// Feeds an array to the runs to come. The graph must have an input of this name.
    public func feed(_ name: String, _ array: NDArray) {
        guard let index = inputs.firstIndex(where: { $0.name == name }) else {
            preconditionFailure("the graph has no input '\(name)' but \(inputs.map(\.name))")
        }
        feeds[index] = array
        isFed[index] = true
    }

    /// Runs the graph for a step on a store's variables.
    ///
    /// - Throws: `EngineError` for feeds that are missing or do not fit, for labels that are no classes, for a store that does
    ///   not fit, and `.notFinite` with the first guard that is not finite; then no variable was changed.
    public func run(step: Int = 0, on store: any Store) throws {
        if let missing = isFed.firstIndex(of: false) {
            let fed = zip(inputs, isFed).filter(\.1).map(\.0.name).sorted()
            throw EngineError.missingFeed(name: inputs[missing].name, given: fed)
        }
        try executable.run(feeds, step: step, on: store)
    }

    /// Runs the graph for a step; what was not finite, `nil` if everything was.
    ///
    /// - Throws: `EngineError` for everything else.
    public func firstNotFinite(step: Int = 0, on store: any Store) throws -> String? {
        do {
            try run(step: step, on: store)
            return nil
        } catch EngineError.notFinite(let path, _) {
            return path
        }
    }

    /// What the last run gave under this name, which the graph must have.
    public func result(_ name: String) throws -> NDArray {
        guard let index = outputs.firstIndex(where: { $0.name == name }) else {
            preconditionFailure("the graph has no result '\(name)' but \(outputs.map(\.name))")
        }
        return try executable.result(index)
    }

    /// A number that the last run gave: the only element of a floating-point result.
    public func number(_ name: String) throws -> Double {
        let array = try result(name)
        precondition(array.elementCount == 1, "the result '\(name)' is \(array.shape), not a number")
        return array.type == .f64
            ? array.withValues(of: Double.self) { $0[0] } : Double(array.withValues(of: Float.self) { $0[0] })
    }
}
