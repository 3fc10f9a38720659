import RenormArrays

/// How a picture's file becomes pixels.
public struct DecodingOptions: Hashable, Sendable, Codable {
    /// What shows where a picture is transparent.
    public enum Background: String, Hashable, Sendable, Codable, CaseIterable {
        /// 255 in every channel.
        case white
        /// 0 in every channel.
        case black
    }

    /// The number of pixels at which Pillow refuses a picture: twice that at which it warns.
    public static let defaultMaxPixels = 178_956_970

    /// The most pixels of a row or column, which bounds the memory for one.
    static let largestSide = 65_535

    /// 1 for gray, 3 for red, green and blue. Gray becomes colour by repeating it, colour gray by ITU-R 601-2 luma.
    public var channels: Int
    /// What shows where a picture is transparent.
    public var background: Background
    /// The most pixels that a picture may announce: a few bytes of a file can announce more than any memory holds.
    public var maxPixels: Int

    /// Options; `channels` is 1 or 3.
    public init(channels: Int, background: Background = .white, maxPixels: Int = defaultMaxPixels) {
        self.channels = channels
        self.background = background
        self.maxPixels = maxPixels
    }
}

extension DecodingOptions: Checkable {
    /// What is wrong with the numbers.
    package var fault: Fault? {
        .first(
            Fault(of: "channels", "\(channels)", "1 or 3", unless: channels == 1 || channels == 3),
            Fault(of: "most pixels", "\(maxPixels)", "at least 1", unless: maxPixels >= 1))
    }

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for numbers out of range.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        channels = try container.value(.channels)
        background = try container.value(.background)
        maxPixels = try container.value(.maxPixels)
        try requireNoFault(decoder)
    }
}
