import Foundation
import RenormArrays
import RenormImages
import RenormLayers

extension Classifier {
    /// What a network of somebody else's weights needs besides them; what is `nil` is as the weights were published.
    public struct Usage: Sendable {
        /// How a picture is brought to the network's size.
        public var fit: Fit?
        /// How pixels between pixels are made.
        public var interpolation: Interpolation?
        /// What shows where a picture is transparent.
        public var background: DecodingOptions.Background?
        /// How pixels become numbers.
        public var scaling: InputScaling?
        /// What the classes are called: as many as there are.
        public var classNames: [String]?
        /// The ε of every batch normalization, where the framework of the file had another than the network was published with and
        /// the file does not say so.
        public var epsilon: Double?
        /// Parts that keep the values they start with.
        public var except: [PathPattern] = []

        /// A usage as the weights were published.
        public init() {}
    }

    /// Reads the weights of a network of the zoo from a file of any format that is read.
    ///
    /// - Parameter seed: The seed of the values of parts that are not loaded.
    /// - Throws: `GraphError` for a network that does not exist, `VariablesError` if the weights are not its, what reading the
    ///   file throws, `TrainingError.option` for class names of another number.
    public init(
        weights url: URL, for request: WeightsMatch.Request, usage: Usage = Usage(), seed: UInt64 = 0
    ) throws {
        try self.init(VariablesFile(reading: url), for: request, usage: usage, seed: seed)
    }

    /// Takes the weights of a network of the zoo from the content of a file.
    package init(
        _ file: VariablesFile, for request: WeightsMatch.Request, usage: Usage, seed: UInt64
    ) throws {
        let match = try WeightsMatch(of: file, for: request)
        var architecture = match.architecture
        if let epsilon = usage.epsilon ?? file.statedEpsilon { architecture.normalization.epsilon = epsilon }
        var model = try architecture.makeModel(seed: seed)
        let report = try model.load(file, names: match.names, except: usage.except)
        let published = PublishedPreparation(of: request.name)
        let size = ImageSize(
            height: architecture.input[0], width: architecture.input[1], channels: architecture.input[2])
        let names = usage.classNames ?? (0..<architecture.classes).map(String.init)
        guard names.count == architecture.classes else {
            throw TrainingError.option(
                name: "names of classes", found: "\(names.count)",
                expected: "\(architecture.classes), as the last layer of the weights has")
        }
        self.init(
            model: model, architecture: architecture,
            preparation: Preparation(
                framing: Framing(
                    size: size, fit: usage.fit ?? published.fit,
                    interpolation: usage.interpolation ?? published.interpolation,
                    background: usage.background ?? .white),
                scaling: (usage.scaling ?? published.scaling).of(channels: size.channels)),
            classNames: names, remarks: report.remarks)
    }
}

/// How the pictures were prepared for which the weights of a network were published: by torchvision's recipes or, for networks
/// that it does not have, timm's or Keras'.
struct PublishedPreparation {
    var fit: Fit
    var interpolation: Interpolation
    var scaling: InputScaling

    /// That of a network by its name; PyTorch's usual one where nothing else is known.
    init(of name: String) {
        let word = name.prefix { $0 != ":" }
        let half = InputScaling(
            mean: [Double](repeating: 0.5, count: 3), deviation: [Double](repeating: 0.5, count: 3))
        (fit, interpolation, scaling) =
            switch word {
            case "efficientnet-b0": (.crop(fraction: 224.0 / 256), .bicubic, .imageNet)
            // TensorFlow's: (x − 127) / 128.
            case "efficientnet-lite0":
                (
                    .crop(fraction: 0.875), .bicubic,
                    InputScaling(
                        mean: [Double](repeating: 127.0 / 255, count: 3),
                        deviation: [Double](repeating: 128.0 / 255, count: 3))
                )
            // torchvision's weights are TensorFlow's; its `transform_input` turns ImageNet's scaling into this one.
            case "inceptionv3": (.crop(fraction: 299.0 / 342), .bilinear, half)
            case "xception": (.squash, .nearest, half)
            case "convnext-tiny": (.crop(fraction: 224.0 / 236), .bilinear, .imageNet)
            default: (.crop(fraction: 224.0 / 256), .bilinear, .imageNet)
            }
    }
}

extension InputScaling {
    /// The same for pictures of so many channels: the mean of the channels' where they are not as many.
    package func of(channels count: Int) -> InputScaling {
        guard count != channels else { return self }
        func average(_ values: [Double]) -> [Double] {
            [Double](repeating: values.reduce(0, +) / Double(values.count), count: count)
        }
        return InputScaling(mean: average(mean), deviation: average(deviation))
    }
}
