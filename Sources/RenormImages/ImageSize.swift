/// How large a picture is.
public struct ImageSize: Hashable, Sendable, CustomStringConvertible {
    /// Rows of pixels.
    public var height: Int
    /// Pixels in a row.
    public var width: Int
    /// Values of a pixel: 1 for gray, 3 for red, green and blue.
    public var channels: Int

    /// A size; each number is at least 1.
    public init(height: Int, width: Int, channels: Int) {
        precondition(min(height, width, channels) > 0, "a picture of \(height) × \(width) × \(channels)")
        self.height = height
        self.width = width
        self.channels = channels
    }

    /// The number of values, which is the number of bytes of a picture in memory.
    public var valueCount: Int { height * width * channels }

    /// Height, width and channels: `28×28×1`.
    public var description: String { "\(height)×\(width)×\(channels)" }

    /// Height, width and channels, as messages about shapes list them.
    package var extents: [Int] { [height, width, channels] }
}
