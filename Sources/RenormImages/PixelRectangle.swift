/// Some rows and columns of a picture.
package struct PixelRectangle: Hashable, Sendable {
    package var rows: Range<Int>
    package var columns: Range<Int>

    package init(rows: Range<Int>, columns: Range<Int>) {
        (self.rows, self.columns) = (rows, columns)
    }

    /// The number of pixels.
    package var area: Int { rows.count * columns.count }
}
