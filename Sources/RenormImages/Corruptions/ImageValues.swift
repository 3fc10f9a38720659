/// The values of an image as corruptions change them: rows from the top, channels last, 0 for black and 1 for the full value.
public struct ImageValues: Sendable, Hashable {
    /// Height, width and channels.
    public let size: ImageSize
    /// The values in the order of the image's bytes.
    public var values: [Float]

    /// Values of an image of this size.
    public init(size: ImageSize, values: [Float]) {
        precondition(values.count == size.valueCount, "\(values.count) values for an image of \(size)")
        self.size = size
        self.values = values
    }

    /// The values of an image's bytes.
    public init(size: ImageSize, bytes: UnsafePointer<UInt8>) {
        self.size = size
        values = (0..<size.valueCount).map { Float(bytes[$0]) / 255 }
    }

    /// Writes the values as bytes: limited to 0…1, then rounded to the nearest of 256.
    public func write(to bytes: UnsafeMutablePointer<UInt8>) {
        for place in values.indices {
            // What is not a number is black: no corruption of ours makes one.
            let value = values[place]
            bytes[place] = value > 0 ? UInt8(min(value, 1) * 255 + 0.5) : 0
        }
    }

    /// A length that is given for images of 28 pixels, on this one: lengths grow with the short side.
    public func length(_ of28: Double) -> Double { of28 * Double(min(size.height, size.width)) / 28 }

    /// Whether all channels say the same thing of colour: there is one of them.
    var isGray: Bool { size.channels == 1 }

    /// The value at a place, that of the nearest place of the image where it lies outside.
    func nearest(_ row: Int, _ column: Int, _ channel: Int) -> Float {
        let (row, column) = (min(max(row, 0), size.height - 1), min(max(column, 0), size.width - 1))
        return values[(row * size.width + column) * size.channels + channel]
    }

    /// The value at a place, 0 where it lies outside.
    func orBlack(_ row: Int, _ column: Int, _ channel: Int) -> Float {
        guard row >= 0, column >= 0, row < size.height, column < size.width else { return 0 }
        return values[(row * size.width + column) * size.channels + channel]
    }

    /// The value between places, bilinear.
    ///
    /// - Parameter isBlackOutside: Whether what lies outside is 0; else it is as the nearest place.
    func bilinear(_ row: Double, _ column: Double, _ channel: Int, isBlackOutside: Bool) -> Float {
        let (top, left) = (row.rounded(.down), column.rounded(.down))
        let (down, right) = (Float(row - top), Float(column - left))
        func value(_ row: Double, _ column: Double) -> Float {
            isBlackOutside
                ? orBlack(Int(row), Int(column), channel) : nearest(Int(row), Int(column), channel)
        }
        let above = value(top, left) * (1 - right) + value(top, left + 1) * right
        let below = value(top + 1, left) * (1 - right) + value(top + 1, left + 1) * right
        return above * (1 - down) + below * down
    }

    /// Each pixel made anew of its row and column.
    func mapPixels(_ value: (_ row: Int, _ column: Int, _ channel: Int) -> Float) -> ImageValues {
        var result = self
        var place = 0
        for row in 0..<size.height {
            for column in 0..<size.width {
                for channel in 0..<size.channels {
                    result.values[place] = value(row, column, channel)
                    place += 1
                }
            }
        }
        return result
    }
}
