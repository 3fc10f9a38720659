/// Where every buffer lies: in one block of memory that buffers share in time, in one that is kept between runs, or with
/// the store or the caller.
package struct MemoryPlan {
    /// A buffer's time and place in the shared block.
    package struct Slot: Equatable {
        /// The first and last unit that need it, by their position in the order.
        package var first: Int
        package var last: Int
        package var byteOffset: Int
        package var byteCount: Int
        /// Whether it is what a unit needs while it runs, rather than a value.
        package var isScratch = false
    }

    /// The size of the shared block.
    package private(set) var arenaByteCount = 0
    /// The size of what is kept between runs.
    package private(set) var persistentByteCount = 0
    /// Which stretches of the shared block are held when: buffers that share memory on purpose are one.
    package private(set) var slots: [Slot] = []

    /// The home of each buffer.
    private(set) var homes: [Buffer.Home] = []
    /// For buffers in one of the two blocks, where they begin there.
    private(set) var offsets: [Int] = []
    /// For each unit, where its scratch memory begins.
    private(set) var scratch: [Int: Int] = [:]
    /// For each unit, which of its results lie in the memory of which operand.
    private(set) var inPlace: [Int: [Int: Int]] = [:]
    /// Updates whose value is computed straight into the variable's memory.
    private(set) var direct: Set<Int> = []

    private static let alignment = 64

    init(_ lowering: Lowering, _ order: UnitOrder) {
        var planner = Planner(lowering, order)
        planner.keepBetweenRuns()
        planner.writeUpdatesDirectly()
        planner.findLifetimes()
        planner.shareInPlace()
        homes = planner.buffers.map(\.home)
        inPlace = planner.inPlace
        direct = planner.direct
        offsets = [Int](repeating: 0, count: homes.count)
        for (index, home) in homes.enumerated() where home == .persistent {
            offsets[index] = persistentByteCount
            persistentByteCount += MemoryPlan.rounded(planner.buffers[index].byteCount)
        }
        placeInArena(planner)
    }

    private static func rounded(_ byteCount: Int) -> Int {
        (byteCount + alignment - 1) / alignment * alignment
    }

    /// Puts the largest first, each at the lowest place that is free for as long as it is needed.
    private mutating func placeInArena(_ planner: Planner) {
        enum Owner {
            case buffer(Int)
            case scratch(unit: Int)
        }
        var requests: [(owner: Owner, slot: Slot)] = []
        for (index, lifetime) in planner.lifetimes.enumerated() {
            guard let lifetime, homes[index] == .arena, planner.root(index) == index else { continue }
            requests.append(
                (
                    .buffer(index),
                    Slot(
                        first: lifetime.lowerBound, last: lifetime.upperBound, byteOffset: 0,
                        byteCount: MemoryPlan.rounded(planner.buffers[index].byteCount))
                ))
        }
        for (position, unit) in planner.order.enumerated() where planner.units[unit].scratchByteCount > 0 {
            requests.append(
                (
                    .scratch(unit: unit),
                    Slot(
                        first: position, last: position, byteOffset: 0,
                        byteCount: MemoryPlan.rounded(planner.units[unit].scratchByteCount), isScratch: true)
                ))
        }
        requests.sort { ($0.slot.byteCount, $1.slot.first) > ($1.slot.byteCount, $0.slot.first) }
        for (owner, request) in requests {
            var slot = request
            let rivals = slots.filter { $0.first <= slot.last && slot.first <= $0.last }
                .sorted { $0.byteOffset < $1.byteOffset }
            for rival in rivals where rival.byteOffset < slot.byteOffset + slot.byteCount {
                slot.byteOffset = max(slot.byteOffset, rival.byteOffset + rival.byteCount)
            }
            slots.append(slot)
            arenaByteCount = max(arenaByteCount, slot.byteOffset + slot.byteCount)
            switch owner {
            case .buffer(let index): offsets[index] = slot.byteOffset
            case .scratch(let unit): scratch[unit] = slot.byteOffset
            }
        }
        for index in homes.indices where homes[index] == .arena {
            offsets[index] = offsets[planner.root(index)]
        }
    }

    /// The most bytes that some of the stretches hold at the same time.
    package func peakByteCount(of isCounted: (Slot) -> Bool = { _ in true }) -> Int {
        var changes = [Int](repeating: 0, count: (slots.map(\.last).max() ?? 0) + 2)
        for slot in slots where isCounted(slot) {
            changes[slot.first] += slot.byteCount
            changes[slot.last + 1] -= slot.byteCount
        }
        var (held, peak) = (0, 0)
        for change in changes {
            held += change
            peak = max(peak, held)
        }
        return peak
    }
}

/// Works out who needs which buffer when.
private struct Planner {
    let units: [PlannedUnit]
    let order: [Int]
    var buffers: [Buffer]
    var inPlace: [Int: [Int: Int]] = [:]
    var direct: Set<Int> = []
    /// For each buffer in the shared block that something uses, from which to which position in the order.
    var lifetimes: [ClosedRange<Int>?]

    private let lowering: Lowering
    private let parts: UnitOrder
    private var parents: [Int]

