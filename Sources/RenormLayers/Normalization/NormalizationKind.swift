/// The kinds of normalization.
public enum NormalizationKind: Hashable, Sendable {
    /// Moments of the batch; moving averages at inference (Ioffe & Szegedy 2015).
    case batch
    /// Moments of the batch, corrected towards the moving averages by r and d, so that training and inference see the
    /// same (Ioffe 2017).
    case batchRenorm
    /// Moving averages, never updated; γ and β are trained unless an override freezes them.
    case frozen
    /// Moments of each example over all channels (Ba et al. 2016), with γ and β per channel.
    case layer
    /// Moments of each example and channel (Ulyanov et al. 2016).
    case instance
    /// Moments of each example over each of this many groups of channels (Wu & He 2018).
    case group(Int)
    /// Nothing is done.
    case none

    /// The averaging rate used unless another is given.
    public var defaultAveragingRate: Double { self == .batchRenorm ? 0.05 : 0.1 }

    /// Whether training and inference differ, by moving averages.
    public var hasMovingAverages: Bool { self == .batch || self == .batchRenorm || self == .frozen }

    /// Whether examples of a batch are normalized together in training.
    package var hasBatchMoments: Bool { self == .batch || self == .batchRenorm }
}

extension NormalizationKind: LosslessStringConvertible, Codable {
    /// The names that `init(_:)` reads.
    public static let names = "batch, batch-renorm, frozen, layer, instance, group:N or none"

    /// Reads `batch`, `batch-renorm`, `frozen`, `layer`, `instance`, `group:8` or `none`; `nil` for anything else.
    public init?(_ description: String) {
        switch description {
        case "batch": self = .batch
        case "batch-renorm": self = .batchRenorm
        case "frozen": self = .frozen
        case "layer": self = .layer
        case "instance": self = .instance
        case "none": self = .none
        default:
            guard description.hasPrefix("group:"), let groups = Int(description.dropFirst(6)), groups > 0
            else {
                return nil
            }
            self = .group(groups)
        }
    }

    /// The name that `init(_:)` reads.
    public var description: String {
        switch self {
        case .batch: "batch"
        case .batchRenorm: "batch-renorm"
        case .frozen: "frozen"
        case .layer: "layer"
        case .instance: "instance"
        case .group(let groups): "group:\(groups)"
        case .none: "none"
        }
    }

    /// A kind is coded as its name.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let name = try container.decode(String.self)
        guard let kind = NormalizationKind(name) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "found the normalization '\(name)'; expected \(NormalizationKind.names)")
        }
        self = kind
    }

    /// A kind is coded as its name.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
