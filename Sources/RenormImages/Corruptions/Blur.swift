import RenormArrays

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

// What a lens out of focus, a moving camera or rough glass do.

extension Corruption {
    /// Under a normal distribution of 1, 2, 3, 4, 6 pixels (of 28).
    public static let gaussianBlur = Corruption("gaussian-blur", .development, "normal blur") {
        image, severity, _ in
        image = image.smoothed(deviation: image.length([1, 2, 3, 4, 6][severity - 1]))
    }

    /// Blurred, then pixels exchanged with near ones, by half of which chance decides, then blurred again.
    ///
    /// Deviation, reach and repetitions: (0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2). Between the steps values stay
    /// as they are, where the original cuts them to bytes, and all channels of a pixel move together.
    public static let glassBlur = Corruption("glass-blur", .test, "seen through rough glass") {
        image, severity, random in
        let deviation = image.length([0.7, 0.9, 1, 1.1, 1.5][severity - 1])
        let reach = max(1, Int(image.length([1, 2, 2, 3, 4][severity - 1]).rounded()))
        let (height, width, channels) = (image.size.height, image.size.width, image.size.channels)
        image = image.smoothed(deviation: deviation)
        for _ in 0..<[2, 1, 3, 2, 2][severity - 1] {
            for row in stride(from: height - reach, to: reach, by: -1) where row < height {
                for column in stride(from: width - reach, to: reach, by: -1) where column < width {
                    let moves = random.uniform() < 0.5
                    let across = random.integer(below: 2 * reach) - reach
                    let down = random.integer(below: 2 * reach) - reach
                    guard moves else { continue }
                    let here = (row * width + column) * channels
                    let there = ((row + down) * width + column + across) * channels
                    for channel in 0..<channels { image.values.swapAt(here + channel, there + channel) }
                }
            }
        }
        image = image.smoothed(deviation: deviation)
    }

    /// The mean over a disk of radius 3, 4, 6, 8, 10 pixels (of 28), whose edge is smoothed by 0.1 or 0.5 pixels. Outside it is as at
    /// the border, where the original reflects.
    public static let defocusBlur = Corruption("defocus-blur", .test, "a lens out of focus") {
        image, severity, _ in
        let radius = image.length([3, 4, 6, 8, 10][severity - 1])
        image = image.averaged(disk(radius: radius, smoothing: severity == 1 ? 0.1 : 0.5))
    }

    private static func disk(radius: Double, smoothing: Double) -> [(row: Int, column: Int, weight: Float)] {
        let reach = Int(radius) + 1
        let soft = ImageValues.normalWeights(deviation: smoothing, reach: 1)
        func isInside(_ row: Int, _ column: Int) -> Bool {
            Double(row * row + column * column) <= radius * radius
        }
        var result: [(row: Int, column: Int, weight: Float)] = []
        for row in -reach...reach {
            for column in -reach...reach {
                var weight: Float = 0
                for down in -1...1 {
                    for across in -1...1 where isInside(row + down, column + across) {
                        weight += soft[down + 1] * soft[across + 1]
                    }
                }
                if weight > 0 { result.append((row, column, weight)) }
            }
        }
        let total = result.reduce(0) { $0 + $1.weight }
        return result.map { ($0.row, $0.column, $0.weight / total) }
    }

    /// A trail in a direction within 45° of the rows whose weights fall as half a normal distribution: its length and deviation are
    /// (21, 3), (31, 5), (31, 8), (31, 12), (41, 15) pixels (of 28), as ImageMagick makes them of the published radii.
    public static let motionBlur = Corruption("motion-blur", .development, "a camera that moves") {
        image, severity, random in
        let deviation = image.length([3, 5, 8, 12, 15][severity - 1])
        let length = 2 * Int(image.length([10, 15, 15, 15, 20][severity - 1]).rounded(.up)) + 1
        let angle = (random.uniform() - 0.5) * .pi / 2
        let weights = (0..<length).map { exp(-Double($0 * $0) / (2 * deviation * deviation)) }
        let total = weights.reduce(0, +)
        image = image.averaged(
            weights.indices.map {
                (
                    row: Int((Double($0) * sin(angle)).rounded()),
                    column: Int((Double($0) * cos(angle)).rounded()), weight: Float(weights[$0] / total)
                )
            })
    }

    /// The mean of the image and of enlargements about its middle, by 1 to 1.1, 1.15, 1.2, 1.25, 1.3 in steps of 0.01, 0.01, 0.02, 0.02,
    /// 0.03; bilinear.
    public static let zoomBlur = Corruption("zoom-blur", .test, "a camera that comes nearer") {
        image, severity, _ in
        let steps = [10, 15, 10, 12, 10][severity - 1]
        let step = [0.01, 0.01, 0.02, 0.02, 0.03][severity - 1]
        let original = image
        for number in 0...steps {
            let factor = 1 + Double(number) * step
            let enlarged = original.warped(isBlackOutside: false) { ($0 / factor, $1 / factor) }
            for place in image.values.indices { image.values[place] += enlarged.values[place] }
        }
        for place in image.values.indices { image.values[place] /= Float(steps + 2) }
    }
}
