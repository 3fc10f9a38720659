import RenormEngines

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

    /// From a layer's variable `gains` `[2, 3]`.
    init(at path: String, _ value: NDArray) {
        let values = value.doubles
        self.init(path: String(path.dropLast(6)), mean: values[0], scale: values[3])
    }

    /// Whether a variable of this path is a layer's gains.
    static func isPath(_ path: String) -> Bool { path == "gains" || path.hasSuffix(".gains") }
}
