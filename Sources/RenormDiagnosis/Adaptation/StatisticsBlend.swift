import RenormArrays

/// How much the statistics of a target domain count beside those of the source.
public enum StatisticsBlend: Sendable, Hashable {
    /// As much as so few pictures can say, estimated channel by channel: see `Adaptation`.
    case automatic
    /// This share, 0 to 1: 0 leaves the source's, 1 takes the target's alone (AdaBN, Li et al. 2016).
    case target(Double)
    /// As much as they do when the source's count as so many pictures: n pictures of the target have n / (n + N) of the whole
    /// (Schneider et al. 2020).
    case sourceImages(Double)
}

extension StatisticsBlend: TextForm, CustomStringConvertible {
    /// Reads `auto`, a share such as `0.5`, or `images:16` for the source's weight in pictures.
    ///
    /// - Throws: `Fault`.
    public init(parsing text: String) throws {
        let images = "images:"
        if text == "auto" {
            self = .automatic
        } else if text.hasPrefix(images), let count = Double(text.dropFirst(images.count)),
            count.isFinite, count >= 0
        {
            self = .sourceImages(count)
        } else if let share = Double(text), (0...1).contains(share) {
            self = .target(share)
        } else {
            throw Fault("'\(text)'", StatisticsBlend.expected)
        }
    }

    /// The text form.
    public var description: String {
        switch self {
        case .automatic: "auto"
        case .target(let share): "\(share)"
        case .sourceImages(let count): "images:\(count)"
        }
    }

    /// What can be read.
    public static let expected =
        "auto, a share of 0 (the source's alone) to 1 (the target's alone), or images:N (the source's count as N pictures)"

    /// The share of the target's where it is given; `nil` where it is estimated.
    func share(of images: Int) -> Double? {
        switch self {
        case .automatic: nil
        case .target(let share): share
        case .sourceImages(let count): images == 0 ? 0 : Double(images) / (Double(images) + count)
        }
    }
}
