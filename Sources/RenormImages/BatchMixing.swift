import RenormArrays

/// Mixing of each picture of a batch with the one before it (the first with the last), and of what is to be learnt of them: mixup
/// (Zhang et al. 2018) and cutmix (Yun et al. 2019).
///
/// Of a batch all pictures are mixed in the same way, as torchvision's `MixUp` and `CutMix` do it. A step that comes in parts mixes
/// within each part. What is drawn is a function of (seed, step, part).
public struct BatchMixing: Hashable, Sendable, Codable {
    /// α of mixup: x is λ·x + (1 − λ)·(the one before), λ of Beta(α, α). `nil` for no mixup.
    public var mixup: Double?
    /// α of cutmix: a rectangle of about 1 − λ of the area is the picture before's, λ of Beta(α, α). `nil` for no cutmix. With both, a
    /// fair coin decides for each batch.
    public var cutmix: Double?

    /// Mixing by one or both.
    public init(mixup: Double? = nil, cutmix: Double? = nil) {
        self.mixup = mixup
        self.cutmix = cutmix
        if let fault { preconditionFailure("mixing: \(fault)") }
    }

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for an α that is none.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        mixup = try container.decodeIfPresent(Double.self, forKey: .mixup)
        cutmix = try container.decodeIfPresent(Double.self, forKey: .cutmix)
        try requireNoFault(decoder)
    }

    /// Whether nothing is mixed.
    public var isNone: Bool { mixup == nil && cutmix == nil }

    /// What is done to one batch.
    package struct Draw: Hashable, Sendable {
        /// λ: how much of its own each picture keeps, 0 to 1.
        package var share: Double
        /// The rectangle that comes from the picture before; `nil` where whole pictures are mixed.
        package var box: PixelRectangle?

        package init(share: Double, box: PixelRectangle? = nil) {
            (self.share, self.box) = (share, box)
        }
    }

    /// The draw for one batch of pictures of a size; `nil` where nothing is mixed.
    package func draw(seed: UInt64, step: Int, part: Int, size: ImageSize) -> Draw? {
        var random = Random(
            seed: seed, stream: BatchMixing.stream &+ UInt64(truncatingIfNeeded: part), counter: step)
        switch (mixup, cutmix) {
        case (nil, nil): return nil
        case (let alpha?, nil): return Draw(share: random.beta(alpha, alpha))
        case (nil, let alpha?): return cut(alpha, size, &random)
        case (let mixup?, let cutmix?):
            if random.nextWord() >> 31 == 0 { return Draw(share: random.beta(mixup, mixup)) }
            return cut(cutmix, size, &random)
        }
    }

    /// torchvision's: the sides of the rectangle are √(1 − λ) of the picture's, its middle is anywhere, and what is outside is cut off; λ
    /// then is what is left.
    private func cut(_ alpha: Double, _ size: ImageSize, _ random: inout Random) -> Draw {
        let half = 0.5 * (1 - random.beta(alpha, alpha)).squareRoot()
        func side(_ length: Int) -> Range<Int> {
            let (middle, reach) = (random.integer(below: length), Int(half * Double(length)))
            return max(middle - reach, 0)..<min(middle + reach, length)
        }
        let box = PixelRectangle(rows: side(size.height), columns: side(size.width))
        return Draw(share: 1 - Double(box.area) / Double(size.height * size.width), box: box)
    }

    private static let stream = Random.streamNumber("mixing")
}

extension BatchMixing.Draw {
    /// Mixes a batch, f32 [`count`, H, W, C], where it lies; `spare` is memory for one picture.
    package func mix(
        _ images: UnsafeMutablePointer<Float>, count: Int, size: ImageSize,
        spare: UnsafeMutablePointer<Float>
    ) {
        let length = size.valueCount
        spare.update(from: images + (count - 1) * length, count: length)
        // From the last on, so that the picture before is still what it was.
        for position in stride(from: count - 1, through: 0, by: -1) {
            let image = images + position * length
            let before = position > 0 ? image - length : spare
            guard let box else {
                let (own, other) = (Float(share), Float(1 - share))
                for place in 0..<length { image[place] = before[place] * other + image[place] * own }
                continue
            }
            for row in box.rows {
                let place = (row * size.width + box.columns.lowerBound) * size.channels
                (image + place).update(from: before + place, count: box.columns.count * size.channels)
            }
        }
    }
}

extension BatchMixing: Checkable {
    /// What is wrong with the numbers.
    package var fault: Fault? {
        for (name, alpha) in [("mixup", mixup), ("cutmix", cutmix)] {
            if let alpha, !(alpha > 0 && alpha <= BatchMixing.largest) {
                return Fault(of: name, "\(alpha)", "a number above 0, at most \(Int(BatchMixing.largest))")
            }
        }
        return nil
    }

    /// With more, every λ is 1/2.
    private static let largest = 1000.0
}
