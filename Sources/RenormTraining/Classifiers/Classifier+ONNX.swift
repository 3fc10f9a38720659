import Foundation
import RenormArrays
import RenormExchange
import RenormFormats
import RenormImages
import RenormLayers

extension Classifier {
    /// What an ONNX file says of its network that ONNX has no words for, in its metadata.
    private enum Key {
        /// The names of the classes, a JSON list.
        static let classNames = "class_names"
        /// All that happens to a picture, `Preparation` as JSON.
        static let preparation = "renorm.preparation"
        /// The same in words.
        static let input = "input"
    }

    /// Reads a classification network from an ONNX file, which says itself which network it is.
    ///
    /// Files that renorm exported bring their preparation and names; pictures for others are prepared as for torchvision's networks
    /// unless `usage` says otherwise.
    ///
    /// - Parameters:
    ///   - usage: What is to be other than the file says.
    ///   - size: Height and width of its images, where the file leaves them open.
    /// - Throws: `FormatError` for what is no ONNX; `ExchangeError` for networks that cannot be read; `VariablesError` for values that
    ///   no network has.
    public init(onnx url: URL, usage: Usage = Usage(), size: (height: Int, width: Int)? = nil) throws {
        let file = try ONNXModel(reading: url)
        let network = try ImportedNetwork(file, image: size.map { [$0.height, $0.width, 3] })
        let saved = file.metadata[Key.preparation].flatMap {
            try? JSONCoder.decode(Preparation.self, from: $0)
        }
        let image = ImageSize(height: network.image[0], width: network.image[1], channels: network.image[2])
        let published = PublishedPreparation(of: "")
        let isOwn = saved?.framing.size == image
        let own = isOwn ? saved : nil
        let names =
            usage.classNames
            ?? file.metadata[Key.classNames].flatMap { try? JSONCoder.decode([String].self, from: $0) }
            .flatMap { $0.count == network.classes ? $0 : nil }
            ?? (0..<network.classes).map(String.init)
        guard names.count == network.classes else {
            throw TrainingError.option(
                name: "names of classes", found: "\(names.count)",
                expected: "\(network.classes), as the network has")
        }
        self.init(
            model: try network.makeModel(name: url.path),
            architecture: network.architecture(name: "file:\(url.path)"),
            preparation: Preparation(
                framing: Framing(
                    size: image, fit: usage.fit ?? own?.framing.fit ?? published.fit,
                    interpolation: usage.interpolation ?? own?.framing.interpolation
                        ?? published.interpolation,
                    background: usage.background ?? own?.framing.background ?? .white),
                scaling: usage.scaling ?? own?.scaling ?? published.scaling.of(channels: image.channels)),
            classNames: names, remarks: network.remarks)
    }

    /// The network as ONNX, with names of classes and the preparation of pictures in its metadata.
    ///
    /// - Parameters:
    ///   - folds: Whether normalizations by moving averages become part of the convolutions before them.
    ///   - takesPixels: Whether it takes bytes `[N, H, W, C]` and scales them itself, in place of scaled input `[N, C, H, W]`.
    ///   - givesProbabilities: Whether it gives probabilities in place of logits.
    /// - Throws: `ExchangeError.notExportable`.
    public func onnx(
        folds: Bool = false, takesPixels: Bool = false, givesProbabilities: Bool = false
    ) throws -> ONNXModel {
        let (framing, scaling) = (preparation.framing, preparation.scaling)
        let pictures =
            "pictures of \(framing.size), resized by \(framing.fit) with \(framing.interpolation.rawValue) interpolation"
        let input =
            takesPixels
            ? "\(pictures): pixels of 0 to 255, [N, height, width, channels]"
            : "\(pictures): (pixel / 255 - mean) / deviation with mean \(scaling.mean) and deviation \(scaling.deviation), "
                + "[N, channels, height, width]"
        return try ONNXModel(
            exporting: model,
            options: ONNXExportOptions(
                foldsNormalizations: folds,
                pixels: takesPixels
                    ? ONNXExportOptions.Pixels(mean: scaling.mean, deviation: scaling.deviation) : nil,
                givesProbabilities: givesProbabilities,
                metadata: [
                    Key.classNames: try JSONCoder.encode(classNames),
                    Key.preparation: try JSONCoder.encode(preparation), Key.input: input,
                ], version: RunEnvironment.version))
    }
}
