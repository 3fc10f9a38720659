/// A file of which single places are read, as its header is found.
struct FileBytes {
    /// The length of the file in bytes.
    let length: Int
    /// What messages call the file.
    let path: String
    /// What the file is.
    let format: PictureFormat
    /// Fills memory with the bytes from a place on; both lie inside the file.
    let read: (_ place: Int, _ memory: UnsafeMutableRawBufferPointer) throws -> Void

    /// Some bytes; an error if the file ends before them.
    func bytes(at place: Int, count: Int) throws -> [UInt8] {
        guard place >= 0, count >= 0, place <= length - count else {
            throw damage("it ends after \(length) bytes, before its header does")
        }
        return try [UInt8](unsafeUninitializedCapacity: count) { memory, initialized in
            try read(place, UnsafeMutableRawBufferPointer(memory))
            initialized = count
        }
    }

    /// An error about the file.
    func damage(_ reason: String) -> ImagesError {
        .undecodable(path: path, format: format, reason: reason)
    }

    /// Refuses sizes of no or too many pixels, and pixels for which the file is too short.
    ///
    /// - Parameter bytesNeeded: the fewest that the pixels may take, for a size of which neither side is too long.
    func check(height: Int, width: Int, maxPixels: Int, bytesNeeded: (Int, Int) -> Int) throws {
        guard height > 0, width > 0 else { throw damage("it announces \(width) × \(height) pixels") }
        let side = DecodingOptions.largestSide
        guard max(height, width) <= side, height * width <= maxPixels else {
            throw ImagesError.pixelCount(
                path: path, height: height, width: width, largestSide: side, largest: maxPixels)
        }
        guard bytesNeeded(height, width) <= length else {
            throw damage("\(length) bytes are too few for the \(width) × \(height) pixels that it announces")
        }
    }
}

extension Collection<UInt8> where Index == Int {
    /// The number that two bytes make, the smaller one first.
    func littleEndian16(at place: Int) -> Int {
        Int(self[startIndex + place]) | Int(self[startIndex + place + 1]) << 8
    }

    /// The number that four bytes make, the smallest one first.
    func littleEndian32(at place: Int) -> Int {
        littleEndian16(at: place) | littleEndian16(at: place + 2) << 16
    }

    /// The number that two bytes make, the larger one first.
    func bigEndian16(at place: Int) -> Int {
        Int(self[startIndex + place]) << 8 | Int(self[startIndex + place + 1])
    }

    /// The number that four bytes make, the largest one first.
    func bigEndian32(at place: Int) -> Int { bigEndian16(at: place) << 16 | bigEndian16(at: place + 2) }
}
