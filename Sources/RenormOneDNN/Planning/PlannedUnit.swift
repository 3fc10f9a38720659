/// Where a value lies: a buffer of the plan, and how far into it.
struct Operand: Hashable {
    var buffer: Int
    var byteOffset = 0
}

/// Memory that the plan needs.
package struct Buffer {
    /// Who provides it.
    package enum Home: Hashable {
        /// Shared in time with others.
        case arena
        /// Kept between runs.
        case persistent
        /// The store's, by the variable's position in the graph.
        case variable(Int)
        /// The caller's, by the input's position.
        case input(Int)
        /// A number set before each run, by its position.
        case scalar(Int)
    }

    var byteCount: Int
    var home: Home
}

/// A unit before its memory is planned.
struct PlannedUnit {
    /// The node at whose place in the graph it runs, if its operands allow.
    var key: Int
    var reads: [Operand]
    var writes: [Operand]
    var scratchByteCount = 0
    /// Which result may lie in the memory of which operand, both by position, the best first.
    var shareable: [(write: Int, read: Int)] = []
    /// Makes the unit, told which results do lie in the memory of an operand.
    var make: (_ inPlace: [Int: Int]) throws -> any Unit
}
