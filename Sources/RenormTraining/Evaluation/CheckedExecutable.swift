import RenormArrays
import RenormEngines
import RenormGraphs

/// A network compiled for inference. What is not finite anywhere shows in its results or in guards on a few vectors, which
/// costs next to nothing; only then the same batch is run again with every layer guarded, to find the first.
final class CheckedExecutable {
    private let engine: any Engine
    private let graph: Graph
    private let runner: GraphRunner
    private var locator: GraphRunner?
    /// The one that has the results of the last run.
    private var last: GraphRunner

    /// Compiles a graph without updates.
    init(_ graph: Graph, on engine: any Engine) throws {
        self.engine = engine
        self.graph = graph
        runner = try GraphRunner(graph.guardingWhatHides(), on: engine)
        last = runner
    }

    /// A result of the last run, in which everything has to have been finite.
    func result(_ name: String) throws -> NDArray { try last.result(name) }

    /// Runs; the path of the first layer that is not finite, or `nil` if everything is.
    func run(_ feeds: KeyValuePairs<String, NDArray>, on store: any Store) throws -> String? {
        last = runner
        if try runner.firstNotFinite(feeds, on: store) == nil, try runner.hasFiniteResults { return nil }
        let locator = try self.locator ?? GraphRunner(graph.guardingEveryNode(), on: engine)
        self.locator = locator
        // If everything is finite after all, if barely, these are the results.
        last = locator
        return try locator.firstNotFinite(feeds, on: store)
    }
}

extension GraphRunner {
    fileprivate func firstNotFinite(_ feeds: KeyValuePairs<String, NDArray>, on store: any Store) throws
        -> String?
    {
        for (name, array) in feeds { feed(name, array) }
        return try firstNotFinite(on: store)
    }

    fileprivate var hasFiniteResults: Bool {
        get throws { try executable.outputs.indices.allSatisfy { try executable.result($0).isFinite } }
    }
}
