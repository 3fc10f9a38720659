import RenormArrays

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// What is done to one picture.
package struct AugmentationDraw: Hashable, Sendable {
    /// How it is placed.
    package var placement: Placement
    /// What is then done to its bytes, one after another.
    package var operations: [PixelOperation] = []
    /// What of the scaled input becomes 0.
    package var erased: PixelRectangle?

    package init(_ placement: Placement) { self.placement = placement }
}

extension Augmentation {
    /// The draw for the example at a position of a step.
    package func draw(
        seed: UInt64, step: Int, position: Int, picture: ImageSize, placement: Placement
    ) -> AugmentationDraw {
        var result = AugmentationDraw(placement)
        draw(
            seed: seed, step: step, position: position, picture: picture, placement: placement, into: &result)
        return result
    }

    /// Writes the draw for the example at a position of a step, in the memory that `result` has.
    ///
    /// - Parameters:
    ///   - picture: the size of the picture.
    ///   - placement: how it is placed without augmentation.
    func draw(
        seed: UInt64, step: Int, position: Int, picture: ImageSize, placement: Placement,
        into result: inout AugmentationDraw
    ) {
        result.placement = placement
        result.operations.removeAll(keepingCapacity: true)
        result.erased = nil
        let source = Source(seed: seed, step: step, position: position)
        place(&result.placement, picture: picture, source)
        if jitter != .none { changeColours(isGray: picture.channels != 3, &result.operations, source) }
        if isTrivial, let operation = trivialOperation(source) { result.operations.append(operation) }
        if let erasing { result.erased = erasing.draw(placement.height, placement.width, source) }
    }

    /// Where random numbers come from: each matter has a stream of its own.
    fileprivate struct Source {
        let seed: UInt64
        let step: Int
        let position: Int

        func callAsFunction(_ stream: UInt64) -> Random {
            Random(seed: seed, stream: stream &+ UInt64(truncatingIfNeeded: position), counter: step)
        }
    }

    private func place(_ placement: inout Placement, picture: ImageSize, _ source: Source) {
        if case .resized(let scale, let ratio, let interpolation) = crop {
            var random = source(Augmentation.crops)
            placement.crop = Augmentation.crop(of: picture, scale, ratio, &random)
            placement.interpolation = interpolation ?? placement.interpolation
        }
        guard crop == .padded || flip > 0 || verticalFlip > 0 else { return }
        let words = Random.block(
            seed: source.seed, stream: Augmentation.places, counter: UInt32(truncatingIfNeeded: source.step),
            index: UInt32(truncatingIfNeeded: source.position))
        if crop == .padded {
            placement.crop.top += Double(Augmentation.offset(words.0, side: Int(placement.crop.height)))
            placement.crop.left += Double(Augmentation.offset(words.1, side: Int(placement.crop.width)))
        }
        placement.isMirrored = Double(words.2) * 0x1p-32 >= 1 - flip
        placement.isFlipped = Double(words.3) * 0x1p-32 >= 1 - verticalFlip
    }

    /// How far a padded crop can be off the middle on a side of this many pixels.
    public static func padding(side: Int) -> Int { max(1, side / 8) }

    /// −padding…padding; the bias of multiplying 32 random bits is below 10⁻⁸.
    private static func offset(_ word: UInt32, side: Int) -> Int {
        let padding = padding(side: side)
        return Int((UInt64(word) * UInt64(2 * padding + 1)) >> 32) - padding
    }

