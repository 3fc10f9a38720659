import HeapModule

/// In which order units run.
///
/// A run has four parts: constants, once for each memory; the prologue, whenever the variables have changed; the
/// evaluation of everything that guards and fetches need; and, if the guards are finite, the updates.
struct UnitOrder {
    /// Units that depend on nothing.
    private(set) var constants: [Int] = []
    /// Units that depend on variables alone, and on none that the graph updates.
    private(set) var prologue: [Int] = []
    /// What guards and fetches need.
    private(set) var evaluation: [Int] = []
    /// What only updates need.
    private(set) var updates: [Int] = []

    /// All units that run at all, in order.
    var all: [Int] { constants + prologue + evaluation + updates }

    private let units: [PlannedUnit]
    private var writers: [Int: Int] = [:]

    init(_ lowering: Lowering) {
        units = lowering.units
        for (index, unit) in units.enumerated() {
            for write in unit.writes { writers[write.buffer] = index }
        }
        let first = closure(of: lowering.fetches + lowering.guards.map(\.operand))
        let second = closure(of: lowering.updates.map(\.operand)).subtracting(first)
        let updated = Set(lowering.updates.map(\.variable))
        var isConstant: [Int: Bool] = [:]
        var isPrologue: [Int: Bool] = [:]
        for index in sorted(Set(units.indices)) {
            let sources = units[index].reads.map { read in
                (writer: writers[read.buffer], home: lowering.buffers[read.buffer].home)
            }
            isConstant[index] = sources.allSatisfy { $0.writer.map { isConstant[$0]! } ?? false }
            isPrologue[index] = sources.allSatisfy { source in
                if let writer = source.writer { return isPrologue[writer]! || isConstant[writer]! }
                if case .variable(let variable) = source.home { return !updated.contains(variable) }
                return false
            }
        }
        let needed = first.union(second)
        let early = needed.filter { isConstant[$0]! }
        let packing = first.filter { isPrologue[$0]! && !isConstant[$0]! }
        constants = sorted(early)
        prologue = sorted(packing)
        evaluation = sorted(first.subtracting(early).subtracting(packing))
        updates = sorted(second.subtracting(early))
    }

    /// The units that operands need.
    private func closure(of operands: [Operand]) -> Set<Int> {
        var needed: Set<Int> = []
        var stack = operands.compactMap { writers[$0.buffer] }
        while let index = stack.popLast() {
            guard needed.insert(index).inserted else { continue }
            stack += units[index].reads.compactMap { writers[$0.buffer] }
        }
        return needed
    }

    /// Units after those that they depend on, otherwise in the graph's order.
    private func sorted(_ subset: Set<Int>) -> [Int] {
        var waiting: [Int: Int] = [:]
        var readers: [Int: [Int]] = [:]
        var ready = Heap<Ready>()
        for index in subset {
            let sources = Set(units[index].reads.compactMap { writers[$0.buffer] }).intersection(subset)
            waiting[index] = sources.count
            for source in sources { readers[source, default: []].append(index) }
            if sources.isEmpty { ready.insert(Ready(key: units[index].key, unit: index)) }
        }
        var order: [Int] = []
        while let next = ready.popMin() {
            order.append(next.unit)
            for reader in readers[next.unit, default: []] {
                waiting[reader]! -= 1
                if waiting[reader] == 0 { ready.insert(Ready(key: units[reader].key, unit: reader)) }
            }
        }
        precondition(order.count == subset.count, "the planned units depend on each other in a circle")
        return order
    }

    private struct Ready: Comparable {
        var key: Int
        var unit: Int

        static func < (left: Ready, right: Ready) -> Bool {
            (left.key, left.unit) < (right.key, right.unit)
        }
    }
}
