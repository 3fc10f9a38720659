/// How an engine computes convolutions. It decides how sums are rounded, so a run records it.
///
/// Winograd's algorithm computes 3×3 convolutions of stride 1 by tiles of 4×4 results with a quarter of the
/// multiplications, or of 2×2 with 4 in 9 (Winograd 1980; Lavin and Gray 2015). It applies to f32 and to what an engine has it for; everything
/// else is computed directly.
public enum ConvolutionAlgorithm: String, Sendable, Hashable, Codable, CaseIterable {
    /// Whichever is faster, by a rule on shapes that does not depend on what was measured.
    case auto
    /// Multiplying and adding as the formula says.
    case direct
    /// Winograd's wherever it applies, even where direct ones are faster.
    case winograd
}
