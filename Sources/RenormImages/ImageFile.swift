import Foundation
import RenormArrays

/// The images of one file at the size that a network takes.
public struct ImageFile: Sendable {
    /// The images, `u8` [N, H, W, C] as the framing says.
    public let images: NDArray
    /// The height of the images in the file: other than the framing's if they were resized.
    public let originalHeight: Int
    /// The width of the images in the file.
    public let originalWidth: Int

    /// Reads a picture's file (one image) or an IDX file of images, told apart by their content.
    ///
    /// - Parameters:
    ///   - framing: how they are brought to the size that the network takes. Gray images are repeated for 3 channels, colours of a
    ///     picture become gray for 1.
    ///   - maxPixels: the most pixels that a picture may announce.
    /// - Throws: `ImagesError` if the file is missing, none of these, damaged, or of other channels.
    public init(_ url: URL, framing: Framing, maxPixels: Int = DecodingOptions.defaultMaxPixels) throws {
        let content = try FileContent(url)
        let start = try content.peek(PictureFormat.markLength)
        if start.starts(with: [0, 0]), start.count >= 4, (8...14).contains(start[2]) {
            let found = try ImageFile.idxImages(content, url.path, channels: framing.size.channels)
            (originalHeight, originalWidth) = (found.shape[1], found.shape[2])
            let size = ImageSize(
                height: originalHeight, width: originalWidth, channels: framing.size.channels)
            images = size == framing.size ? found : framing.placement(of: size)(found)
            return
        }
        guard PictureFormat(start) != nil else {
            throw ImagesError.notAPicture(path: url.path, ForeignFile(start))
        }
        guard [1, 3].contains(framing.size.channels) else {
            throw ImagesError.channels(path: url.path, found: 3, expected: framing.size.channels)
        }
        // One byte more than there may be tells a file that is too long.
        let bytes = try content.growing(to: ImageFile.largestSize + 1)
        guard bytes.count <= ImageFile.largestSize else {
            throw ImagesError.unreadable(
                path: url.path,
                reason: "it is longer than \(ImageFile.largestSize) bytes, the most that are read")
        }
        let picture = try bytes.withUnsafeBytes {
            try ImageFile.picture($0, path: url.path, framing: framing, maxPixels: maxPixels)
        }
        (images, originalHeight, originalWidth) = (picture.image, picture.size.height, picture.size.width)
    }

    /// The most bytes of a picture's file.
    static let largestSize = 1 << 30

    private static func idxImages(_ content: FileContent, _ path: String, channels: Int) throws -> NDArray {
        let images = try IDXFile.readImages(content)
        guard images.elementCount > 0 else { throw ImagesError.empty(path: path) }
        guard images.shape[3] == channels || images.shape[3] == 1 && channels == 3 else {
            throw ImagesError.channels(path: path, found: images.shape[3], expected: channels)
        }
        return images.shape[3] == channels ? images : colour(fromGray: images)
    }

    /// A picture, framed, and how large it was.
    private static func picture(
        _ bytes: UnsafeRawBufferPointer, path: String, framing: Framing, maxPixels: Int
    ) throws -> (image: NDArray, size: ImageSize) {
        let channels = framing.size.channels
        guard
            let header = try PictureHeader(
                prefix: bytes, length: bytes.count, path: path, maxPixels: maxPixels)
        else { preconditionFailure("a whole file has its header in it") }
        let size = ImageSize(height: header.height, width: header.width, channels: channels)
        let placement = framing.placement(of: size)
        let options = DecodingOptions(
            channels: channels, background: framing.background, maxPixels: maxPixels)
        let writer = PlacementWriter<UInt8>(channels: channels)
        let workspace = ImageWorkspace()
        var image = NDArray(uninitialized: TensorShape([1] + framing.size.extents), type: .u8)
        try image.withMutableValues(of: UInt8.self) { target in
            let place = target.baseAddress!
            try PictureDecoder.withPixels(
                of: bytes, header, options, reduction: 1, for: placement, path: path, in: workspace
            ) { writer.write($0, placed: placement, to: place, in: workspace) }
        }
        return (image, size)
    }
}
