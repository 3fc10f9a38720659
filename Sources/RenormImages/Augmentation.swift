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

    /// The draw for one example.
    package func placement(seed: UInt64, step: Int, position: Int, height: Int, width: Int) -> Placement {
        guard self == .standard else { return .identity }
        let words = Random.block(
            seed: seed, stream: Augmentation.stream, counter: UInt32(truncatingIfNeeded: step),
            index: UInt32(truncatingIfNeeded: position))
        return Placement(
            top: Augmentation.offset(words.0, side: height), left: Augmentation.offset(words.1, side: width),
            isMirrored: words.2 >> 31 == 1)
    }

    /// −padding…padding; the bias of multiplying 32 random bits is below 10⁻⁸.
    private static func offset(_ word: UInt32, side: Int) -> Int {
        let padding = padding(side: side)
        return Int((UInt64(word) * UInt64(2 * padding + 1)) >> 32) - padding
    }

    private static let stream = Random.streamNumber("augmentation")
}

/// Where in its padded self an image is cut out, and whether it is then mirrored.
package struct Placement: Hashable, Sendable {
    /// The row of the image that becomes row 0; negative in the padding above.
    package var top: Int
    /// The column of the image that becomes column 0 before mirroring; negative in the padding on the left.
    package var left: Int
    /// Whether left and right are exchanged.
    package var isMirrored: Bool

    /// The image as it is.
    package static let identity = Placement(top: 0, left: 0, isMirrored: false)

    package init(top: Int, left: Int, isMirrored: Bool) {
        self.top = top
        self.left = left
        self.isMirrored = isMirrored
    }
}
