import RenormKernels

/// Reads x; writes means and variances, one after the other.
final class MomentsUnit: Unit {
    let name = "moments"
    private let extent: renorm_extent

    init(_ extent: renorm_extent) { self.extent = extent }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        let mean = memory.output(0)
        renorm_moments(
            context.team, extent, memory.input(0), mean, mean + extent.groups * extent.channels,
            memory.scratch)
    }
}

/// Reads moments, averages, innovations, gains and the count; writes all that filtering gives.
final class FilteredMomentsUnit: Unit {
    let name = "filteredMoments"
    private let filter: renorm_moment_filter

    init(_ filter: renorm_moment_filter) { self.filter = filter }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        renorm_filter_moments(
            context.team, filter, memory.input(0), memory.input(1), memory.input(2), memory.input(3),
            memory.input(4), memory.input(5), memory.output(0))
    }
}

/// Reads x, m, a, b and maybe a residual; writes activation(a·(x − m) + b [+ residual]).
final class AffineUnit: Unit {
    let name = "affine"
    private let extent: renorm_extent
    private let activation: renorm_activation
    private let residual: Int?

    init(_ extent: renorm_extent, activation: renorm_activation, hasResidual: Bool) {
        self.extent = extent
        self.activation = activation
        residual = hasResidual ? 4 : nil
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        renorm_affine(
            context.team, extent, memory.input(0), memory.input(1), memory.input(2), memory.input(3),
            memory.input(residual), activation, memory.output(0))
    }
}

/// Where a backward unit finds the parts of the gradient that arrives, among what it reads.
struct IncomingOperands {
    var activation = renorm_activation.identity
    var dy2: Int?
    var output: Int?
    var scale: Int?
    var shift: Int?

    func mask(_ memory: UnitMemory) -> renorm_mask {
        renorm_mask(
            activation: activation, output: memory.input(output), scale: memory.input(scale),
            shift: memory.input(shift))
    }
}

/// Reads x, m, dy and what the mask needs; writes Σ d and Σ d·(x − m), one after the other.
final class AffineSumsUnit: Unit {
    let name = "affineSums"
    private let extent: renorm_extent
    private let incoming: IncomingOperands

    init(_ extent: renorm_extent, _ incoming: IncomingOperands) {
        self.extent = extent
        self.incoming = incoming
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        let sum = memory.output(0)
        renorm_affine_sums(
            context.team, extent, memory.input(0), memory.input(1), incoming.mask(memory), memory.input(2),
            memory.input(incoming.dy2), sum, sum + extent.groups * extent.channels, memory.scratch)
    }
}

/// Reads x, m, dy, p, q, c and what the mask needs; writes dx and maybe d.
final class AffineGradientUnit: Unit {
    let name = "affineGradient"
    private let extent: renorm_extent
    private let incoming: IncomingOperands
    private let emitsIncoming: Bool

    init(_ extent: renorm_extent, _ incoming: IncomingOperands, emitsIncoming: Bool) {
        self.extent = extent
        self.incoming = incoming
        self.emitsIncoming = emitsIncoming
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        renorm_affine_backward(
            context.team, extent, memory.input(0), memory.input(1), incoming.mask(memory), memory.input(2),
            memory.input(incoming.dy2), memory.input(3), memory.input(4), memory.input(5), memory.output(0),
            emitsIncoming ? memory.output(1) : nil)
    }
}
