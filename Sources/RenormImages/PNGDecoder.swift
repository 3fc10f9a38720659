import RenormArrays
import RenormPNG

/// Decoding of PNG images through libpng, with the pixels that Pillow's `convert("L")` and `convert("RGB")` give.
///
/// Colours become gray by ITU-R 601-2 luma; gray becomes colour by repeating it; of 16 bits the upper 8 are taken;
/// transparency, gamma and colour profiles are left aside, so that hidden colours of transparent pixels are seen. One
/// thing is other than in Pillow: it cuts 16-bit gray off at 255, which makes nearly all of it white, and here it is
/// treated as 16-bit colour is.
///
/// A file is taken if it is whole: to its last chunk, IEND, with every checksum right.
public enum PNGDecoder {
    /// Whether the bytes start as a PNG file does.
    public static func isPNG(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: signature) }

    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// The most pixels that are decoded: a few bytes of PNG can announce far more than any memory holds.
    private static let largestPixelCount = 1 << 27

    /// The most pixels of a row or column, which bounds what libpng needs for a row.
    private static let largestSide = (1 << 16) - 1

    /// The most bytes of a file.
    static let largestFileSize = 1 << 30

    /// Decodes one image.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - channels: 1 for gray, 3 for red, green and blue.
    ///   - path: what messages call the file.
    /// - Returns: `u8` [H, W, C].
    /// - Throws: `ImagesError` if the bytes are no PNG, cannot be decoded or make too large an image, or for any other
    ///   number of channels.
    public static func decode(_ bytes: [UInt8], channels: Int, path: String) throws -> NDArray {
        guard isPNG(bytes) else {
            throw ImagesError.notAnImage(path: path, magic: Array(bytes.prefix(signature.count)))
        }
        guard bytes.count <= largestFileSize else {
            throw ImagesError.undecodablePNG(
                path: path, reason: "it is longer than \(largestFileSize) bytes, the most that are read")
        }
        let image = try pixels(bytes, path: path)
        switch (image.shape[2], channels) {
        case (1, 1), (3, 3): return image
        case (1, 3): return colour(fromGray: image)
        case (3, 1): return gray(fromColour: image)
        default: throw ImagesError.channels(path: path, found: image.shape[2], expected: channels)
        }
    }

    /// The pixels with the file's own channels, 1 or 3.
    private static func pixels(_ bytes: [UInt8], path: String) throws -> NDArray {
        // libpng refers to the bytes until it has read them, so all of it happens while they are held still.
        try bytes.withUnsafeBufferPointer { bytes in
            var reason = renorm_png_reason()
            guard let png = renorm_png_open(bytes.baseAddress!, bytes.count, &reason) else {
                throw ImagesError.undecodablePNG(path: path, reason: text(of: reason))
            }
            defer { renorm_png_close(png) }
            let header = renorm_png_get_header(png)
            let (height, width) = (Int(header.height), Int(header.width))
            guard max(height, width) <= largestSide, height * width <= largestPixelCount else {
                throw ImagesError.pixelCount(
                    path: path, height: height, width: width, largestSide: largestSide,
                    largest: largestPixelCount)
            }
            // Memory is asked for only if the file is long enough to hold that many pixels.
            let storedSize = height * ((width * Int(header.stored_bits) + 7) / 8)
            guard storedSize / FileContent.largestRatio <= bytes.count else {
                throw ImagesError.undecodablePNG(
                    path: path,
                    reason:
                        "\(bytes.count) bytes are too few for the \(width) × \(height) pixels that it announces"
                )
            }
            var pixels = NDArray(uninitialized: [height, width, Int(header.channels)], type: .u8)
            let isRead = pixels.withUnsafeMutableBytes {
                renorm_png_read(png, $0.baseAddress!.assumingMemoryBound(to: UInt8.self), &reason) != 0
            }
            guard isRead else { throw ImagesError.undecodablePNG(path: path, reason: text(of: reason)) }
            return pixels
        }
    }

    private static func text(of reason: renorm_png_reason) -> String {
        withUnsafeBytes(of: reason.text) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
