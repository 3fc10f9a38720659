import RenormArrays
import RenormImages

/// What may have happened to pictures between training and use, and can be undone: each is its own inverse but for the turns.
enum PictureChange: String, CaseIterable {
    case inverted, swappedChannels, upsideDown, mirrored, turnedLeft, turnedRight, transposed

    /// What it makes of pictures, in words.
    var meaning: String {
        switch self {
        case .inverted: "inverted: light is dark"
        case .swappedChannels: "with their channels in the other order (BGR for RGB)"
        case .upsideDown: "upside down"
        case .mirrored: "mirrored"
        case .turnedLeft, .turnedRight: "turned by a quarter"
        case .transposed: "transposed: rows are columns"
        }
    }

    /// What to do.
    var remedy: String {
        switch self {
        case .inverted: "invert the pictures (255 − pixel) before they are prepared"
        case .swappedChannels: "put the channels in the order of training"
        case .upsideDown: "turn the pictures as in training: top and bottom are exchanged"
        case .mirrored: "turn the pictures as in training: left and right are exchanged"
        case .turnedLeft: "turn the pictures by a quarter to the left"
        case .turnedRight: "turn the pictures by a quarter to the right"
        case .transposed: "exchange rows and columns of the pictures"
        }
    }

    /// Whether it can be tried.
    func applies(to data: Dataset) -> Bool {
        switch self {
        case .inverted, .upsideDown, .mirrored: true
        case .swappedChannels: data.channels == 3
        case .turnedLeft, .turnedRight, .transposed: data.height == data.width
        }
    }

    /// The pictures with the change.
    func callAsFunction(_ data: Dataset) throws -> Dataset {
        let images = try data.readImages()
        let (count, height, width, channels) = (data.count, data.height, data.width, data.channels)
        let pixels = images.values(of: UInt8.self)
        var result = [UInt8](repeating: 0, count: pixels.count)
        for image in 0..<count {
            for y in 0..<height {
                for x in 0..<width {
                    let (fromY, fromX): (Int, Int) =
                        switch self {
                        case .inverted, .swappedChannels: (y, x)
                        case .upsideDown: (height - 1 - y, x)
                        case .mirrored: (y, width - 1 - x)
                        case .turnedLeft: (x, width - 1 - y)
                        case .turnedRight: (height - 1 - x, y)
                        case .transposed: (x, y)
                        }
                    for channel in 0..<channels {
                        let from = self == .swappedChannels ? channels - 1 - channel : channel
                        let value = pixels[((image * height + fromY) * width + fromX) * channels + from]
                        result[((image * height + y) * width + x) * channels + channel] =
                            self == .inverted ? 255 - value : value
                    }
                }
            }
        }
        return try Dataset(
            name: data.name, images: NDArray(result, shape: images.shape), labels: data.labels,
            classNames: data.classNames)
    }
}

/// How much neighbouring pixels differ, beside all pixels: what another size or another interpolation changes first.
struct PictureSharpness {
    /// The mean squared difference of horizontal neighbours over twice the variance.
    let value: Double

    init(_ data: Dataset, most: Int = 200) throws {
        let few = data.count > most ? data.subset((0..<most).map { $0 * data.count / most }) : data
        let pixels = try few.readImages().values(of: UInt8.self)
        let (width, channels) = (few.width, few.channels)
        var (differences, pairs, sum, squares) = (0.0, 0, 0.0, 0.0)
        for (place, pixel) in pixels.enumerated() {
            let value = Double(pixel)
            sum += value
            squares += value * value
            if (place / channels) % width + 1 < width {
                let difference = Double(pixels[place + channels]) - value
                differences += difference * difference
                pairs += 1
            }
        }
        let count = Double(max(pixels.count, 1))
        let variance = squares / count - sum / count * (sum / count)
        value = variance > 0 && pairs > 0 ? differences / Double(pairs) / (2 * variance) : 1
    }
}
