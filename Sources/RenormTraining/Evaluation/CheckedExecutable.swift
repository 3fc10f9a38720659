import RenormArrays
import RenormEngines
import RenormGraphs

/// A network compiled for inference. What is not finite anywhere shows in its results or in guards on a few vectors, which
/// costs next to nothing; only then the same batch is run again with every layer guarded, to find the first.
final class CheckedExecutable {
    private let engine: any Engine
    private let graph: Graph
    private let executable: any Executable
    /// The results of the last run; NaN if something was not finite.
    private var results: [NDArray] = []
    private let names: [String]
    private var locator: (any Executable)?

    /// Compiles a graph without updates.
    init(_ graph: Graph, on engine: any Engine) throws {
        self.engine = engine
        self.graph = graph
        executable = try engine.compile(graph.guardingWhatHides())
        names = executable.outputs.map(\.name)
    }

    /// What to feed, in order.
    var inputs: [InputSpecification] { executable.inputs }

    /// A result of the last run.
    subscript(_ name: String) -> NDArray { results[names.firstIndex(of: name)!] }

    /// Runs; the path of the first layer that is not finite, or `nil` if everything is.
    func run(_ feeds: [NDArray], on store: any Store) throws -> String? {
        do {
            try executable.run(feeds, step: 0, on: store, into: &results)
            if results.allSatisfy(\.isFinite) { return nil }
        } catch EngineError.notFinite {}
        let locator = try self.locator ?? engine.compile(graph.guardingEveryNode())
        self.locator = locator
        do {
            // If everything is finite after all, if barely, these are the results.
            try locator.run(feeds, step: 0, on: store, into: &results)
            return nil
        } catch EngineError.notFinite(let path, _) {
            results = executable.outputs.map {
                NDArray(repeating: Float.nan, shape: $0.shape).converted(to: $0.type)
            }
            return path
        }
    }
}
