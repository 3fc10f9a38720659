import RenormArrays

// Parts of an image that are something else.

extension Corruption {
    /// A black square somewhere, of 0.2, 0.3, 0.4, 0.5, 0.6 of the short side (DeVries & Taylor 2017, who train with it).
    public static let occlusion = Corruption("occlusion", .test, "a black square") {
        image, severity, random in
        let (height, width) = (image.size.height, image.size.width)
        let side = max(1, Int((0.1 * Double(severity + 1) * Double(min(height, width))).rounded()))
        // The middle is drawn first, so that a severer square covers the same place and more.
        let (middle, centre) = (random.uniform(), random.uniform())
        let top = Int((middle * Double(height - side)).rounded())
        let left = Int((centre * Double(width - side)).rounded())
        let original = image
        image = image.mapPixels { row, column, channel in
            (top..<top + side).contains(row) && (left..<left + side).contains(column)
                ? 0 : original.orBlack(row, column, channel)
        }
    }

    /// 1 − x in the outermost columns, 0.05, 0.1, 0.15, 0.2, 0.25 of the width on each side: at 5 the 7 of 28 of MNIST-C, which has
    /// no severities.
    public static let stripe = Corruption("stripe", .test, "sides with light and dark exchanged") {
        image, severity, _ in
        let width = image.size.width
        let reach = max(1, Int((0.05 * Double(severity) * Double(width)).rounded()))
        let original = image
        image = image.mapPixels { row, column, channel in
            let value = original.orBlack(row, column, channel)
            return column < reach || column >= width - reach ? 1 - value : value
        }
    }

    /// Squares of one value each: brought to 0.6, 0.5, 0.4, 0.3, 0.25 of its size by Pillow's box filter, and back by the
    /// nearest pixel.
    public static let pixelation = Corruption("pixelate", .development, "squares of one value") {
        image, severity, _ in
        let part = [0.6, 0.5, 0.4, 0.3, 0.25][severity - 1]
        let original = image
        let size = image.size
        let (rows, columns) = (
            max(1, Int(Double(size.height) * part)), max(1, Int(Double(size.width) * part))
        )
        let down = AreaMeans(from: size.height, to: rows)
        let across = AreaMeans(from: size.width, to: columns)
        var small = [Float](repeating: 0, count: rows * columns * size.channels)
        for row in 0..<rows {
            for column in 0..<columns {
                for (y, high) in down.parts[row] {
                    for (x, wide) in across.parts[column] {
                        for channel in 0..<size.channels {
                            small[(row * columns + column) * size.channels + channel] +=
                                high * wide * original.orBlack(y, x, channel)
                        }
                    }
                }
            }
        }
        image = image.mapPixels { row, column, channel in
            let (y, x) = (
                (2 * row + 1) * rows / (2 * size.height), (2 * column + 1) * columns / (2 * size.width)
            )
            return small[(y * columns + x) * size.channels + channel]
        }
    }
}

/// The places of a row that make one of a shorter row: those whose middles lie in it, alike (Pillow's box filter).
private struct AreaMeans {
    var parts: [[(place: Int, weight: Float)]]

    init(from long: Int, to short: Int) {
        let width = Double(long) / Double(short)
        parts = (0..<short).map { number in
            let middle = (Double(number) + 0.5) * width
            let places = (0..<long).filter { place in
                let distance = (Double(place) + 0.5 - middle) / width
                return distance > -0.5 && distance <= 0.5
            }
            return places.map { ($0, 1 / Float(places.count)) }
        }
    }
}