    /// torchvision's algorithm: ten tries, then the largest cut from the middle whose ratio is in the range.
    private static func crop(
        of picture: ImageSize, _ scale: ClosedRange<Double>, _ ratio: ClosedRange<Double>,
        _ random: inout Random
    ) -> Placement.Crop {
        let (height, width) = (picture.height, picture.width)
        for _ in 0..<10 {
            let (tall, wide) = sides(Double(height * width), scale, ratio, &random)
            guard tall > 0, tall <= height, wide > 0, wide <= width else { continue }
            let (top, left) = (
                random.integer(below: height - tall + 1), random.integer(below: width - wide + 1)
            )
            return Placement.Crop(
                top: Double(top), left: Double(left), height: Double(tall), width: Double(wide))
        }
        var (tall, wide) = (height, width)
        let own = Double(width) / Double(height)
        if own < ratio.lowerBound {
            tall = min(Int((Double(width) / ratio.lowerBound).rounded(.toNearestOrEven)), height)
        } else if own > ratio.upperBound {
            wide = min(Int((Double(height) * ratio.upperBound).rounded(.toNearestOrEven)), width)
        }
        (tall, wide) = (max(tall, 1), max(wide, 1))
        return Placement.Crop(
            top: Double((height - tall) / 2), left: Double((width - wide) / 2), height: Double(tall),
            width: Double(wide))
    }

    /// The height and width of a rectangle with a random share of an area and a random ratio of width to height.
    fileprivate static func sides(
        _ area: Double, _ scale: ClosedRange<Double>, _ ratio: ClosedRange<Double>, _ random: inout Random
    ) -> (height: Int, width: Int) {
        let part = area * random.uniform(in: scale)
        let ratio = exp(random.uniform(in: log(ratio.lowerBound)...log(ratio.upperBound)))
        return (
            Int((part / ratio).squareRoot().rounded(.toNearestOrEven)),
            Int((part * ratio).squareRoot().rounded(.toNearestOrEven))
        )
    }

    private func changeColours(isGray: Bool, _ operations: inout [PixelOperation], _ source: Source) {
        var random = source(Augmentation.colours)
        func factor(_ amount: Double) -> Double { random.uniform(in: max(1 - amount, 0)...1 + amount) }
        let first = operations.count
        if jitter.brightness > 0 { operations.append(.brightness(factor(jitter.brightness))) }
        if jitter.contrast > 0 { operations.append(.contrast(factor(jitter.contrast))) }
        // Drawn for gray pictures too, so that the order of the others does not depend on it.
        if jitter.saturation > 0 { operations.append(.saturation(factor(jitter.saturation))) }
        if jitter.hue > 0 { operations.append(.hue(random.uniform(in: -jitter.hue...jitter.hue))) }
        for place in stride(from: operations.count - 1, to: first, by: -1) {
            operations.swapAt(place, first + random.integer(below: place - first + 1))
        }
        if isGray {
            operations.removeAll {
                switch $0 {
                case .saturation, .hue: true
                default: false
                }
            }
        }
    }

    /// One of TrivialAugment's fourteen operations, one of 31 strengths, in one of two directions where there are two; `nil` for none.
    private func trivialOperation(_ source: Source) -> PixelOperation? {
        var random = source(Augmentation.trivial)
        let (operation, bin) = (random.integer(below: 14), random.integer(below: 31))
        return TrivialOperations.operation(operation, bin: bin, isNegative: random.nextWord() >> 31 == 1)
    }

    private static let places = Random.streamNumber("augmentation")
    private static let crops = Random.streamNumber("augmentation/crops")
    private static let colours = Random.streamNumber("augmentation/colours")
    private static let trivial = Random.streamNumber("augmentation/trivial")
    fileprivate static let erasing = Random.streamNumber("augmentation/erasing")
}

extension Augmentation.Erasing {
    /// torchvision's algorithm: ten tries for a rectangle that is smaller than the picture, else nothing.
    fileprivate func draw(_ height: Int, _ width: Int, _ source: Augmentation.Source) -> PixelRectangle? {
        var random = source(Augmentation.erasing)
        guard random.uniform() < probability else { return nil }
        for _ in 0..<10 {
            // Here the ratio is that of height to width.
            let (wide, tall) = Augmentation.sides(Double(height * width), scale, ratio, &random)
            guard tall < height, wide < width else { continue }
            let (top, left) = (
                random.integer(below: height - tall + 1), random.integer(below: width - wide + 1)
            )
            return PixelRectangle(rows: top..<top + tall, columns: left..<left + wide)
        }
        return nil
    }
}

extension Random {
    /// A number between two.
    fileprivate mutating func uniform(in range: ClosedRange<Double>) -> Double {
        range.lowerBound + uniform() * (range.upperBound - range.lowerBound)
    }
}
