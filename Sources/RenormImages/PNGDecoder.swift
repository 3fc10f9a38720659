import CPNG
import Foundation
import RenormArrays

/// Decoding of PNG images through libpng.
public enum PNGDecoder {
    /// Whether the bytes start as a PNG file does.
    public static func isPNG(_ bytes: some Collection<UInt8>) -> Bool { bytes.starts(with: signature) }

    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// The most pixels that are decoded: a few bytes of PNG can announce far more than any memory holds.
    private static let largestPixelCount = 1 << 28

    /// Decodes one image.
    ///
    /// 16-bit samples become 8-bit ones, colours become gray by their luminance and gray becomes colour as asked;
    /// transparent pixels are laid over black.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - channels: 1 for gray, 3 for red, green and blue.
    ///   - path: what messages call the file.
    /// - Returns: `u8` [H, W, C].
    /// - Throws: `ImagesError` if the bytes are no PNG or cannot be decoded, or for any other number of channels.
    public static func decode(_ bytes: [UInt8], channels: Int, path: String) throws -> NDArray {
        guard isPNG(bytes) else { throw ImagesError.notAnImage(path: path, magic: Array(bytes.prefix(8))) }
        guard channels == 1 || channels == 3 else {
            throw ImagesError.channels(path: path, found: channels == 2 ? 1 : 3, expected: channels)
        }
        // The image refers to the bytes until it is read, so all of it happens while they are held still.
        return try bytes.withUnsafeBytes { try decode($0, channels: channels, path: path) }
    }

    private static func decode(_ bytes: UnsafeRawBufferPointer, channels: Int, path: String) throws -> NDArray
    {
        var image = png_image()
        image.version = UInt32(PNG_IMAGE_VERSION)
        defer { png_image_free(&image) }
        guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0 else {
            throw ImagesError.undecodablePNG(path: path, reason: message(of: image))
        }
        let (height, width) = (Int(image.height), Int(image.width))
        guard height * width <= largestPixelCount else {
            throw ImagesError.undecodablePNG(
                path: path, reason: "\(height) × \(width) pixels are more than \(largestPixelCount)")
        }
        image.format = channels == 1 ? 0 : UInt32(PNG_FORMAT_FLAG_COLOR)
        // Without it libpng takes 16-bit samples of a file that names no gamma for linear light, 8-bit ones for sRGB.
        image.flags |= UInt32(PNG_IMAGE_FLAG_16BIT_sRGB)
        var background = png_color(red: 0, green: 0, blue: 0)
        var pixels = NDArray(uninitialized: [height, width, channels], type: .u8)
        let isRead = pixels.withUnsafeMutableBytes {
            png_image_finish_read(&image, &background, $0.baseAddress, 0, nil) != 0
        }
        guard isRead else { throw ImagesError.undecodablePNG(path: path, reason: message(of: image)) }
        return pixels
    }

    private static func message(of image: png_image) -> String {
        withUnsafeBytes(of: image.message) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
