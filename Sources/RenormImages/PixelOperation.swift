/// A change of a picture that keeps its size, in bytes: what torchvision's operation of that name does to a PIL image, to the bit.
package enum PixelOperation: Hashable, Sendable {
    /// All values times a factor.
    case brightness(Double)
    /// The distance from the picture's mean gray times a factor.
    case contrast(Double)
    /// The distance of each pixel from its gray times a factor; gray pictures stay.
    case saturation(Double)
    /// Colours turned by a part of their circle, −0.5 to 0.5; gray pictures stay.
    case hue(Double)
    /// The distance from the smoothed picture times a factor.
    case sharpness(Double)
    /// Only so many of the upper bits, 1 to 8.
    case posterize(Int)
    /// Values from a part of 255 on become 255 − value.
    case solarize(Double)
    /// Each channel stretched to 0 to 255.
    case autocontrast
    /// Each channel's values spread so that all are about as frequent.
    case equalize
    /// Rows moved to the left by their number times a factor. What comes from outside is 0, here and in all that follow.
    case shearX(Double)
    /// Columns moved upwards by their number times a factor.
    case shearY(Double)
    /// Moved to the right by pixels.
    case translateX(Int)
    /// Moved down by pixels.
    case translateY(Int)
    /// Turned around its middle by degrees, counterclockwise.
    case rotate(Double)

    /// Whether it needs a copy of the picture as it was.
    var needsCopy: Bool {
        switch self {
        case .sharpness, .shearX, .shearY, .translateX, .translateY, .rotate: true
        default: false
        }
    }
}

/// A picture that is changed where it lies: rows from the top, channels last.
package struct MutablePixels {
    let size: ImageSize
    let values: UnsafeMutablePointer<UInt8>

    package init(of size: ImageSize, _ values: UnsafeMutablePointer<UInt8>) {
        (self.size, self.values) = (size, values)
    }

    /// Does an operation; `spare` is memory for as many values.
    package func apply(_ operation: PixelOperation, spare: UnsafeMutablePointer<UInt8>) {
        if operation.needsCopy { spare.update(from: values, count: size.valueCount) }
        switch operation {
        case .brightness(let factor): blend(with: 0, factor)
        case .contrast(let factor): blend(with: meanGray, factor)
        case .saturation(let factor): saturate(factor)
        case .hue(let shift): turnHue(by: shift)
        case .sharpness(let factor): sharpen(from: spare, factor)
        case .posterize(let bits):
            let mask = ~UInt8(truncatingIfNeeded: 1 << (8 - bits) - 1)
            look(up: { UInt8($0) & mask })
        case .solarize(let threshold):
            look(up: { Double($0) < 255 * threshold ? UInt8($0) : 255 - UInt8($0) })
        case .autocontrast: stretch()
        case .equalize: equalize()
        case .shearX(let factor): transform(from: spare, (1, sheared(factor), 0), (0, 1, 0))
        case .shearY(let factor): transform(from: spare, (1, 0, 0), (sheared(factor), 1, 0))
        case .translateX(let step): transform(from: spare, (1, 0, -Double(step)), (0, 1, 0))
        case .translateY(let step): transform(from: spare, (1, 0, 0), (0, 1, -Double(step)))
        case .rotate(let degrees): rotate(from: spare, degrees)
        }
    }
}
