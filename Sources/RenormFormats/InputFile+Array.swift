import RenormArrays

extension InputFile {
    /// The array whose numbers lie in a part that the file has, from `place` on and the smallest byte first.
    func array(_ shape: TensorShape, _ type: StoredType, at place: Int) throws -> NDArray {
        var array = NDArray(uninitialized: shape, type: type.elementType)
        if type.isNative {
            try array.withUnsafeMutableBytes { try read(into: $0, at: place) }
            return array
        }
        // A piece at a time, so that it is not held twice.
        let (count, piece) = (shape.elementCount, 1 << 16)
        try array.withUnsafeMutableBytes { memory in
            for start in stride(from: 0, to: count, by: piece) {
                let size = min(piece, count - start)
                let begin = place + start * type.byteCount
                try bytes(begin..<begin + size * type.byteCount).withUnsafeBytes {
                    type.copy(
                        size, from: $0.baseAddress!, step: type.byteCount,
                        to: memory.baseAddress! + start * type.elementType.byteCount,
                        step: type.elementType.byteCount)
                }
            }
        }
        return array
    }
}
