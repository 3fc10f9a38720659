/// Why a normalization cannot be converted.
public enum NormalizationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A moving deviation that is less than √ε.
    case deviationBelowEpsilon(path: String, channel: Int, deviation: Double, epsilon: Double)
    /// A moving variance that is less than 0, or NaN.
    case negativeVariance(path: String, channel: Int, variance: Double)
    /// A scale or shift that does something, where the new normalization has none.
    case lostParameter(path: String, channel: Int, found: Double, neutral: Double)

    /// What was found and where, what was expected, and what to do.
    public var description: String {
        switch self {
        case .deviationBelowEpsilon(let path, let channel, let deviation, let epsilon):
            return
                "'\(path)', channel \(channel): the moving deviation is \(deviation); expected at least √ε = "
                + "\(epsilon.squareRoot()), since ε is inside it. Convert with the ε it was trained with."
        case .negativeVariance(let path, let channel, let variance):
            return
                "'\(path)', channel \(channel): the moving variance is \(variance); expected at least 0. "
                + "Load the network again, or train it anew."
        case .lostParameter(let path, let channel, let found, let neutral):
            return
                "'\(path)', channel \(channel), is \(found); expected \(neutral) everywhere, since the new "
                + "normalization has no such parameter. Convert to one that has it."
        }
    }
}
