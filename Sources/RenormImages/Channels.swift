import RenormArrays

/// The gray of a colour: Pillow's conversion to `L`, ITU-R 601-2 luma of the values as they are stored, in fixed point.
/// (19595·R + 38470·G + 7471·B + 2¹⁵) / 2¹⁶, rounded down.
@inline(__always)
func luma(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
    let (red, green, blue) = (UInt32(red), UInt32(green), UInt32(blue))
    return UInt8((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16)
}

/// Gray from colour (`luma`).
///
/// - Parameter images: `u8`, the last axis red, green and blue.
/// - Returns: `u8`, the last axis 1.
func gray(fromColour images: NDArray) -> NDArray {
    precondition(images.type == .u8 && images.shape.dimensions.last == 3, "no colours: \(images.shape)")
    var result = NDArray(uninitialized: TensorShape(images.shape.dimensions.dropLast() + [1]), type: .u8)
    images.withValues(of: UInt8.self) { colours in
        result.withMutableValues(of: UInt8.self) { grays in
            for pixel in grays.indices {
                grays[pixel] = luma(colours[3 * pixel], colours[3 * pixel + 1], colours[3 * pixel + 2])
            }
        }
    }
    return result
}

/// Colour from gray: the same value three times.
///
/// - Parameter images: `u8`, the last axis 1.
/// - Returns: `u8`, the last axis 3.
func colour(fromGray images: NDArray) -> NDArray {
    precondition(images.type == .u8 && images.shape.dimensions.last == 1, "no gray: \(images.shape)")
    var result = NDArray(uninitialized: TensorShape(images.shape.dimensions.dropLast() + [3]), type: .u8)
    images.withValues(of: UInt8.self) { grays in
        result.withMutableValues(of: UInt8.self) { colours in
            for index in colours.indices { colours[index] = grays[index / 3] }
        }
    }
    return result
}
