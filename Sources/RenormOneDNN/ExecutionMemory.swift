import RenormArrays

/// The memory of an executable: what units share in time, what is kept between runs, and where the store's and the
/// caller's arrays lie.
final class ExecutionMemory {
    private let arena: UnsafeMutableRawPointer
    private let persistent: UnsafeMutableRawPointer
    /// The numbers that are set before each run.
    let scalars: UnsafeMutablePointer<Float>
    /// The store's arrays, by the variable's position in the graph.
    private(set) var variables: [UnsafeMutableRawPointer?] = []
    private var feeds: [UnsafeMutableRawPointer]
    /// Whether the kept memory holds the constants.
    var hasConstants = false

    init(_ plan: ExecutionPlan) {
        arena = .allocateForArrays(byteCount: plan.memoryPlan.arenaByteCount)
        persistent = .allocateForArrays(byteCount: plan.memoryPlan.persistentByteCount)
        scalars = .allocate(capacity: max(plan.scalars.count, 1))
        scalars.initialize(repeating: 0, count: max(plan.scalars.count, 1))
        feeds = []
    }

    deinit {
        arena.deallocate()
        persistent.deallocate()
        scalars.deallocate()
    }

    /// Where something lies.
    func address(_ location: ExecutionPlan.Location) -> UnsafeMutableRawPointer {
        switch location.home {
        case .arena: arena + location.byteOffset
        case .persistent: persistent + location.byteOffset
        case .scalar(let index): UnsafeMutableRawPointer(scalars + index)
        case .variable(let index): variables[index]! + location.byteOffset
        case .input(let index): index < feeds.count ? feeds[index] + location.byteOffset : arena
        }
    }

    /// Gives every unit its pointers.
    func bind(_ plan: ExecutionPlan, _ variables: [UnsafeMutableRawPointer]) {
        self.variables = variables
        for placed in plan.constants + plan.prologue + plan.evaluation + plan.updates { bind(placed) }
    }

    /// Gives the units that read what the caller feeds their pointers. Allocates nothing after the first time.
    func setFeeds(_ arrays: [NDArray], _ plan: ExecutionPlan) {
        var isSame = feeds.count == arrays.count
        for (index, array) in arrays.enumerated() {
            let address = array.withUnsafeBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress!) }
            if index == feeds.count { feeds.append(address) }
            if feeds[index] != address { isSame = false }
            feeds[index] = address
        }
        if !isSame { for placed in plan.feedReaders { bind(placed) } }
    }

    private func bind(_ placed: ExecutionPlan.PlacedUnit) {
        for (position, location) in placed.reads.enumerated() {
            placed.memory.reads[position] = address(location)
        }
        for (position, location) in placed.writes.enumerated() {
            placed.memory.writes[position] = address(location)
        }
        placed.memory.scratch = address(placed.scratch)
        placed.unit.bind(placed.memory)
    }
}
