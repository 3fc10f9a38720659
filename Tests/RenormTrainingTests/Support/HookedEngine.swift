import Renorm

/// An engine that lets a test look at, spoil or break off training steps of another.
struct HookedEngine: Engine {
    var base: any Engine = ReferenceEngine()
    /// Called with the step, from 0, and the feeds before each training step.
    var before: @Sendable (Int, inout [NDArray]) throws -> Void = { _, _ in }
    /// Called with the step and the store after each training step.
    var after: @Sendable (Int, any Store) throws -> Void = { _, _ in }
    /// Called with the name of each result of a training step that is read.
    var reading: @Sendable (String) -> Void = { _ in }

    /// An engine that fails at the start of a step as if the program had been killed there.
    static func dying(atStep fatal: Int, _ base: any Engine = ReferenceEngine()) -> HookedEngine {
        HookedEngine(base: base, before: { step, _ in if step == fatal { throw Killed() } })
    }

    /// An engine whose images are NaN in the given steps.
    static func poisoned(atSteps steps: Set<Int>, _ base: any Engine = ReferenceEngine()) -> HookedEngine {
        HookedEngine(
            base: base,
            before: { step, feeds in
                guard steps.contains(step) else { return }
                feeds[0].withMutableValues(of: Float.self) { $0[5] = .nan }
            })
    }

    struct Killed: Error {}

    var description: EngineDescription { base.description }
    var bf16Arithmetic: ArithmeticSupport { base.bf16Arithmetic }

    func makeStore(_ variables: Variables) throws -> any Store { try base.makeStore(variables) }

    func compile(_ graph: Graph) throws -> any Executable {
        let executable = try base.compile(graph)
        return graph.updates.isEmpty ? executable : HookedExecutable(executable, self)
    }
}

private final class HookedExecutable: Executable {
    let base: any Executable
    let engine: HookedEngine

    init(_ base: any Executable, _ engine: HookedEngine) {
        self.base = base
        self.engine = engine
    }

    var inputs: [InputSpecification] { base.inputs }
    var outputs: [OutputSpecification] { base.outputs }
    var variables: [VariableSpecification] { base.variables }
    var plannedByteCount: Int { base.plannedByteCount }

    func prepare(on store: any Store) throws { try base.prepare(on: store) }

    func result(_ index: Int) throws -> NDArray {
        engine.reading(outputs[index].name)
        return try base.result(index)
    }

    func run(_ feeds: [NDArray], step: Int, on store: any Store) throws {
        var feeds = feeds
        try engine.before(step, &feeds)
        try base.run(feeds, step: step, on: store)
        try engine.after(step, store)
    }
}
