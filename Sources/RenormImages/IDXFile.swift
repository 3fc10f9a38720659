import CZlib
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
    public static func read(_ url: URL) throws -> NDArray {
        let reader = try CompressedFile(url)
        let path = url.path
        let magic = try reader.bytes(4)
        guard magic.count == 4 else {
            if magic.allSatisfy({ $0 == 0 }) {
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
        let headerSize = 4 + 4 * Int(magic[3])
        let header = try reader.bytes(headerSize - 4)
        guard header.count == headerSize - 4 else {
            throw ImagesError.truncated(path: path, found: 4 + header.count, expected: headerSize)
        }
        let dimensions = stride(from: 0, to: header.count, by: 4).map { start in
            header[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        }
        let shape = TensorShape(dimensions)
        let size = dimensions.contains(0) ? 0 : dimensions.reduce(1) { $0.saturatingProduct($1) }
        // A damaged header can announce terabytes: no memory is asked for more than the file can possibly hold.
        guard size <= reader.largestContent || size == .max else {
            throw ImagesError.truncated(
                path: path, found: try headerSize + reader.skipToEnd(), expected: headerSize + size)
        }
        // Only extents whose product is no number, or 0, come so far.
        if let fault = shape.fault { throw ImagesError.extents(path: path, fault) }
        var array = NDArray(uninitialized: shape, type: .u8)
        let found = try array.withUnsafeMutableBytes { try reader.read(into: $0) }
        guard found == size else {
            throw ImagesError.truncated(path: path, found: headerSize + found, expected: headerSize + size)
        }
        guard try reader.bytes(1).isEmpty else {
            throw ImagesError.trailingBytes(path: path, expected: headerSize + size)
        }
        return array
    }

    /// Reads images.
    ///
    /// - Returns: a `u8` array [N, H, W, C]; a file of rank 3 has one channel.
    /// - Throws: `ImagesError` as `read`, and if the file looks like labels.
    public static func readImages(_ url: URL) throws -> NDArray {
        let array = try read(url)
        switch array.shape.rank {
        case 4: return array
        case 3: return array.reshaped(to: TensorShape(array.shape.dimensions + [1]))
        default: throw ImagesError.labelsInsteadOfImages(path: url.path, shape: array.shape.dimensions)
        }
    }

    /// Reads labels.
    ///
    /// - Returns: one number an example.
    /// - Throws: `ImagesError` as `read`, and if the file looks like images.
    public static func readLabels(_ url: URL) throws -> [Int32] {
        let array = try read(url)
        guard array.shape.rank == 1 else {
            throw ImagesError.imagesInsteadOfLabels(path: url.path, shape: array.shape.dimensions)
        }
        return array.withValues(of: UInt8.self) { $0.map(Int32.init) }
    }
}

/// A file read through zlib, which passes through what gzip did not write.
final class CompressedFile {
    private let path: String
    private let handle: gzFile
    private let storedSize: Int

    init(_ url: URL) throws {
        path = url.path
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw ImagesError.missingFile(
                folder: url.deletingLastPathComponent().path, candidates: [url.lastPathComponent])
        }
        if isDirectory.boolValue { throw ImagesError.unreadable(path: path, reason: "it is a folder") }
        // Attributes are those of a link itself, whose size is the length of its target's name.
        let target = url.resolvingSymlinksInPath().path
        let attributes = try? FileManager.default.attributesOfItem(atPath: target)
        storedSize = (attributes?[.size] as? NSNumber)?.intValue ?? 0
        guard let handle = gzopen(path, "rb") else {
            throw ImagesError.unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        gzbuffer(handle, 1 << 18)
        self.handle = handle
    }

    deinit { gzclose(handle) }

    /// The most bytes that the file can hold: deflate's ratio stays under 1032.
    var largestContent: Int {
        let (product, overflow) = storedSize.multipliedReportingOverflow(by: 1032)
        return overflow ? .max : product
    }

    /// Up to `count` bytes; fewer at the end of the file.
    func bytes(_ count: Int) throws -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        let found = try result.withUnsafeMutableBytes { try read(into: $0) }
        return Array(result.prefix(found))
    }

    /// Fills the memory as far as the file goes, and says how far.
    func read(into memory: UnsafeMutableRawBufferPointer) throws -> Int {
        var done = 0
        while done < memory.count {
            let wanted = UInt32(min(memory.count - done, 1 << 26))
            let found = gzread(handle, memory.baseAddress! + done, wanted)
            if found <= 0 {
                var code: Int32 = 0
                let message = String(cString: gzerror(handle, &code))
                // Z_BUF_ERROR is a compressed stream that ends too early: the caller names it with both sizes.
                if code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR { break }
                let reason = code == Z_ERRNO ? String(cString: strerror(errno)) : message
                throw ImagesError.unreadable(path: path, reason: reason)
            }
            done += Int(found)
        }
        return done
    }

    /// Reads what is left and says how many bytes it was.
    func skipToEnd() throws -> Int {
        var total = 0
        while true {
            let found = try bytes(1 << 16).count
            if found == 0 { return total }
            total += found
        }
    }
}
