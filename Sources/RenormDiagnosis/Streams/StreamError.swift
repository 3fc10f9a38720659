import RenormArrays

/// Why a stream cannot be adapted to.
public enum StreamError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A network without moving averages.
    case noAverages(known: [String])
    /// A method that needs statistics of the source, and none are given.
    case noSource(method: String)
    /// Statistics of another network.
    case foreignSource(path: String, found: String, expected: String)
    /// Images of another size than the network's.
    case images(found: TensorShape, expected: TensorShape)
    /// Something in a file or a state is not as it must be.
    case malformed(what: String, found: String, expected: String)
    /// Values that are not finite.
    case notFinite(what: String, path: String)

    /// What was found and where, what was expected, and what to do.
    public var description: String {
        switch self {
        case .noAverages(let known):
            return
                "The network has no normalization with moving averages (it has \(known.isEmpty ? "none" : known.joined(separator: ", "))); "
                + "expected batch, batch-renorm or frozen. Nothing can be adapted in it."
        case .noSource(let method):
            return
                "The method '\(method)' was given no statistics of the source; expected what source images say of each layer. "
                + "Measure them on training images and save them (SourceStatistics.measure, renorm stream --measure)."
        case .foreignSource(let path, let found, let expected):
            return "The statistics of the source at '\(path)': found \(found); expected \(expected). "
                + "Take those of this network, or measure them again."
        case .images(let found, let expected):
            return "Images of \(found); expected \(expected), batch and all. Prepare them as for training."
        case .malformed(let what, let found, let expected):
            return "\(what): found \(found); expected \(expected). Save it again, or take another."
        case .notFinite(let what, let path):
            return
                "\(what): '\(path)' is not finite (NaN or infinity); expected finite numbers. Nothing was updated. "
                + "Look at these images, and at the network."
        }
    }
}
