import RenormArrays
import RenormEngines
import RenormGraphs
import RenormKernels

/// A graph compiled by `OneDNNEngine`.
package final class OneDNNExecutable: Executable, EngineJob, @unchecked Sendable {
    package let inputs: [InputSpecification]
    package let outputs: [OutputSpecification]
    package let variables: [VariableSpecification]

    let graph: Graph
    private let library: OneDNNLibrary
    private let options: PlanningOptions
    private let schedules: [Schedule]

    private(set) var plan: ExecutionPlan
    private(set) var memory: ExecutionMemory?
    private var store: OneDNNStore?
    private var structureVersion = -1
    /// What the prologue reads, what a run changes, and of which versions of the former the prologue's results are.
    private var prologueEntries: [OneDNNStore.Entry] = []
    private var changedEntries: [OneDNNStore.Entry] = []
    private var preparedVersion = -1
    private(set) var context: RunContext

    /// What the last run gave: here results lie in the program's memory anyway.
    private var results: [NDArray] = []

    // What the thread is asked to do.
    private var feeds: [NDArray] = []
    private var requestedStore: OneDNNStore?
    private var failure: (any Error)?

    /// How often the prologue has run.
    package private(set) var preparations = 0

    /// Whether runs add up how long each unit takes.
    package var isMeasuring = false

    init(_ graph: Graph, library: OneDNNLibrary, options: PlanningOptions) throws {
        var graph = options.isFused ? graph.foldingNormalizations() : graph
        if options.convolution != .direct, !library.hasBF16Instructions {
            graph = graph.convolvingInF32 { $0.depthwise(options) != nil }
        }
        self.graph = graph
        self.library = library
        self.options = options
        inputs = graph.inputs
        outputs = graph.fetches.map {
            OutputSpecification(name: $0.name, shape: graph[$0.node].shape, type: graph[$0.node].type)
        }
        variables = Array(graph.variables.values)
        let (plan, team) = try EngineThread.shared.run(threads: options.threads) {
            (
                try ExecutionPlan(
                    .init(graph, library: library, options: options, found: [:])),
                try Teams.team(options.threads, library)
            )
        }
        self.plan = plan
        context = RunContext(team: team)
        schedules = plan.scalars.map { scalar in
            if case .schedule(let name) = scalar { graph.schedules[name]! } else { .constant(0) }
        }
    }

    package var plannedByteCount: Int { plan.memoryPlan.arenaByteCount + plan.memoryPlan.persistentByteCount }

    package var plannedMemory: PlannedMemory {
        let values = plan.memoryPlan.peakByteCount { !$0.isScratch }
        return PlannedMemory(
            variables: variableByteCount, activations: values,
            scratch: plan.memoryPlan.arenaByteCount - values, kept: plan.memoryPlan.persistentByteCount)
    }

    /// How memory is shared.
    package var memoryPlan: MemoryPlan { plan.memoryPlan }

    /// What the plan for a store with layouts as these reads and writes where.
    package func accesses() throws -> PlannedAccesses {
        try EngineThread.shared.run(threads: threads) {
            try ExecutionPlan.Stations(
                self.graph, library: self.library, options: self.options,
                found: self.plan.variableLayouts.mapValues { $0 }
            ).accesses
        }
    }

    /// The units in their order, and the time that measured runs have spent in each.
    package var measurements: [UnitTime] {
        (plan.prologue + plan.evaluation + plan.updates).map { UnitTime($0, seconds: $0.seconds) }
    }

    var threads: Int { options.threads }

    // MARK: Running

    package func run(_ feeds: [NDArray], step: Int, on store: any Store) throws {
        guard let store = store as? OneDNNStore else { throw EngineError.foreignStore(engine: "onednn") }
        try check(feeds)
        self.feeds = feeds
        requestedStore = store
        context.step = step
        if memory == nil { try checkMemory() }
        if results.isEmpty {
            results = outputs.map { NDArray(uninitialized: $0.shape, type: $0.type) }
        }
        EngineThread.shared.run(self, threads: threads)
        self.feeds = []
        requestedStore = nil
        if let failure {
            self.failure = nil
            throw failure
        }
    }

    package func result(_ index: Int) -> NDArray { results[index] }

    package func prepare(on store: any Store) throws {
        guard let store = store as? OneDNNStore else { throw EngineError.foreignStore(engine: "onednn") }
        try EngineThread.shared.run(threads: threads) { _ = try bind(store) }
    }

    package func perform() {
        do {
            let store = requestedStore!
            let memory = try bind(store)
            memory.setFeeds(feeds, plan)
            for (index, scalar) in plan.scalars.enumerated() {
                memory.scalars[index] =
                    scalar == .step ? Float(context.step) : Float(schedules[index].value(at: context.step))
            }
            // Versions only grow, so their sum tells whether one of them has.
            let version = prologueEntries.reduce(0) { $0 + $1.version }
            if preparedVersion != version {
                try run(plan.prologue)
                preparedVersion = version
                preparations += 1
            }
            try run(plan.evaluation)
            try checkGuards(memory)
            fetch(memory)
            guard !plan.updates.isEmpty || !plan.commits.isEmpty else { return }
            try run(plan.updates)
            commit(memory)
            store.advance(changedEntries)
        } catch {
            failure = error
        }
    }

    private func run(_ units: [ExecutionPlan.PlacedUnit]) throws {
        if isMeasuring {
            let clock = ContinuousClock()
            for placed in units {
                let duration = try clock.measure { try placed.unit.run(placed.memory, context) }
                placed.seconds += duration / .seconds(1)
            }
            return
        }
        for placed in units { try placed.unit.run(placed.memory, context) }
    }

    private func checkGuards(_ memory: ExecutionMemory) throws {
        for (path, location, count) in plan.guards {
            let values = memory.address(location).assumingMemoryBound(to: Float.self)
            if renorm_is_finite(context.team, count, values) == 0 {
                throw EngineError.notFinite(path: path, step: context.step)
            }
        }
    }

    /// Takes the results before updates use their memory again.
    private func fetch(_ memory: ExecutionMemory) {
        for index in plan.fetches.indices {
            let source = memory.address(plan.fetches[index])
            results[index].withUnsafeMutableBytes { target in
                target.copyMemory(from: UnsafeRawBufferPointer(start: source, count: target.count))
            }
        }
    }

    private func commit(_ memory: ExecutionMemory) {
        for (variable, location, count) in plan.commits {
            memory.variables[variable]!.copyMemory(from: memory.address(location), byteCount: 4 * count)
        }
    }

    // MARK: Binding

    /// Connects the plan with a store's memory, where that is not done yet.
    private func bind(_ store: OneDNNStore) throws -> ExecutionMemory {
        if let memory, self.store === store, structureVersion == store.structureVersion { return memory }
        let paths = graph.variables.keys
        for specification in variables {
            guard let entry = store.entry(specification.path) else {
                throw EngineError.variable(
                    path: specification.path, found: "missing", expected: "\(specification.shape)")
            }
            guard entry.shape == specification.shape else {
                throw EngineError.variable(
                    path: specification.path, found: "\(entry.shape)", expected: "\(specification.shape)")
            }
        }
        let found = store.layouts(of: paths)
        if found.contains(where: { path, layout in layout != plan.variableLayouts[path] }) {
            plan = try ExecutionPlan(
                .init(graph, library: library, options: options, found: found))
            memory = nil
        }
        for path in paths {
            try store.setLayout(
                path, plan.variableLayouts[path], staysPlain: plan.plainVariables.contains(path))
        }
        if self.memory == nil { try checkMemory() }
        let memory = self.memory ?? ExecutionMemory(plan)
        let entries = paths.map { store.entry($0)! }
        memory.bind(plan, entries.map(\.memory))
        prologueEntries = plan.prologueVariables.map { entries[$0] }
        changedEntries = plan.changedVariables.map { entries[$0] }
        (self.memory, self.store) = (memory, store)
        structureVersion = store.structureVersion
        preparedVersion = -1
        if !memory.hasConstants {
            try run(plan.constants)
            memory.hasConstants = true
        }
        return memory
    }
}
