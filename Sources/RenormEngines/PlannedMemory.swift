import RenormArrays

/// The memory that a run of an executable needs at its peak, in bytes, as planned when it was compiled. What the caller
/// feeds and fetches, and what the engine's libraries hold for themselves, is not in it.
public struct PlannedMemory: Sendable, Hashable, Codable {
    /// The variables of the store: parameters, statistics, optimizer slots, averages.
    public var variables: Int
    /// Activations and gradients that are needed at the same time.
    public var activations: Int
    /// What single operations need while they run, and what is lost between values of different sizes.
    public var scratch: Int
    /// What is kept between runs, such as weights in the layouts that convolutions prefer.
    public var kept: Int

    /// All of it.
    public var total: Int { variables + activations + scratch + kept }

    /// Says what is needed.
    public init(variables: Int, activations: Int, scratch: Int, kept: Int) {
        self.variables = variables
        self.activations = activations
        self.scratch = scratch
        self.kept = kept
    }
}

extension Executable {
    /// Everything but the variables as activations, for engines that do not tell them apart.
    public var plannedMemory: PlannedMemory {
        PlannedMemory(
            variables: variableByteCount, activations: plannedByteCount, scratch: 0, kept: 0)
    }

    /// The bytes of the variables that it reads or updates, in f32.
    public var variableByteCount: Int {
        variables.reduce(0) { $0 + $1.shape.elementCount * ElementType.f32.byteCount }
    }
}
