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

    /// Reads a picture of any format (one image) or an IDX file of images, told apart by their content.
    ///
    /// - Parameters:
    ///   - channels: 1 or 3; gray images are repeated for 3, colours of a picture become gray for 1.
    ///   - height: the height that the images are resized to.
    ///   - width: the width that the images are resized to.
    /// - Throws: `ImagesError` if the file is missing, neither of the two, damaged, or of other channels.
    public init(_ url: URL, channels: Int, height: Int, width: Int) throws {
        let content = try FileContent(url)
        let start = try content.peek(PictureFormat.markLength)
        let found: NDArray
        if let format = PictureFormat(start) {
            guard [1, 3].contains(channels) else {
                throw ImagesError.channels(path: url.path, found: 3, expected: channels)
            }
            // One byte more than there may be tells a file that is too long.
            let bytes = try content.growing(to: ImageFile.largestPicture + 1)
            guard bytes.count <= ImageFile.largestPicture else {
                throw ImagesError.undecodable(
                    path: url.path, format: format,
                    reason: "it is longer than \(ImageFile.largestPicture) bytes, the most that are read")
            }
            let image = try PictureDecoder.decode(bytes, DecodingOptions(channels: channels), path: url.path)
            found = image.reshaped(to: TensorShape([1] + image.shape.dimensions))
        } else if start.starts(with: [0, 0]) {
            let images = try IDXFile.readImages(content)
            guard images.elementCount > 0 else { throw ImagesError.empty(path: url.path) }
            guard images.shape[3] == channels || images.shape[3] == 1 && channels == 3 else {
                throw ImagesError.channels(path: url.path, found: images.shape[3], expected: channels)
            }
            found = images.shape[3] == channels ? images : colour(fromGray: images)
        } else {
            throw ImagesError.notAPicture(path: url.path, ForeignFile(start))
        }
        originalHeight = found.shape[1]
        originalWidth = found.shape[2]
        images = resized(found, height: height, width: width)
    }

    /// The most bytes of a picture's file.
    private static let largestPicture = 1 << 30
}
