import RenormGraphs

/// RoTTA's robust normalization: averages that move by 0.05 a batch, from the source's.
public struct RobustAverages: StreamMethod {
    /// Its word.
    public static let name = "rotta"
    /// Where it is from, and what is left out.
    public static let source =
        "Yuan et al. 2023, Robust test-time adaptation in dynamic scenarios: its normalization alone, on the stream as it comes, without "
        + "the memory of likely classes, the teacher and the gradients"
    /// The rate.
    public static let constants = [StreamConstant<Self>("rate", \.rate, 0...1)]

    /// How far averages go towards a batch's moments.
    public var rate = 0.05

    /// Makes the method.
    public init() {}

    /// The averages.
    public func variables(channels: Int, source: SourceStatistics.Layer?, limit: Double) -> [StreamVariable] {
        StreamVariable.averages(channels)
    }

    /// Moves the averages, then normalizes with them.
    public func normalize(_ layer: StreamLayer) throws -> Tensor { try layer.normalizedMoving(rate: rate) }
}
