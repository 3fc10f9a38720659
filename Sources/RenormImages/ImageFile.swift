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
        let content = try FileContent(url)
        let start = try content.peek(PNGDecoder.signature.count)
        let found: NDArray
        if PNGDecoder.isPNG(start) {
            // One byte more than there may be tells a file that is too long.
            let bytes = try content.growing(to: PNGDecoder.largestFileSize + 1)
            let image = try PNGDecoder.decode(bytes, channels: channels, path: url.path)
            found = image.reshaped(to: TensorShape([1] + image.shape.dimensions))
        } else if start.starts(with: [0, 0]) {
            let images = try IDXFile.readImages(content)
            guard images.elementCount > 0 else { throw ImagesError.empty(path: url.path) }
            guard images.shape[3] == channels || images.shape[3] == 1 && channels == 3 else {
                throw ImagesError.channels(path: url.path, found: images.shape[3], expected: channels)
            }
            found = images.shape[3] == channels ? images : colour(fromGray: images)
        } else {
            throw ImagesError.notAnImage(path: url.path, magic: start)
        }
        originalHeight = found.shape[1]
        originalWidth = found.shape[2]
        images = resized(found, height: height, width: width)
    }
}
