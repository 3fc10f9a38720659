import RenormArrays

/// Random changes to training images that leave their class as it is. Each is a function of (seed, step, position in the
/// batch).
public enum Augmentation: String, Hashable, Sendable, Codable, CaseIterable {
    /// Images as they are.
    case none
    /// For small images: padded by an eighth of the side (at least 1) with pixels of 0 and cropped back at a random
    /// place, then mirrored left to right half of the time.
    case standard

    /// Reads the text form.
    ///
    /// - Throws: `ImagesError.unknownChoice`.
    public init(parsing text: String) throws {
        guard let found = Augmentation(rawValue: text) else {
            throw ImagesError.unknownChoice(
                option: "augmentation", found: text, choices: Augmentation.allCases.map(\.rawValue))
        }
        self = found
    }

    /// How far a crop can be off the middle on a side of this many pixels.
    public static func padding(side: Int) -> Int { max(1, side / 8) }

    /// The draw for one example: where in an image's padded self it is cut out, and whether it is then mirrored.
    ///
    /// - Parameters:
    ///   - image: the size of the image.
    ///   - size: what it is brought to.
    package func placement(
        seed: UInt64, step: Int, position: Int, image: ImageSize, size: ImageSize
    ) -> Placement {
        var result = Placement(whole: image, height: size.height, width: size.width)
        guard self == .standard else { return result }
        let words = Random.block(
            seed: seed, stream: Augmentation.stream, counter: UInt32(truncatingIfNeeded: step),
            index: UInt32(truncatingIfNeeded: position))
        result.crop.top = Double(Augmentation.offset(words.0, side: image.height))
        result.crop.left = Double(Augmentation.offset(words.1, side: image.width))
        result.isMirrored = words.2 >> 31 == 1
        return result
    }

    /// −padding…padding; the bias of multiplying 32 random bits is below 10⁻⁸.
    private static func offset(_ word: UInt32, side: Int) -> Int {
        let padding = padding(side: side)
        return Int((UInt64(word) * UInt64(2 * padding + 1)) >> 32) - padding
    }

    private static let stream = Random.streamNumber("augmentation")
}
