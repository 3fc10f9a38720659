/// What keeps a network from being adapted.
public enum AdaptationError: Error, Hashable, Sendable {
    /// The network keeps no averages where some are looked for.
    case noAverages(pattern: String, found: [String])
    /// So few pictures that nothing can be estimated.
    case tooFew(data: String, images: Int)
}

extension AdaptationError: CustomStringConvertible {
    /// What was found and where, what was expected, and what to do.
    public var description: String {
        switch self {
        case .noAverages(let pattern, let found):
            let some = found.prefix(6).joined(separator: ", ") + (found.count > 6 ? ", …" : "")
            return found.isEmpty
                ? "The network: found no normalization with moving averages, so it has nothing that depends on a domain; expected one "
                    + "with batch, batch-renorm or frozen normalization. Convert or train it, or use it as it is."
                : "Normalizations to adapt: found none that '\(pattern)' matches; expected some of \(some). Change the pattern."
        case .tooFew(let data, let images):
            return
                "\(data): found \(images) picture\(images == 1 ? "" : "s"), of which nothing says how much pictures differ; expected at "
                + "least 2 to estimate how much they count. Give more, or say how much: a blend of images:16 counts the source as 16."
        }
    }
}
