import RenormArrays

/// How pixels become the network's input: x = (pixel/255 − mean)/deviation, for each channel.
public struct InputScaling: Hashable, Sendable, Codable {
    /// The mean of each channel, in units of pixel/255.
    public var mean: [Double]
    /// The standard deviation of each channel, in units of pixel/255.
    public var deviation: [Double]

    /// A scaling with given values, one for each channel. Deviations are positive.
    public init(mean: [Double], deviation: [Double]) {
        self.mean = mean
        self.deviation = deviation
        if let fault { preconditionFailure("a scaling: \(fault)") }
    }

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for values that no image can be scaled by.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        mean = try container.value(.mean)
        deviation = try container.value(.deviation)
        try requireNoFault(decoder)
    }

    /// The exact mean and (biased) deviation over every pixel of the dataset, counted in whole numbers. A channel that
    /// is the same everywhere gets the deviation 1.
    ///
    /// Of images that must be decoded, `sampleSize` of them are looked at, evenly spread over the dataset: to decode a million takes
    /// hours, and the mean of a thousand is known to a hundredth of a deviation.
    ///
    /// - Throws: what the image source throws; images in memory throw nothing.
    public init(of dataset: Dataset) throws {
        var dataset = dataset
        if dataset.imageSource.decodes, dataset.count > InputScaling.sampleSize {
            let (count, sample) = (dataset.count, InputScaling.sampleSize)
            dataset = dataset.subset((0..<sample).map { $0 * count / sample })
        }
        let channels = dataset.channels
        let pixelsPerImage = dataset.height * dataset.width
        // Four tables take turns, because neighbouring pixels are often equal and one counter would wait for itself.
        let tables = 4
        var counts = [Int](repeating: 0, count: tables * channels * 256)
        try counts.withUnsafeMutableBufferPointer { counts in
            try dataset.forEachImage { pixels in
                var index = 0
                for pixel in 0..<pixelsPerImage {
                    var table = (pixel & 3) * channels * 256
                    for _ in 0..<channels {
                        counts[table &+ Int(pixels[index])] &+= 1
                        index &+= 1
                        table &+= 256
                    }
                }
            }
        }
        mean = []
        deviation = []
        for channel in 0..<channels {
            var count = 0
            var sum = 0
            var squares = 0
            for value in 0..<256 {
                let number = (0..<tables).reduce(0) { $0 + counts[($1 * channels + channel) * 256 + value] }
                count += number
                sum += number * value
                squares += number * value * value
            }
            let average = Double(sum) / Double(max(count, 1))
            // Σ(v − mean)² = Σv² − mean·Σv loses nothing that matters here: both sums are exact integers below 2⁵³.
            let variance = max(Double(squares) / Double(max(count, 1)) - average * average, 0)
            mean.append(average / 255)
            deviation.append(variance > 0 ? variance.squareRoot() / 255 : 1)
        }
    }

    /// How many images are looked at where they must be decoded.
    public static let sampleSize = 1024

    /// What networks trained on ImageNet by PyTorch's recipes expect.
    public static let imageNet = InputScaling(mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])

    /// The number of channels.
    public var channels: Int { mean.count }

    /// The input for each channel and pixel value, [C × 256].
    var table: [Float] {
        (0..<channels).flatMap { channel in
            (0..<256).map { Float((Double($0) / 255 - mean[channel]) / deviation[channel]) }
        }
    }

    /// Scales images.
    ///
    /// - Parameter images: `u8` [N, H, W, C].
    /// - Returns: `f32` of the same shape.
    public func callAsFunction(_ images: NDArray) -> NDArray {
        precondition(
            images.shape.rank == 4 && images.shape[3] == channels,
            "images of shape \(images.shape) for a scaling of \(channels) channels")
        let table = self.table
        var result = NDArray(uninitialized: images.shape, type: .f32)
        images.withValues(of: UInt8.self) { source in
            result.withMutableValues(of: Float.self) { destination in
                table.withUnsafeBufferPointer { table in
                    for index in source.indices {
                        destination[index] = table[index % channels * 256 + Int(source[index])]
                    }
                }
            }
        }
        return result
    }
}

extension InputScaling: Checkable {
    /// What is wrong with the values.
    package var fault: Fault? { InputScaling.fault(mean: mean, deviation: deviation) }

    /// What would be wrong with such values.
    package static func fault(mean: [Double], deviation: [Double]) -> Fault? {
        guard mean.count == deviation.count, !mean.isEmpty else {
            return Fault(
                "\(mean.count) means and \(deviation.count) deviations", "one of each for every channel")
        }
        // The input is computed in 32 bits.
        for (mean, deviation) in zip(mean, deviation)
        where
            !(deviation > 0 && deviation.isFinite
            && [0, 1].allSatisfy { Float(($0 - mean) / deviation).isFinite })
        {
            return Fault(
                "a mean of \(mean) and a deviation of \(deviation)",
                "finite numbers, and a deviation above 0 over which pixels stay finite")
        }
        return nil
    }
}
