import Foundation
import RenormArrays

/// Files in the format of the MNIST database: two zero bytes, an element type, the number of axes, the extents as
/// big-endian 32-bit integers, and the values in row order. Plain or compressed by gzip, which is told by the
/// content and not by the name.
///
/// Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section "File formats".
public enum IDXFile {
    /// Reads a file of bytes.
    ///
    /// - Returns: a `u8` array of the shape in the header.
    /// - Throws: `ImagesError` if the file is missing, unreadable, no IDX file, truncated or too long.
    public static func read(_ url: URL) throws -> NDArray { try read(FileContent(url)) }

    private static func read(_ content: FileContent) throws -> NDArray {
        let path = content.path
        let dimensions = try dimensions(content)
        let headerSize = 4 + 4 * dimensions.count
        let shape = TensorShape(dimensions)
        guard shape.fault == nil else { throw ImagesError.tooLarge(path: path, shape: dimensions) }
        let size = shape.elementCount
        var array: NDArray
        let found: Int
        if let largest = content.largestSize {
            // A damaged header can announce terabytes: no memory is asked for more than the file can possibly hold.
            guard headerSize + size <= largest else {
                let found = try content.skipToEnd()
                if found >= size {
                    throw ImagesError.unreadable(path: path, reason: "it grew while it was read")
                }
                throw ImagesError.truncated(
                    path: path, found: headerSize + found, expected: headerSize + size)
            }
            array = NDArray(uninitialized: shape, type: .u8)
            found = try array.withUnsafeMutableBytes { try content.read(into: $0) }
        } else {
            // What a pipe holds shows when it ends.
            let values = try content.growing(to: size)
            found = values.count
            array = found == size ? NDArray(values, shape: shape) : NDArray(uninitialized: [0], type: .u8)
        }
        guard found == size else {
            throw ImagesError.truncated(path: path, found: headerSize + found, expected: headerSize + size)
        }
        guard try content.bytes(1).isEmpty else {
            throw ImagesError.trailingBytes(path: path, expected: headerSize + size)
        }
        return array
    }

    /// Reads the header.
    private static func dimensions(_ content: FileContent) throws -> [Int] {
        let path = content.path
        let magic = try content.bytes(4)
        let mark: [UInt8] = [0, 0, 0x08]
        guard magic.count == 4 else {
            if mark.starts(with: magic) {
                throw ImagesError.truncated(path: path, found: magic.count, expected: 4)
            }
            throw ImagesError.notIDX(path: path, magic: magic)
        }
        guard magic[0] == 0, magic[1] == 0, (1...8).contains(magic[3]) else {
            throw ImagesError.notIDX(path: path, magic: magic)
        }
        guard magic[2] == 0x08 else {
            let known: [UInt8] = [0x09, 0x0B, 0x0C, 0x0D, 0x0E]
            if known.contains(magic[2]) {
                throw ImagesError.unsupportedElements(path: path, code: magic[2])
            }
            throw ImagesError.notIDX(path: path, magic: magic)
        }
        let size = 4 * Int(magic[3])
        let header = try content.bytes(size)
        guard header.count == size else {
            throw ImagesError.truncated(path: path, found: 4 + header.count, expected: 4 + size)
        }
        return stride(from: 0, to: size, by: 4).map { start in
            header[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        }
    }

    /// Reads images.
    ///
    /// - Returns: a `u8` array [N, H, W, C]; a file of rank 3 has one channel.
    /// - Throws: `ImagesError` as `read`, and if the file has another rank, or images without pixels.
    public static func readImages(_ url: URL) throws -> NDArray { try readImages(FileContent(url)) }

    static func readImages(_ content: FileContent) throws -> NDArray {
        let array = try read(content)
        let shape = array.shape.dimensions
        guard shape.count == 3 || shape.count == 4 else {
            throw ImagesError.labelsInsteadOfImages(path: content.path, shape: shape)
        }
        guard !shape.dropFirst().contains(0) else {
            throw ImagesError.noPixels(path: content.path, shape: shape)
        }
        return shape.count == 4 ? array : array.reshaped(to: TensorShape(shape + [1]))
    }

    /// Reads labels.
    ///
    /// - Returns: one number an example.
    /// - Throws: `ImagesError` as `read`, and if the file has another rank.
    public static func readLabels(_ url: URL) throws -> [Int32] {
        let array = try read(url)
        guard array.shape.rank == 1 else {
            throw ImagesError.imagesInsteadOfLabels(path: url.path, shape: array.shape.dimensions)
        }
        return array.withValues(of: UInt8.self) { $0.map(Int32.init) }
    }
}
