import RenormArrays

// What lies between the camera and things.

extension Corruption {
    /// (x + c·f)·m/(m + c) with the image's largest value m and a fractal f in 0…1: (c, decay of detail) = (1.5, 2), (2, 2), (2.5, 1.7),
    /// (2.5, 1.5), (3, 1.4).
    ///
    /// The fractal is the smallest square of a power of two that holds the image, as in CIFAR-10-C: MNIST-C takes a corner of one of
    /// 256×256, of which 28×28 pixels see hardly any change.
    public static let fog = Corruption("fog", .test, "fog of changing thickness") { image, severity, random in
        let thickness = Float([1.5, 2, 2.5, 2.5, 3][severity - 1])
        let fractal = plasma(
            side: max(image.size.height, image.size.width), decay: [2, 2, 1.7, 1.5, 1.4][severity - 1],
            &random)
        let largest = image.values.max()!
        image = image.mapPixels { row, column, channel in
            (image.orBlack(row, column, channel) + thickness * fractal.values[row * fractal.side + column])
                * largest / (largest + thickness)
        }
    }

    /// Diamonds and squares: each middle is the mean of four neighbours and a random number, less of it from one size to the next.
    private static func plasma(
        side needed: Int, decay: Double, _ random: inout Random
    ) -> (values: [Float], side: Int) {
        var side = 2
        while side < needed { side *= 2 }
        var map = [Double](repeating: 0, count: side * side)
        func place(_ row: Int, _ column: Int) -> Int { (row & (side - 1)) * side + (column & (side - 1)) }
        var (step, wobble) = (side, 100.0)
        while step >= 2 {
            let half = step / 2
            func wobbledMean(_ places: [Int]) -> Double {
                places.reduce(0) { $0 + map[$1] } / 4 + wobble * wobble * (2 * random.uniform() - 1)
            }
            for row in stride(from: 0, to: side, by: step) {
                for column in stride(from: 0, to: side, by: step) {
                    map[place(row + half, column + half)] = wobbledMean([
                        place(row, column), place(row + step, column), place(row, column + step),
                        place(row + step, column + step),
                    ])
                }
            }
            for row in stride(from: 0, to: side, by: half) {
                for column in stride(from: row % step == 0 ? half : 0, to: side, by: step) {
                    map[place(row, column)] = wobbledMean([
                        place(row - half, column), place(row + half, column), place(row, column - half),
                        place(row, column + half),
                    ])
                }
            }
            step = half
            wobble /= decay
        }
        let (least, most) = (map.min()!, map.max()!)
        return (map.map { Float(($0 - least) / max(most - least, 1e-12)) }, side)
    }

    /// Drops of mud (63, 42, 20 of 255; gray: 63): where smoothed noise is above a limit, again smoothed, what is at least 0.8 covers.
    ///
    /// Mean and deviation of the noise, its smoothing in pixels (of 28), the limit, and the smoothing of drops: (0.65, 0.3, 4, 0.69, 0.6),
    /// (0.65, 0.3, 3, 0.68, 0.6), (0.65, 0.3, 2, 0.68, 0.5), (0.65, 0.3, 1, 0.65, 1.5), (0.67, 0.4, 1, 0.65, 1.5).
    public static let spatter = Corruption("spatter", .development, "drops of mud") {
        image, severity, random in
        let (size, place) = (image.size, severity - 1)
        let layer = ImageValues(
            size: ImageSize(height: size.height, width: size.width, channels: 1),
            values: (0..<size.height * size.width).map { _ in
                Float(
                    [0.65, 0.65, 0.65, 0.65, 0.67][place] + [0.3, 0.3, 0.3, 0.3, 0.4][place] * random.normal()
                )
            }
        ).smoothed(deviation: image.length([4, 3, 2, 1, 1][place]))
        let limit = Float([0.69, 0.68, 0.68, 0.65, 0.65][place])
        let drops = ImageValues(size: layer.size, values: layer.values.map { $0 > limit ? 1 : 0 })
            .smoothed(deviation: image.length([0.6, 0.6, 0.5, 1.5, 1.5][place]))
        let mud: [Float] = size.channels == 3 ? [63 / 255, 42 / 255, 20 / 255] : [63 / 255]
        image = image.mapPixels { row, column, channel in
            let value = drops.orBlack(row, column, 0)
            let cover = value < 0.8 ? 0 : value
            return image.orBlack(row, column, channel) * (1 - cover) + mud[channel % mud.count] * cover
        }
    }
}
