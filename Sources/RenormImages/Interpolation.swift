/// How pixels between pixels are made. Where a picture shrinks, the filter is widened by the ratio, so that all pixels that
/// fall on a new one count, as with Pillow's filters of these names and torchvision's with antialiasing.
public enum Interpolation: String, Hashable, Sendable, Codable, CaseIterable {
    /// The pixel on which the middle of the new one falls.
    case nearest
    /// A triangle: two neighbours, weighted by their distance.
    case bilinear
    /// Keys's cubic with a = −1/2: four neighbours; edges become sharper and may swing over.
    case bicubic

    /// How far from the middle of a new pixel others count, in pixels, where the size stays.
    var support: Double {
        switch self {
        case .nearest: 0
        case .bilinear: 1
        case .bicubic: 2
        }
    }

    /// The weight at a distance, before the weights of a pixel are divided by their sum; in Pillow's order of operations.
    func weight(_ distance: Double) -> Double {
        let x = abs(distance)
        switch self {
        case .nearest: return 1
        case .bilinear: return x < 1 ? 1 - x : 0
        case .bicubic:
            if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
        }
    }
}
