import RenormKernels

/// Reads x; writes the largest of each window, and for the gradient which cell it was.
final class MaxPoolUnit: Unit {
    let name = "maxPool"
    private let shape: renorm_pooling
    private let keepsChoices: Bool

    init(_ shape: renorm_pooling, keepsChoices: Bool) {
        self.shape = shape
        self.keepsChoices = keepsChoices
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        let choices = keepsChoices ? memory.writes[1].assumingMemoryBound(to: UInt8.self) : nil
        renorm_max_pool(context.team, shape, memory.input(0), memory.output(0), choices)
    }
}

/// Reads dy and which cells were chosen; writes dx.
final class MaxPoolGradientUnit: Unit {
    let name = "maxPoolGradient"
    private let shape: renorm_pooling

    init(_ shape: renorm_pooling) { self.shape = shape }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        let choices = UnsafePointer(memory.reads[1].assumingMemoryBound(to: UInt8.self))
        renorm_max_pool_gradient(context.team, shape, memory.input(0), choices, memory.output(0))
    }
}
