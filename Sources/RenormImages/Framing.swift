import RenormArrays

/// How a picture of any size is brought to the size that a network takes: the same in validation, evaluation, prediction and
/// exports, because it is saved with the network.
///
///     let framing = Framing(size: ImageSize(height: 224, width: 224, channels: 3), fit: .crop(fraction: 0.875))
///     framing.placement(of: ImageSize(height: 375, width: 500, channels: 3))   // the middle, 328 × 328 of its pixels
public struct Framing: Hashable, Sendable {
    /// The size that the network takes.
    public var size: ImageSize
    /// What happens where the sides have another ratio.
    public var fit: Fit
    /// How pixels between pixels are made.
    public var interpolation: Interpolation
    /// What shows where a picture is transparent.
    public var background: DecodingOptions.Background

    /// A framing.
    public init(
        size: ImageSize, fit: Fit = .squash, interpolation: Interpolation = .bilinear,
        background: DecodingOptions.Background = .white
    ) {
        self.size = size
        self.fit = fit
        self.interpolation = interpolation
        self.background = background
    }

    /// How a picture is placed, without any augmentation.
    public func placement(of picture: ImageSize) -> Placement {
        let (crop, whole) = fit.crop(of: picture, for: size)
        var placement = Placement(
            crop, height: size.height, width: size.width, interpolation: interpolation)
        placement.whole = whole
        return placement
    }
}

extension Framing: Codable {
    private enum CodingKeys: String, CodingKey {
        case height, width, channels, fit, interpolation, background
    }

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for a size that no picture has.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let extents: [Int] = try [.height, .width, .channels].map { try container.value($0) }
        guard extents.allSatisfy({ (1...1 << 16).contains($0) }) else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath,
                    debugDescription: "found pictures of \(extents); expected extents of 1 to 65536"))
        }
        size = ImageSize(height: extents[0], width: extents[1], channels: extents[2])
        fit = try container.value(.fit)
        interpolation = try container.value(.interpolation)
        background = try container.value(.background)
    }

    /// Writes the size by its extents.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(size.height, forKey: .height)
        try container.encode(size.width, forKey: .width)
        try container.encode(size.channels, forKey: .channels)
        try container.encode(fit, forKey: .fit)
        try container.encode(interpolation, forKey: .interpolation)
        try container.encode(background, forKey: .background)
    }
}

/// How a picture is brought into a rectangle whose sides have another ratio.
public enum Fit: Hashable, Sendable {
    /// The whole picture, its ratio not kept.
    case squash
    /// The picture is resized so that the rectangle is this fraction of it along the side that fits tightest, and the middle is
    /// cut out: torchvision's `Resize` (short side 256 for 224 and 0.875) and `CenterCrop`.
    case crop(fraction: Double = 0.875)
    /// The whole picture, its ratio kept, with pixels of 0 on two sides.
    case letterbox

    /// The part of a picture that fills the rectangle, in the picture's pixels, and the size that the whole gets.
    ///
    /// The resized picture has whole pixels, as it would have in torchvision, so its sides may differ by a part of a pixel in
    /// how much they shrink.
    func crop(of picture: ImageSize, for size: ImageSize) -> (Placement.Crop, whole: Placement.Whole?) {
        let (height, width) = (Double(picture.height), Double(picture.width))
        let (wantedHeight, wantedWidth) = (Double(size.height), Double(size.width))
        let resized: (height: Double, width: Double)
        let offset: (top: Double, left: Double)
        switch self {
        case .squash: return (Placement.Crop(top: 0, left: 0, height: height, width: width), nil)
        case .crop(let fraction):
            let least = ((wantedHeight / fraction).rounded(), (wantedWidth / fraction).rounded())
            // The side that fits tightest gets its size exactly, the other is cut off to whole pixels.
            resized =
                least.0 / height >= least.1 / width
                ? (least.0, max((least.0 * width / height).rounded(.down), wantedWidth))
                : (max((least.1 * height / width).rounded(.down), wantedHeight), least.1)
            offset = (
                ((resized.height - wantedHeight) / 2).rounded(.toNearestOrEven),
                ((resized.width - wantedWidth) / 2).rounded(.toNearestOrEven)
            )
        case .letterbox:
            let ratio = min(wantedHeight / height, wantedWidth / width)
            resized = (max((height * ratio).rounded(), 1), max((width * ratio).rounded(), 1))
            offset = (
                -((wantedHeight - resized.height) / 2).rounded(.down),
                -((wantedWidth - resized.width) / 2).rounded(.down)
            )
        }
        let (down, across) = (height / resized.height, width / resized.width)
        let crop = Placement.Crop(
            top: offset.top * down, left: offset.left * across, height: wantedHeight * down,
            width: wantedWidth * across)
        return (crop, Placement.Whole(height: Int(resized.height), width: Int(resized.width)))
    }
}

extension Fit: TextCoded {
    /// The text forms, for help.
    public static let names = "squash, crop, crop:FRACTION or letterbox"

    /// Reads `squash`, `crop`, `crop:FRACTION` or `letterbox`.
    ///
    /// - Throws: `ImagesError.unknownChoice`.
    public init(parsing text: String) throws {
        switch text {
        case "squash": self = .squash
        case "letterbox": self = .letterbox
        case "crop": self = .crop()
        default:
            let fraction = text.hasPrefix("crop:") ? Double(text.dropFirst("crop:".count)) : nil
            guard let fraction, fraction > 0, fraction <= 1 else {
                throw ImagesError.unknownChoice(
                    option: "way to resize pictures", found: text,
                    choices: [
                        "squash", "crop", "crop:FRACTION with a fraction above 0 and at most 1", "letterbox",
                    ])
            }
            self = .crop(fraction: fraction)
        }
    }

    /// The text form, which `init(parsing:)` reads.
    public var description: String {
        switch self {
        case .squash: "squash"
        case .crop(0.875): "crop"
        case .crop(let fraction): "crop:\(fraction)"
        case .letterbox: "letterbox"
        }
    }

    /// What messages call it.
    public static let kind = "way to resize pictures"
}
