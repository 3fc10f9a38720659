import RenormArrays

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

// What a camera adds in little light: values that are off by chance.

extension Corruption {
    /// x + σ·n, n normal: σ = 0.08, 0.12, 0.18, 0.26, 0.38.
    public static let gaussianNoise = Corruption("gaussian-noise", .test, "normal noise") {
        image, severity, random in
        let deviation = Float([0.08, 0.12, 0.18, 0.26, 0.38][severity - 1])
        for place in image.values.indices { image.values[place] += deviation * Float(random.normal()) }
    }

    /// Poisson(x·c)/c, the counts of light that is particles: c = 60, 25, 12, 5, 3.
    public static let shotNoise = Corruption("shot-noise", .test, "noise of counted light") {
        image, severity, random in
        let count = [60, 25, 12, 5, 3.0][severity - 1]
        for place in image.values.indices {
            image.values[place] = Float(random.poisson(Double(image.values[place]) * count) / count)
        }
    }

    /// Values that are 0 or 1, each as likely, whatever they were: a part of 0.03, 0.06, 0.09, 0.17, 0.27 of them.
    public static let impulseNoise = Corruption("impulse-noise", .test, "black and white specks") {
        image, severity, random in
        let part = [0.03, 0.06, 0.09, 0.17, 0.27][severity - 1]
        for place in image.values.indices {
            let (draw, isWhite) = (random.uniform(), random.uniform() < 0.5)
            if draw < part { image.values[place] = isWhite ? 1 : 0 }
        }
    }

    /// x + x·σ·n, n normal: σ = 0.15, 0.2, 0.35, 0.45, 0.6.
    public static let speckleNoise = Corruption("speckle-noise", .development, "noise that grows with light")
    {
        image, severity, random in
        let deviation = Float([0.15, 0.2, 0.35, 0.45, 0.6][severity - 1])
        for place in image.values.indices {
            image.values[place] *= 1 + deviation * Float(random.normal())
        }
    }
}

extension Random {
    /// A number of the Poisson distribution of a mean of some tens at most: products of uniform numbers (Knuth 1969).
    mutating func poisson(_ mean: Double) -> Double {
        guard mean > 0 else { return 0 }
        let limit = exp(-mean)
        var (count, product) = (0.0, 1 - uniform())
        while product > limit {
            count += 1
            product *= 1 - uniform()
        }
        return count
    }
}
