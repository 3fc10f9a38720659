import OrderedCollections
import RenormArrays
import RenormFormats
import RenormGraphs
import RenormLayers

/// What an exported network is like.
public struct ONNXExportOptions: Sendable {
    /// Pixels as they are in pictures' files, which the exported network scales itself.
    public struct Pixels: Sendable, Hashable {
        /// Whether pixels are `[N, H, W, C]`, as in pictures, or `[N, C, H, W]`.
        public var channelsLast: Bool
        /// For each channel what is subtracted from the pixel / 255; one number stands for all channels.
        public var mean: [Double]
        /// For each channel what the difference is divided by.
        public var deviation: [Double]

        /// Describes pixels: (x / 255 − mean) / deviation is what the network was trained on.
        public init(channelsLast: Bool = true, mean: [Double], deviation: [Double]) {
            self.channelsLast = channelsLast
            self.mean = mean
            self.deviation = deviation
        }
    }

    /// Whether normalizations with moving averages become part of the convolutions before them.
    public var foldsNormalizations: Bool
    /// Bytes that the network takes in place of scaled images; `nil` for scaled images `[N, C, H, W]`.
    public var pixels: Pixels?
    /// Whether the network gives probabilities, under that name, in place of logits.
    public var givesProbabilities: Bool
    /// What the file says of itself: names of classes, how pictures are prepared.
    public var metadata: OrderedDictionary<String, String>
    /// The version of the program, for the file's `producer_version`.
    public var version: String

    /// Makes the options.
    public init(
        foldsNormalizations: Bool = false, pixels: Pixels? = nil, givesProbabilities: Bool = false,
        metadata: OrderedDictionary<String, String> = [:], version: String = ""
    ) {
        self.foldsNormalizations = foldsNormalizations
        self.pixels = pixels
        self.givesProbabilities = givesProbabilities
        self.metadata = metadata
        self.version = version
    }
}

extension ONNXModel {
    /// A network at inference as ONNX (operators of version 21): input `images` `[N, C, H, W]` of f32 with any N, output `logits`
    /// `[N, classes]`.
    ///
    /// Weights have the names that they have here. Normalizations with moving averages become BatchNormalization, their
    /// statistics converted exactly; the others become standard operators too.
    ///
    ///     try ONNXModel(exporting: model).write(to: url)
    ///
    /// - Throws: `ExchangeError.notExportable` for what ONNX has no words for; `GraphError` if the network cannot be traced.
    public init(exporting model: Model, options: ONNXExportOptions = ONNXExportOptions()) throws {
        var exporter = try GraphExporter(model, options)
        self.init(
            producer: "renorm", producerVersion: options.version, metadata: options.metadata,
            graph: try exporter.exported())
    }
}
