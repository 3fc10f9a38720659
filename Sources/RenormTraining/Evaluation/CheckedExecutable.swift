import RenormEngines
import RenormGraphs

/// A network compiled for inference. What is not finite anywhere shows in its results or in guards on a few vectors, which
/// costs next to nothing; only then the same batch is run again with every layer guarded, to find the first.
final class CheckedExecutable {
    private let engine: any Engine
    private let graph: Graph
    private let executable: any Executable
    /// The results of the last run by name; NaN where nothing was computed, because a guard failed.
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
    ///
    /// - Parameter locates: Whether that layer is looked for, or it is enough to know that there is one.
    func run(_ feeds: [NDArray], on store: any Store, locates: Bool = true) throws -> String? {
        var found: String?
        do {
            try executable.run(feeds, step: 0, on: store, into: &results)
        } catch EngineError.notFinite(let path, _) {
            found = path
            results = executable.outputs.map {
                NDArray(repeating: Float.nan, shape: $0.shape).converted(to: $0.type)
            }
        }
        found = found ?? zip(names, results).first { !$1.isFinite }?.0
        return locates ? try found.map { try first(feeds, store) ?? $0 } : found
    }

    /// The first layer whose values are not finite, if rounding otherwise in another plan leaves one.
    private func first(_ feeds: [NDArray], _ store: any Store) throws -> String? {
        let locator = try self.locator ?? engine.compile(graph.guardingEveryNode())
        self.locator = locator
        do {
            var results: [NDArray] = []
            try locator.run(feeds, step: 0, on: store, into: &results)
            return nil
        } catch EngineError.notFinite(let path, _) {
            return path
        }
    }
}