    init(_ lowering: Lowering, _ order: UnitOrder) {
        self.lowering = lowering
        parts = order
        units = lowering.units
        self.order = order.all
        buffers = lowering.buffers
        lifetimes = [ClosedRange<Int>?](repeating: nil, count: lowering.buffers.count)
        parents = Array(lowering.buffers.indices)
    }

    /// What constants and the prologue make for later parts, later runs find as it was.
    mutating func keepBetweenRuns() {
        func keep(_ makers: [Int], readBy readers: [Int]) {
            let made = Set(makers.flatMap { units[$0].writes.map(\.buffer) })
            var read = Set(readers.flatMap { units[$0].reads.map(\.buffer) })
            let results = lowering.fetches + lowering.guards.map(\.operand) + lowering.updates.map(\.operand)
            read.formUnion(results.map(\.buffer))
            for buffer in made.intersection(read) { buffers[buffer].home = .persistent }
        }
        let body = parts.evaluation + parts.updates
        keep(parts.constants, readBy: parts.prologue + body)
        keep(parts.prologue, readBy: body)
    }

    /// Lets the unit that computes an update write it into the variable, where nothing after it reads the old value.
    mutating func writeUpdatesDirectly() {
        var writers: [Int: Int] = [:]
        for (position, unit) in parts.updates.enumerated() {
            for write in units[unit].writes { writers[write.buffer] = position }
        }
        let kept = Set((lowering.fetches + lowering.guards.map(\.operand)).map(\.buffer))
        let targets = Dictionary(grouping: lowering.updates.indices) { lowering.updates[$0].operand.buffer }
        for (index, update) in lowering.updates.enumerated() {
            let buffer = update.operand.buffer
            guard let position = writers[buffer], update.operand.byteOffset == 0, !kept.contains(buffer),
                targets[buffer]!.count == 1, buffers[buffer].home == .arena
            else { continue }
            if let old = lowering.variableBuffers[update.variable],
                !canOverwrite(old, with: buffer, at: position)
            {
                continue
            }
            buffers[buffer].home = .variable(update.variable)
            direct.insert(index)
        }
    }

    private mutating func canOverwrite(_ old: Int, with new: Int, at position: Int) -> Bool {
        let later = parts.updates[(position + 1)...]
        if later.contains(where: { units[$0].reads.contains { $0.buffer == old } }) { return false }
        if lowering.updates.contains(where: { $0.operand.buffer == old }) { return false }
        let unit = parts.updates[position]
        let reads = units[unit].reads.indices.filter { units[unit].reads[$0].buffer == old }
        if reads.isEmpty { return true }
        let write = units[unit].writes.firstIndex { $0.buffer == new }!
        guard reads.count == 1, units[unit].reads[reads[0]].byteOffset == 0,
            units[unit].shareable.contains(where: { $0 == (write, reads[0]) })
        else { return false }
        inPlace[unit, default: [:]][write] = reads[0]
        return true
    }

    /// A buffer lives from the unit that writes it to the last that reads it.
    mutating func findLifetimes() {
        func extend(_ buffer: Int, _ position: Int) {
            guard buffers[buffer].home == .arena else { return }
            let known = lifetimes[buffer] ?? position...position
            lifetimes[buffer] = min(known.lowerBound, position)...max(known.upperBound, position)
        }
        for (position, unit) in order.enumerated() {
            for operand in units[unit].reads + units[unit].writes { extend(operand.buffer, position) }
        }
        // Guards and fetches are read when the evaluation has ended, other updates when everything has.
        let evaluated = order.count - parts.updates.count
        for operand in lowering.fetches + lowering.guards.map(\.operand) { extend(operand.buffer, evaluated) }
        for update in lowering.updates { extend(update.operand.buffer, order.count) }
    }

    /// Lets results lie in the memory of operands that nothing needs afterwards.
    mutating func shareInPlace() {
        for (position, unit) in order.enumerated() {
            var used: Set<Int> = []
            for (write, read) in units[unit].shareable {
                let (target, source) = (units[unit].writes[write], units[unit].reads[read])
                let origin = root(source.buffer)
                guard inPlace[unit]?[write] == nil, buffers[target.buffer].home == .arena,
                    buffers[source.buffer].home == .arena, source.byteOffset == 0, target.byteOffset == 0,
                    buffers[source.buffer].byteCount == buffers[target.buffer].byteCount,
                    root(target.buffer) == target.buffer, origin != target.buffer, !used.contains(origin),
                    let lifetime = lifetimes[origin], lifetime.upperBound == position,
                    let wanted = lifetimes[target.buffer], wanted.lowerBound == position,
                    units[unit].reads.filter({ root($0.buffer) == origin }).count == 1
                else { continue }
                used.insert(origin)
                parents[target.buffer] = origin
                lifetimes[origin] = lifetime.lowerBound...wanted.upperBound
                inPlace[unit, default: [:]][write] = read
            }
        }
    }

    /// The buffer whose memory this one has.
    func root(_ buffer: Int) -> Int {
        var buffer = buffer
        while parents[buffer] != buffer { buffer = parents[buffer] }
        return buffer
    }
}
