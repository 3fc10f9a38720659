import RenormArrays

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

// More, less or other light.

extension Corruption {
    /// 0.1, 0.2, 0.3, 0.4, 0.5 added to the value of each pixel (the largest of its channels, limited to 1), the colour kept.
    public static let brightness = Corruption("brightness", .test, "brighter") { image, severity, _ in
        let addition = 0.1 * Float(severity)
        let channels = image.size.channels
        for start in stride(from: 0, to: image.values.count, by: channels) {
            let value = image.values[start..<start + channels].max()!
            let brighter = min(value + addition, 1)
            for place in start..<start + channels {
                // Black has no colour to keep.
                image.values[place] = value > 0 ? image.values[place] * (brighter / value) : brighter
            }
        }
    }

    /// (x − m)·c + m with each channel's mean m: c = 0.4, 0.3, 0.2, 0.1, 0.05.
    public static let contrast = Corruption("contrast", .test, "less contrast") { image, severity, _ in
        let factor = Float([0.4, 0.3, 0.2, 0.1, 0.05][severity - 1])
        let channels = image.size.channels
        for channel in 0..<channels {
            let places = stride(from: channel, to: image.values.count, by: channels)
            let mean = places.reduce(0) { $0 + image.values[$1] } / Float(image.values.count / channels)
            for place in places { image.values[place] = (image.values[place] - mean) * factor + mean }
        }
    }

    /// x^γ: γ = 1.4, 1.8, 2.4, 3.2, 4.5. Ours.
    public static let gamma = Corruption("gamma", .development, "middle tones darker") { image, severity, _ in
        let exponent = Float([1.4, 1.8, 2.4, 3.2, 4.5][severity - 1])
        for place in image.values.indices { image.values[place] = powf(image.values[place], exponent) }
    }

    /// c·x: c = 0.8, 0.6, 0.45, 0.3, 0.2. Ours.
    public static let dim = Corruption("dim", .development, "darker") { image, severity, _ in
        let factor = Float([0.8, 0.6, 0.45, 0.3, 0.2][severity - 1])
        for place in image.values.indices { image.values[place] *= factor }
    }

    /// 1 − x where x is at least 0.8, 0.6, 0.4, 0.2, 0: at 5 the whole image, MNIST-C's `inverse`, which has no severities.
    public static let inversion = Corruption("inversion", .test, "light and dark exchanged") {
        image, severity, _ in
        let threshold = 1 - 0.2 * Float(severity)
        for place in image.values.indices where severity == 5 || image.values[place] >= threshold {
            image.values[place] = 1 - image.values[place]
        }
    }
}
