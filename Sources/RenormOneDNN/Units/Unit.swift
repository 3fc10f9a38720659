import RenormKernels

/// Something that a step does: one pass over memory, with everything about it decided when the graph was compiled.
protocol Unit: AnyObject {
    /// What a profile calls it.
    var name: String { get }

    /// Told when its memory is another than before.
    func bind(_ memory: UnitMemory)

    /// Does it. Allocates nothing.
    func run(_ memory: UnitMemory, _ context: RunContext) throws
}

extension Unit {
    func bind(_ memory: UnitMemory) {}
}

/// Where a unit's operands lie, in the order in which the plan lists them.
struct UnitMemory {
    let reads: UnsafeMutablePointer<UnsafeMutableRawPointer>
    let writes: UnsafeMutablePointer<UnsafeMutableRawPointer>
    var scratch: UnsafeMutableRawPointer

    /// The operand read at a position, as numbers.
    func input(_ position: Int) -> UnsafePointer<Float> {
        UnsafePointer(reads[position].assumingMemoryBound(to: Float.self))
    }

    /// The operand read at a position, if there is one.
    func input(_ position: Int?) -> UnsafePointer<Float>? { position.map { input($0) } }

    /// The operand written at a position, as numbers.
    func output(_ position: Int) -> UnsafeMutablePointer<Float> {
        writes[position].assumingMemoryBound(to: Float.self)
    }
}

/// What all units of a run share.
struct RunContext {
    let team: OpaquePointer
    var step = 0
}
