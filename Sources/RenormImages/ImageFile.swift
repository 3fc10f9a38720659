import Foundation
import RenormArrays

/// The images of one file at the size that a network takes.
public struct ImageFile: Sendable {
    /// The images, `u8` [N, H, W, C] at the size asked for.
    public let images: NDArray
    /// The height of the images in the file: other than asked for if they were resized.
    public let originalHeight: Int
    /// The width of the images in the file.
    public let originalWidth: Int

    /// Reads a PNG file (one image) or an IDX file of images, told apart by their content.
    ///
    /// - Parameters:
    ///   - channels: 1 or 3; gray images are repeated for 3, colours of a PNG become gray for 1.
    ///   - height: the height that the images are resized to.
    ///   - width: the width that the images are resized to.
    /// - Throws: `ImagesError` if the file is missing, neither of the two, damaged, or of other channels.
    public init(_ url: URL, channels: Int, height: Int, width: Int) throws {
        let start = try CompressedFile(url).bytes(8)
        let found: NDArray
        if PNGDecoder.isPNG(start) {
            let bytes = try ImageFile.bytes(of: url)
            let image = try PNGDecoder.decode(bytes, channels: channels, path: url.path)
            found = image.reshaped(to: TensorShape([1] + image.shape.dimensions))
        } else if start.starts(with: [0, 0]) {
            let images = try IDXFile.readImages(url)
            guard images.elementCount > 0 else { throw ImagesError.empty(path: url.path) }
            found = try ImageFile.matching(images, channels: channels, path: url.path)
        } else {
            throw ImagesError.notAnImage(path: url.path, magic: start)
        }
        originalHeight = found.shape[1]
        originalWidth = found.shape[2]
        images = resized(found, height: height, width: width)
    }

    private static func bytes(of url: URL) throws -> [UInt8] {
        do {
            return try [UInt8](Data(contentsOf: url))
        } catch {
            throw ImagesError.unreadable(path: url.path, reason: error.localizedDescription)
        }
    }

    private static func matching(_ images: NDArray, channels: Int, path: String) throws -> NDArray {
        let found = images.shape[3]
        if found == channels { return images }
        guard found == 1 else { throw ImagesError.channels(path: path, found: found, expected: channels) }
        let repeated = images.withValues(of: UInt8.self) { pixels in
            pixels.flatMap { [UInt8](repeating: $0, count: channels) }
        }
        return NDArray(repeated, shape: TensorShape(images.shape.dimensions.dropLast() + [channels]))
    }
}
