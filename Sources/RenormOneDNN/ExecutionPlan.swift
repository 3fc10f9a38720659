import RenormGraphs
import RenormKernels

/// A graph planned to the last pointer: units in order with places for all that they read and write.
final class ExecutionPlan {
    /// What is decided about a graph, one station after another.
    struct Stations {
        let layouts: WeightLayouts
        let lowering: Lowering
        let order: UnitOrder
        let memory: MemoryPlan

        init(
            _ graph: Graph, library: OneDNNLibrary, options: PlanningOptions,
            found: [String: MemoryDescriptor?]
        ) throws {
            let prepared = try PreparedGraph(graph)
            layouts = try WeightLayouts(prepared, library: library, options: options, found: found)
            lowering = try Lowering(prepared, library: library, options: options, layouts: layouts)
            order = UnitOrder(lowering)
            memory = MemoryPlan(lowering, order)
        }

        /// What the units read and write where.
        var accesses: PlannedAccesses { PlannedAccesses(lowering, order, memory) }
    }

    /// A place in one of the blocks of memory.
    struct Location: Hashable {
        var home: Buffer.Home
        var byteOffset: Int
        /// How much memory is there.
        var byteCount = 0
    }

    /// A unit with its memory.
    final class PlacedUnit {
        let unit: any Unit
        let path: String
        /// The convolution, or gradient of one, that the unit is a part of.
        let convolution: (number: Int, operation: String)?
        let reads: [Location]
        let writes: [Location]
        let scratch: Location
        var memory: UnitMemory
        var seconds = 0.0

        init(
            _ unit: any Unit, path: String, convolution: (number: Int, operation: String)?, reads: [Location],
            writes: [Location], scratch: Location
        ) {
            self.unit = unit
            self.path = path
            self.convolution = convolution
            self.reads = reads
            self.writes = writes
            self.scratch = scratch
            let placeholder = UnsafeMutableRawPointer(bitPattern: 64)!
            func pointers(_ count: Int) -> UnsafeMutablePointer<UnsafeMutableRawPointer> {
                let result = UnsafeMutablePointer<UnsafeMutableRawPointer>.allocate(capacity: max(count, 1))
                result.initialize(repeating: placeholder, count: max(count, 1))
                return result
            }
            memory = UnitMemory(
                reads: pointers(reads.count), writes: pointers(writes.count), scratch: placeholder)
        }

        deinit {
            memory.reads.deallocate()
            memory.writes.deallocate()
        }
    }

    /// The layouts that it expects variables to have; those not named are plain.
    let variableLayouts: [String: MemoryDescriptor]
    /// The variables that must stay plain.
    let plainVariables: Set<String>
    let memoryPlan: MemoryPlan

    let constants: [PlacedUnit]
    let prologue: [PlacedUnit]
    let evaluation: [PlacedUnit]
    let updates: [PlacedUnit]
    /// The units that read what the caller feeds.
    let feedReaders: [PlacedUnit]
    let fetches: [Location]
    let guards: [(path: String, location: Location, count: Int)]
    /// Updates that were not computed in the variable's own memory.
    let commits: [(variable: Int, location: Location, count: Int)]
    /// The variables that the prologue reads, and those that a run changes.
    let prologueVariables: [Int]
    let changedVariables: [Int]
    let scalars: [Lowering.Scalar]

    /// Plans a graph. On the engine's thread.
    init(_ stations: Stations) throws {
        let (layouts, lowering, order) = (stations.layouts, stations.lowering, stations.order)
        let (graph, plan) = (lowering.prepared.graph, stations.memory)
        assert(
            stations.accesses.violation == nil, "a wrong plan: \(stations.accesses.violation ?? "")")
        variableLayouts = layouts.variables
        plainVariables = layouts.plain
        memoryPlan = plan

        func location(_ operand: Operand) -> Location {
            Location(
                home: plan.homes[operand.buffer],
                byteOffset: plan.offsets[operand.buffer] + operand.byteOffset,
                byteCount: lowering.buffers[operand.buffer].byteCount - operand.byteOffset)
        }
        func place(_ indices: [Int]) throws -> [PlacedUnit] {
            try indices.map { index in
                let unit = lowering.units[index]
                return PlacedUnit(
                    try unit.make(plan.inPlace[index] ?? [:]),
                    path: unit.key < 0 ? "" : lowering.prepared.node(unit.key).path,
                    convolution: lowering.convolution(of: unit),
                    reads: unit.reads.map(location),
                    writes: unit.writes.map(location),
                    scratch: Location(home: .arena, byteOffset: plan.scratch[index] ?? 0))
            }
        }
        constants = try place(order.constants)
        prologue = try place(order.prologue)
        evaluation = try place(order.evaluation)
        updates = try place(order.updates)
        feedReaders = (evaluation + updates).filter { unit in
            unit.reads.contains { if case .input = $0.home { true } else { false } }
        }
        fetches = lowering.fetches.map(location)
        guards = lowering.guards.map { ($0.path, location($0.operand), $0.count) }
        commits = lowering.updates.indices.filter { !plan.direct.contains($0) }.map { index in
            let update = lowering.updates[index]
            let path = graph.variables.keys[update.variable]
            return (update.variable, location(update.operand), graph.variables[path]!.shape.elementCount)
        }
        prologueVariables = Set(
            prologue.flatMap(\.reads).compactMap {
                if case .variable(let index) = $0.home { index } else { nil }
            }
        ).sorted()
        changedVariables = lowering.updates.map(\.variable)
        scalars = lowering.scalars
    }
}
