import RenormArrays
import RenormFormats

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// How source images scatter in a trained network: for each normalization, how their means and deviations by channel vary and go
/// together. With it a stream's shift can be told from chance and from labels.
///
///     let source = try SourceStatistics.measure(model, on: ImageBatches(training, scaling: scaling), engine: engine)
///     try source.arrays.write(safetensors: url)
///
/// Of an image with means m and biased variances v by channel, a = [(m − μ)/σ ; ½·log((v + 0.05·v̄)/(1.05·v̄))], 2C numbers, with the
/// network's averages μ and σ and the mean v̄ of source images' variances; less its mean over source images. The covariance Σ of a is
/// held as eigenvectors and eigenvalues; of a wide layer the largest, and the mean of the others.
public struct SourceStatistics: Sendable {
    /// What source images say of one normalization with C channels.
    public struct Layer: Sendable {
        /// Where it is.
        public var path: String
        /// v̄ `[C]`.
        public var meanVariance: NDArray
        /// The mean of a before it is taken off `[2C]`.
        public var center: NDArray
        /// Eigenvectors of Σ, one a column `[2C, k]`.
        public var basis: NDArray
        /// Their eigenvalues `[k]`, the largest first.
        public var eigenvalues: NDArray
        /// The mean of the other eigenvalues.
        public var remainder: Double
        /// The diagonal of Σ `[2C]`.
        public var diagonal: NDArray
        /// The means of a by class `[K, 2C]`, where labels were there.
        public var classMeans: NDArray?
        /// How much gradients of γ and β change when images are corrupted, 0 to 1 `[C]`, where that was measured
        /// (`InterpolatedStatistics`).
        public var sensitivity: NDArray?
    }

    /// The normalizations in the order of the network.
    public var layers: [Layer]
    /// How many images it was measured on.
    public var images: Int
    /// As how many independent images a mean over the stream counts at most, however long it is: labels persist.
    public var limit: Double

    /// What a stream's mean counts as where nothing was measured.
    public static let usualLimit = 50.0

    /// Puts statistics together.
    public init(layers: [Layer], images: Int, limit: Double = SourceStatistics.usualLimit) {
        self.layers = layers
        self.images = images
        self.limit = limit
    }
}

// MARK: Files

extension SourceStatistics {
    private static let prefix = "source_statistics."
    private static let format = "1"

    /// The content of a file, beside which others may stand: names begin with `source_statistics.`.
    public var arrays: NamedArrays {
        var result = NamedArrays(metadata: [
            "renorm.source_statistics": Self.format, "renorm.source_statistics.images": "\(images)",
            "renorm.source_statistics.limit": "\(limit)",
        ])
        for layer in layers {
            func set(_ name: String, _ array: NDArray?) {
                guard let array else { return }
                result.arrays["\(Self.prefix)\(layer.path).\(name)"] = array
            }
            set("mean_variance", layer.meanVariance)
            set("center", layer.center)
            set("basis", layer.basis)
            set("eigenvalues", layer.eigenvalues)
            set("remainder", NDArray([Float(layer.remainder)], shape: [1]))
            set("diagonal", layer.diagonal)
            set("class_means", layer.classMeans)
            set("sensitivity", layer.sensitivity)
        }
        return result
    }

    /// Takes what a file holds.
    ///
    /// - Throws: `StreamError.malformed` if there is nothing of the kind in it, or not as it must be.
    public init(_ file: NamedArrays) throws {
        func malformed(_ found: String, _ expected: String) -> StreamError {
            .malformed(what: "Statistics of a source", found: found, expected: expected)
        }
        guard let format = file.metadata["renorm.source_statistics"] else {
            throw malformed("a file without them", "one that 'renorm stream --measure' has written")
        }
        guard format == Self.format else { throw malformed("format \(format)", "format \(Self.format)") }
        guard let images = file.metadata["renorm.source_statistics.images"].flatMap({ Int($0) }), images > 1,
            let limit = file.metadata["renorm.source_statistics.limit"].flatMap({ Double($0) }), limit >= 1,
            limit.isFinite
        else {
            throw malformed(
                "no number of images, or no limit", "at least 2 images, and a limit of at least 1")
        }
        var layers: [Layer] = []
        let end = ".eigenvalues"
        for name in file.arrays.keys where name.hasPrefix(Self.prefix) && name.hasSuffix(end) {
            let path = String(name.dropFirst(Self.prefix.count).dropLast(end.count))
            func optional(_ part: String) throws -> NDArray? {
                guard let array = file.arrays["\(Self.prefix)\(path).\(part)"] else { return nil }
                guard array.type == .f32, array.isFinite else {
                    throw malformed(
                        "\(path).\(part) of \(array.type), or not finite", "finite numbers of f32")
                }
                return array
            }
            func array(_ part: String, _ shape: [Int]) throws -> NDArray {
                guard let array = try optional(part), array.shape.dimensions == shape else {
                    throw malformed(
                        "\(path).\(part) of \(file.arrays["\(Self.prefix)\(path).\(part)"]?.shape.description ?? "no shape")",
                        "\(shape)")
                }
                return array
            }
            let (known, channels) = (
                file.arrays[name]!.shape.elementCount,
                file.arrays["\(Self.prefix)\(path).mean_variance"]?.shape.elementCount ?? 0
            )
            guard channels > 0, (1...2 * channels).contains(known) else {
                throw malformed(
                    "\(path): \(known) directions of \(channels) channels", "1 to twice the channels")
            }
            let layer = Layer(
                path: path, meanVariance: try array("mean_variance", [channels]),
                center: try array("center", [2 * channels]),
                basis: try array("basis", [2 * channels, known]),
                eigenvalues: try array("eigenvalues", [known]),
                remainder: try array("remainder", [1]).doubles[0],
                diagonal: try array("diagonal", [2 * channels]),
                classMeans: try optional("class_means"), sensitivity: try optional("sensitivity"))
            guard layer.meanVariance.floats.allSatisfy({ $0 > 0 }), layer.remainder >= 0,
                layer.eigenvalues.floats.allSatisfy({ $0 >= 0 }),
                layer.diagonal.floats.allSatisfy({ $0 >= 0 })
            else { throw malformed("\(path): variances below 0", "at least 0") }
            if let sensitivity = layer.sensitivity, sensitivity.shape.dimensions != [channels] {
                throw malformed("\(path).sensitivity of \(sensitivity.shape)", "[\(channels)]")
            }
            layers.append(layer)
        }
        guard !layers.isEmpty else { throw malformed("no layers", "at least one") }
        self.init(layers: layers, images: images, limit: limit)
    }
}

extension Double {
    /// The natural logarithm.
    var naturalLog: Double { log(self) }
}
