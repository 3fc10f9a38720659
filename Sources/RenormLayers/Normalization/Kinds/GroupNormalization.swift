import RenormArrays
import RenormGraphs

/// Moments of each example over each of a number of groups of channels (Wu & He 2018).
public struct GroupNormalization: NormalizationKind {
    /// Its word.
    public static let name = "group"
    /// The number of groups.
    public static let argument = NormalizationKinds.Argument.required("N")

    /// The number of groups, which must divide the channels.
    public var groups: Int

    /// Makes the kind.
    public init(groups: Int) { self.groups = groups }

    /// Reads the number of groups.
    public init(parsing text: inout NormalizationText) throws {
        guard let groups = Self.groups(in: text.word) else {
            throw text.failure(found: "'\(text.word)'", expected: "group:N with a number N of at least 1")
        }
        self.init(groups: groups)
    }

    /// The word with the number of groups.
    public var word: String { "group:\(groups)" }

    /// What is wrong with the parameters.
    public var fault: Fault? { Fault("\(groups) groups of channels", "at least 1", unless: groups >= 1) }

    /// Normalizes each group of channels of each example by itself.
    public func normalize(_ x: Tensor, _ layer: NormalizationContext) throws -> Tensor {
        try layer.standardized(x, by: layer.ownMoments(x, channelGroups: groups))
    }

    private static func groups(in word: String) -> Int? {
        guard word.hasPrefix("group:"), let groups = Int(word.dropFirst(6)), groups > 0 else { return nil }
        return groups
    }
}

extension GroupNormalization {
    // The number stands in the layer's word.
    private enum Key: String, CodingKey { case kind }

    /// Reads the number of groups from the word of the layer.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let word = try container.decode(String.self, forKey: .kind)
        guard let groups = Self.groups(in: word) else {
            throw DecodingError.dataCorruptedError(
                forKey: .kind, in: container,
                debugDescription:
                    "found the normalization '\(word)'; expected group:N with a number N of at least 1")
        }
        self.init(groups: groups)
    }

    /// Writes the word, in which the number of groups stands.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(word, forKey: .kind)
    }
}

extension NormalizationKind where Self == GroupNormalization {
    /// Moments of each example over each of this many groups of channels.
    public static func group(_ groups: Int) -> Self { Self(groups: groups) }
}
