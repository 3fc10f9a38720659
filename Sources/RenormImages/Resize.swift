#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif
import RenormArrays

/// Images brought to another size by a triangle filter: bilinear interpolation where they grow, a weighted mean over all
/// pixels that fall on one where they shrink (as Pillow's and torchvision's `BILINEAR` with antialiasing; the ratio of
/// the sides is not kept).
///
/// - Parameter images: `u8` [N, H, W, C].
/// - Returns: `u8` [N, height, width, C].
public func resized(_ images: NDArray, height: Int, width: Int) -> NDArray {
    precondition(
        images.shape.rank == 4 && images.type == .u8 && images.elementCount > 0 && height > 0 && width > 0,
        "\(images.type) images of shape \(images.shape) cannot take the size \(height) × \(width)")
    let (count, oldHeight, oldWidth) = (images.shape[0], images.shape[1], images.shape[2])
    let channels = images.shape[3]
    if oldHeight == height, oldWidth == width { return images }
    let columns = FilterTaps.triangle(from: oldWidth, to: width)
    let rows = FilterTaps.triangle(from: oldHeight, to: height)
    var narrowed = [Float](repeating: 0, count: oldHeight * width * channels)
    var result = NDArray(uninitialized: [count, height, width, channels], type: .u8)
    images.withValues(of: UInt8.self) { source in
        result.withMutableValues(of: UInt8.self) { target in
            for image in 0..<count {
                let start = image * oldHeight * oldWidth * channels
                for y in 0..<oldHeight {
                    for x in 0..<width {
                        for channel in 0..<channels {
                            var sum: Float = 0
                            for (tap, weight) in columns[x].weights.enumerated() {
                                let column = columns[x].first + tap
                                let pixel = source[start + (y * oldWidth + column) * channels + channel]
                                sum += weight * Float(pixel)
                            }
                            narrowed[(y * width + x) * channels + channel] = sum
                        }
                    }
                }
                let rowSize = width * channels
                for y in 0..<height {
                    for element in 0..<rowSize {
                        var sum: Float = 0
                        for (tap, weight) in rows[y].weights.enumerated() {
                            sum += weight * narrowed[(rows[y].first + tap) * rowSize + element]
                        }
                        target[(image * height + y) * rowSize + element] =
                            UInt8(min(max(sum + 0.5, 0), 255))
                    }
                }
            }
        }
    }
    return result
}

/// The neighbours that one new pixel is made of.
private struct FilterTaps {
    var first: Int
    var weights: [Float]

    static func triangle(from old: Int, to new: Int) -> [FilterTaps] {
        let scale = Double(old) / Double(new)
        let support = max(scale, 1)
        return (0..<new).map { position in
            let center = (Double(position) + 0.5) * scale
            let first = max(Int(floor(center - support + 0.5)), 0)
            let last = min(Int(floor(center + support + 0.5)), old)
            let weights = (first..<last).map { max(1 - abs((Double($0) + 0.5 - center) / support), 0) }
            let sum = weights.reduce(0, +)
            return FilterTaps(first: first, weights: weights.map { Float($0 / sum) })
        }
    }
}
