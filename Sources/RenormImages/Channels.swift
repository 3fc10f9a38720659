import RenormArrays

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
