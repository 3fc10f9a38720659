import Foundation
import RenormArrays

/// What torchvision's transforms did and drew: `augmentations.json`, made by scripts/fixtures/augmentations.py.
struct AugmentationFixture: Decodable {
    /// What an operation makes of a picture.
    struct Operation: Decodable {
        let picture: [Int], soft: Bool, operation: String, strength: Double, hash: String

        /// Byte i is the top byte of (i + 1) · 2654435761, XORed with the next lower one; soft ones have v / 3 + 60 for v.
        func pixels() -> [UInt8] {
            (1...UInt32(picture.reduce(1, *))).map { number in
                let word = number &* 2_654_435_761
                let value = UInt8(truncatingIfNeeded: word >> 24 ^ word >> 16)
                return soft ? value / 3 + 60 : value
            }
        }
    }

    /// Points of distributions, and which fraction of torchvision's draws is below each.
    typealias Spread = [String: [[Double]]]

    struct Rectangles: Decodable {
        let picture: [Int], scale: [Double], ratio: [Double], erased: Double?, spread: Spread
    }

    struct Jitter: Decodable {
        let spread: Spread, first: [Double]
    }

    struct Trivial: Decodable {
        let counts: [String: Int], negative: Double, magnitudes: [String: [Double]]
    }

    /// A batch of three pictures of 5×4×3, mixed; the box is left, top, right, bottom.
    struct Mix: Decodable {
        let share: Double, box: [Int]?, images: [Float]
    }

    struct Moments: Decodable {
        let mean: Double, deviation: Double
    }

    let operations: [Operation], crops: [Rectangles], erasing: [Rectangles], jitter: Jitter, trivial: Trivial
    let mixes: [Mix], cutmixAreas: Moments

    static func read() throws -> AugmentationFixture {
        let file = fixtures.appendingPathComponent("images/augmentations.json")
        return try JSONDecoder().decode(AugmentationFixture.self, from: Data(contentsOf: file))
    }

    /// The number of torchvision's draws of each kind.
    static let draws = 20_000
}
