/// Why a network cannot go into a format, or come out of it.
///
/// Each message says what was found and where, what was expected, and what to do.
public enum ExchangeError: Error, Hashable, Sendable {
    /// A part of a network that the format has no words for.
    case notExportable(operation: String, path: String, reason: String)
    /// Parts of a file that no layer of ours does, all of them.
    case unsupported([String])
    /// A file whose network cannot be run by anybody.
    case malformed(place: String, reason: String)
    /// A network that takes or gives something else than images and one row of numbers for each.
    case noClassifier(found: String, remedy: String)
}

extension ExchangeError: CustomStringConvertible {
    /// The message.
    public var description: String {
        switch self {
        case .notExportable(let operation, let path, let reason):
            "\(operation)\(path.isEmpty ? "" : " at '\(path)'") cannot be written as ONNX: \(reason). Expected a network of "
                + "operations that the format has, for a batch of any size. Replace that layer."
        case .unsupported(let parts):
            "The network has \(parts.count == 1 ? "a part" : "\(parts.count) parts") that cannot be read: "
                + parts.prefix(200).joined(separator: "; ") + (parts.count > 200 ? "; …" : "")
                + ". Expected the operations of classification networks. Export the network without them, or write it in "
                + "Swift or YAML and load its weights."
        case .malformed(let place, let reason):
            "The network is damaged at \(place): \(reason). Expected a graph in which every value is made once, from what is "
                + "there. Export it again."
        case .noClassifier(let found, let remedy):
            "The network has \(found). Expected one input of images and one output of a number for each class. \(remedy)"
        }
    }
}
