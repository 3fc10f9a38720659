import RenormArrays

/// The precision of activations. Parameters, statistics, sums and losses are f32 in any case.
public enum Precision: String, Sendable, Hashable, Codable, CaseIterable {
    /// 32 bits.
    case f32
    /// 16 bits with the exponent range of f32: convolutions round their input to it, and what follows keeps it up to the
    /// next sum. About twice as fast on processors that multiply bf16, and half the memory.
    case bf16

    /// The element type of activations.
    public var elementType: ElementType { self == .f32 ? .f32 : .bf16 }
}
