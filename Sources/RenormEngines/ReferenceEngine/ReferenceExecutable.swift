import RenormArrays
import RenormGraphs
import Synchronization

/// A graph that the reference engine runs node by node, freeing each value after its last use.
final class ReferenceExecutable: Executable {
    let inputs: [InputSpecification]
    let outputs: [OutputSpecification]
    let variables: [VariableSpecification]
    let plannedByteCount: Int
    private let graph: Graph
    private let precision: ReferenceEngine.Precision
    private let lifetimes: ReferenceLifetimes
    private let results = Mutex<[NDArray]>([])

    init(_ graph: Graph, precision: ReferenceEngine.Precision) {
        self.graph = graph
        self.precision = precision
        inputs = graph.inputs
        outputs = graph.fetches.map { fetch in
            let node = graph[fetch.node]
            return OutputSpecification(
                name: fetch.name, shape: node.shape, type: precision.fetchedType(of: node.type))
        }
        var used = Set(graph.updates.map(\.path))
        for case .variable(let path) in graph.nodes.map(\.op) { used.insert(path) }
        variables = graph.variables.values.filter { used.contains($0.path) }
        lifetimes = ReferenceLifetimes(graph)
        plannedByteCount = lifetimes.peakByteCount(of: graph, precision: precision)
    }

    func run(_ feeds: [NDArray], step: Int, on store: any Store) throws {
        guard let store = store as? ReferenceStore, store.precision == precision else {
            throw EngineError.foreignStore(engine: "the reference engine of precision \(precision.rawValue)")
        }
        try check(feeds, wider: precision == .f64)
        try checkMemory()
        let values =
            switch precision {
            case .f32: try evaluate(Float.self, feeds, step, store)
            case .f64: try evaluate(Double.self, feeds, step, store)
            }
        for entry in graph.guards {
            guard values[entry.node.index]!.isFinite else {
                throw EngineError.notFinite(path: entry.path, step: step)
            }
        }
        let results = zip(graph.fetches, outputs).map { values[$0.node.index]!.converted(to: $1.type) }
        self.results.withLock { $0 = results }
        store.commit(graph.updates.map { ($0.path, values[$0.node.index]!) })
    }

    func result(_ index: Int) -> NDArray { results.withLock { $0[index] } }

    /// The values of the requested nodes; those of all others are gone.
    private func evaluate<Real: ReferenceReal>(
        _ real: Real.Type, _ feeds: [NDArray], _ step: Int, _ store: ReferenceStore
    ) throws -> [NDArray?] {
        let stored = Dictionary(
            uniqueKeysWithValues: zip(variables.map(\.path), try store.values(of: variables)))
        var feeds = feeds.makeIterator()
        var values = [NDArray?](repeating: nil, count: graph.nodes.count)
        for (index, node) in graph.nodes.enumerated() {
            var value: NDArray
            switch node.op {
            case .input: value = feeds.next()!.converted(to: precision.keptType(of: node.type))
            case .variable(let path): value = stored[path]!.converted(to: Real.elementType)
            case .schedule(let name): value = NDArray(scalar: Real(graph.schedules[name]!.value(at: step)))
            case .step: value = NDArray(scalar: Real(step))
            case .constant(let constant): value = NDArray(scalar: Real(constant))
            default:
                let operands = node.inputs.map { values[$0.index]! }
                value = try ReferenceEvaluation<Real>(node: node, operands: operands).value()
            }
            if node.type == .bf16 && precision == .f32 {
                value = value.converted(to: .bf16).converted(to: .f32)
            }
            values[index] = value
            for dead in lifetimes.endingAt[index] { values[dead] = nil }
        }
        return values
    }
}

extension ReferenceEngine.Precision {
    /// The type that a node's value is kept in during a run.
    func keptType(of type: ElementType) -> ElementType { type.isFloatingPoint ? elementType : type }

    /// The type that a node's value is returned in.
    func fetchedType(of type: ElementType) -> ElementType { self == .f64 ? keptType(of: type) : type }
}
