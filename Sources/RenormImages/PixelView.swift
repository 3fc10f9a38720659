/// Pixels of a picture in memory, valid during the call that gives them: the whole picture or a part of it.
public struct PixelView {
    /// The size of the whole picture.
    public let size: ImageSize
    /// The rows of the picture that are there.
    public let rows: Range<Int>
    /// The columns of the picture that are there.
    public let columns: Range<Int>
    /// The pixels that are there, one row after another without gaps, channels last.
    public let pixels: UnsafePointer<UInt8>

    /// A whole picture.
    public init(of size: ImageSize, pixels: UnsafePointer<UInt8>) {
        self.init(of: size, rows: 0..<size.height, columns: 0..<size.width, pixels: pixels)
    }

    /// A part of a picture.
    public init(of size: ImageSize, rows: Range<Int>, columns: Range<Int>, pixels: UnsafePointer<UInt8>) {
        self.size = size
        self.rows = rows
        self.columns = columns
        self.pixels = pixels
    }

    /// Whether nothing is missing.
    var isWhole: Bool { rows.count == size.height && columns.count == size.width }

    /// The pixel at a row and column of the picture.
    func pixel(row: Int, column: Int) -> UnsafePointer<UInt8> {
        pixels + ((row - rows.lowerBound) * columns.count + column - columns.lowerBound) * size.channels
    }
}
