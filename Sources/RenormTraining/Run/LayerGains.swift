import RenormArrays
import RenormGraphs

/// The gains of a normalization that tunes itself (`SelfTuning`): 1 is batch normalization, near 0 the moving averages.
public struct LayerGains: Sendable, Hashable, Codable {
    /// The path of the normalization.
    public var path: String
    /// The gain of means, 0 to 1.
    public var mean: Double
    /// The gain of deviations, 0 to 1.
    public var scale: Double

    package init(path: String, mean: Double, scale: Double) {
        (self.path, self.mean, self.scale) = (path, mean, scale)
    }

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for gains out of range.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        path = try container.value(.path)
        mean = try container.value(.mean)
        scale = try container.value(.scale)
        try requireNoFault(decoder)
    }

    /// From a layer's statistic `gains` `[2, 3]`; `nil` for other variables.
    init?(at path: String, _ variable: Variable) {
        guard path == "gains" || path.hasSuffix(".gains"), variable.kind == .statistic,
            variable.value.shape == [2, 3]
        else { return nil }
        let values = variable.value.doubles
        self.init(path: String(path.dropLast(6)), mean: values[0], scale: values[3])
    }
}

extension LayerGains: Checkable {
    /// What is wrong with the gains.
    package var fault: Fault? {
        Fault(
            "gains of \(mean) and \(scale)", "0 to 1",
            unless: (0...1).contains(mean) && (0...1).contains(scale))
    }
}
