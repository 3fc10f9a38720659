import CZlib
import RenormArrays

/// Pictures as files of the format PNG (ISO/IEC 15948).
public enum PNGFile {
    /// A file with a picture.
    ///
    /// - Parameter pixels: `u8` `[H, W, C]`, C being 1 for gray or 3 for red, green and blue; neither side may be 0.
    public static func bytes(_ pixels: NDArray) -> [UInt8] {
        precondition(
            pixels.type == .u8 && pixels.shape.rank == 3 && [1, 3].contains(pixels.shape[2])
                && pixels.elementCount > 0,
            "a picture of \(pixels.shape) values of \(pixels.type)")
        let (height, width, channels) = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
        var rows = [UInt8]()
        rows.reserveCapacity(height * (width * channels + 1))
        pixels.withValues(of: UInt8.self) { values in
            for row in 0..<height {
                // Unfiltered.
                rows.append(0)
                rows += values[row * width * channels..<(row + 1) * width * channels]
            }
        }
        let header =
            bigEndian(width) + bigEndian(height) + [8, channels == 1 ? 0 : 2, 0, 0, 0]
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + chunk("IHDR", header)
            + chunk("IDAT", compressed(rows)) + chunk("IEND", [])
    }

    private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let checked = Array(name.utf8) + content
        let crc = checked.withUnsafeBufferPointer { crc32(0, $0.baseAddress, UInt32($0.count)) }
        return bigEndian(content.count) + checked + bigEndian(Int(crc))
    }

    private static func bigEndian(_ value: Int) -> [UInt8] {
        stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func compressed(_ bytes: [UInt8]) -> [UInt8] {
        var count = compressBound(UInt(bytes.count))
        var result = [UInt8](repeating: 0, count: Int(count))
        let code = compress2(&result, &count, bytes, UInt(bytes.count), 9)
        precondition(code == Z_OK, "zlib has no memory for a picture")
        return Array(result.prefix(Int(count)))
    }
}
