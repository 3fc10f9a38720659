import RenormArrays

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

// Things that stand elsewhere, askew, or are another size: MNIST-C's affine maps about the middle, bilinear, black outside.

extension Corruption {
    /// Turned to one side or the other by 0.2, 0.4, 0.6, 0.8, 1 radian.
    public static let rotation = Corruption("rotation", .test, "turned") { image, severity, random in
        let angle = 0.2 * Double(severity) * random.sign()
        image = image.warped(isBlackOutside: true) {
            (cos(angle) * $0 + sin(angle) * $1, -sin(angle) * $0 + cos(angle) * $1)
        }
    }

    /// Columns moved to one side or the other by 0.2, 0.4, 0.6, 0.8, 1 of their height above the middle. MNIST-C shears by the angle
    /// whose radians these are, which moves them by sin and shrinks the height by cos: ours keeps heights.
    public static let shear = Corruption("shear", .test, "slanted") { image, severity, random in
        let slope = 0.2 * Double(severity) * random.sign()
        image = image.warped(isBlackOutside: true) { ($0, $1 + slope * $0) }
    }

    /// 0.9, 0.8, 0.7, 0.6, 0.5 of its size.
    public static let scale = Corruption("scale", .test, "smaller") { image, severity, _ in
        let factor = 1 - 0.1 * Double(severity)
        image = image.warped(isBlackOutside: true) { ($0 / factor, $1 / factor) }
    }

    /// Moved by 1, 2, 3, 4, 5 pixels (of 28) along rows and along columns, each in one direction or the other.
    public static let translation = Corruption("translation", .development, "moved") {
        image, severity, random in
        let length = image.length(Double(severity))
        let (down, across) = (length * random.sign(), length * random.sign())
        image = image.warped(isBlackOutside: true) { ($0 + down, $1 + across) }
    }
}

extension ImageValues {
    /// The image whose value at a place is this one's at another place, bilinear. Places are rows and columns from the middle.
    func warped(
        isBlackOutside: Bool, from place: (_ row: Double, _ column: Double) -> (row: Double, column: Double)
    ) -> ImageValues {
        let (middle, centre) = (Double(size.height - 1) / 2, Double(size.width - 1) / 2)
        return mapPixels { row, column, channel in
            let from = place(Double(row) - middle, Double(column) - centre)
            return bilinear(
                from.row + middle, from.column + centre, channel, isBlackOutside: isBlackOutside)
        }
    }
}

extension Random {
    /// −1 or 1.
    mutating func sign() -> Double { uniform() < 0.5 ? -1 : 1 }
}
