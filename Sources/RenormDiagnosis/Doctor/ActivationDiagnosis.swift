/// How much of what a bounded activation gives is at its upper limit, where its slope is 0, or nearly so.
public struct ActivationDiagnosis: Sendable, Hashable, Codable {
    /// An activation with an upper limit, or with a factor that has one.
    public enum Function: String, Sendable, Hashable, Codable, CaseIterable {
        /// min(max(x, 0), 6): at its limit where x ≥ 6.
        case relu6
        /// 1 / (1 + e⁻ˣ): counted where it is above 0.999.
        case sigmoid
        /// relu6(x + 3) / 6: at its limit where x ≥ 3.
        case hardSigmoid = "hard-sigmoid"
        /// x · relu6(x + 3) / 6: its factor is at its limit where x ≥ 3. There it is x, so its slope is 1.
        case hardSwish = "hard-swish"
        /// x · sigmoid(x): its factor is counted where it is above 0.999. There its slope is 1.
        case silu

        /// Whether nothing comes back through it from where it is at its limit.
        public var stopsGradients: Bool { self != .hardSwish && self != .silu }
    }

    /// Where it is.
    public var path: String
    /// What it is.
    public var function: Function
    /// The part of the values that are at the limit, 0 to 1.
    public var saturated: Double

    /// Describes an activation.
    public init(path: String, function: Function, saturated: Double) {
        self.path = path
        self.function = function
        self.saturated = saturated
    }
}
