import ArgumentParser
import Foundation
import Renorm

/// A network that no run of ours has made: whose weights, and how pictures become its input.
struct WeightsOptions: OptionTable {
    @Option(
        Row(
            "A file of weights: PyTorch's .pth or .pt, .safetensors, or .onnx; in place of a run.",
            valueName: "file",
            discussion:
                "Nothing in it is executed. With --model, unless the file says which network it is for."))
    var weights: FilePath?

    @Option(Row("With --weights: the network that they are of: \(NetworkName.expected)."))
    var model: NetworkName?

    @Option(
        Row(
            "With --weights: how images enter ResNets and MobileNetV2: \(Stem.expected). (default: as the weights say)"
        ))
    var stem: Stem?

    @Option(
        Row(
            "With --weights: what the classes are called: imagenet, or a file with a name a line. (default: 0, 1, 2, …)",
            valueName: "file"))
    var classNames: ClassNames?

    @Option(
        Row(
            "With --weights: what is added to variances under the root. (default: as the network was published)",
            .of { Normalization(.batch, epsilon: $0).fault }, valueName: "ε",
            discussion: "0.001 for weights that come from TensorFlow or Keras, if the network was not."))
    var epsilon: Double?

    @Option(
        Row(
            "With --weights: the size of pictures: \(PictureOptions.Size.expected). (default: as published)"))
    var size: PictureOptions.Size?

    @Option(Row("With --weights: pictures of another shape: \(Fit.names). (default: as published)"))
    var resize: Fit?

    @Option(
        Row(
            "With --weights: how pixels between pixels are made: \(Interpolation.expected). (default: as published)"
        ))
    var interpolation: Interpolation?

    @Option(
        Row(
            "With --weights: what shows where pictures are transparent: \(DecodingOptions.Background.expected). (default: white)"
        ))
    var background: DecodingOptions.Background?

    @Option(
        Row(
            "With --weights: what is subtracted from pixels, as parts of 255: imagenet, a number, or three with commas. (default: as published)",
            valueName: "values"))
    var mean: ChannelValues?

    @Option(
        Row(
            "With --weights: what they are divided by then. (default: as published)", valueName: "values"))
    var deviation: ChannelValues?
}

extension WeightsOptions {
    /// Whether any of them is there.
    var isGiven: Bool { values.contains { !$0.texts.isEmpty } }

    /// The network that a command works on.
    struct Source {
        var classifier: Classifier
        /// The run that it is of, if it is one's.
        var run: (saved: SavedRun, trained: TrainedModel)?

        /// What messages call it.
        var name: String
        /// Statistics that no network can have, where they were asked to be mended.
        var badStatistics: [VariablesFile.BadStatistic] = []

        /// The data that the network was trained on, where something says so.
        func ownData() throws -> [DataSource] {
            guard let run else {
                throw UsageError(
                    "\(name): found no run that says where its data are; expected them to be named. Say --data images:DIR."
                )
            }
            return try run.saved.dataSources(run.trained)
        }
    }

    /// What is missing or too much, where exactly one network must be named.
    ///
    /// - Parameters:
    ///   - run: The path of a run, if the command line names one.
    ///   - mends: Whether statistics that no network can have are mended, so that it can be looked at.
    func network(of run: String?, mends: Bool = false) throws -> Source {
        guard let weights else {
            if let given = values.first(where: { !$0.texts.isEmpty }) {
                let isModel = given.option.name == "model"
                throw UsageError(
                    "--\(given.option.name): found '\(given.texts[0].visible)' without --weights; expected the weights of "
                        + "somebody else's network with it, since a run knows its own. "
                        + (isModel
                            ? "Say --weights FILE, or name a run." : "Leave it out, or say --weights FILE."))
            }
            guard let run else {
                throw UsageError(
                    "found no network; expected the folder of a run, or --model NAME --weights FILE. Name one."
                )
            }
            return try WeightsOptions.source(ofRun: run, mends: mends)
        }
        if let run {
            throw UsageError(
                "--weights: found '\(weights.description.visible)' beside the run '\(run.visible)'; expected one network. Leave one out."
            )
        }
        if model == nil, try ONNXModel.isONNX(weights.url) {
            return Source(classifier: try network(inONNX: weights), name: weights.description)
        }
        let (file, bad) = try WeightsOptions.file(weights.url, mends: mends)
        for remark in file.remarks { warn("note: \(weights.description.visible): \(remark.visible)") }
        let classifier: Classifier
        if let model {
            classifier = try Classifier(file, for: request(model), usage: usage(), seed: 0)
        } else {
            classifier = try using(WeightsOptions.selfDescribed(file))
        }
        return Source(
            classifier: saying(classifier, of: weights), name: weights.description, badStatistics: bad)
    }

    private static func file(_ url: URL, mends: Bool) throws -> (VariablesFile, [VariablesFile.BadStatistic])
    {
        let file = try VariablesFile(reading: url)
        return mends ? try file.mendingStatistics() : (file, [])
    }

    /// The network of a file that describes it.
    private func network(inONNX file: FilePath) throws -> Classifier {
        if let given = values.first(where: {
            !$0.texts.isEmpty && ["stem", "epsilon"].contains($0.option.name)
        }) {
            throw UsageError(
                "--\(given.option.name): found '\(given.texts[0].visible)' with an ONNX file, which says itself what its network is; "
                    + "expected weights of a network that --model names. Leave it out.")
        }
        return saying(
            try Classifier(
                onnx: file.url, usage: usage(), size: size.map { ($0.height, $0.width) }), of: file)
    }

    /// Says what should be known of a network.
    private func saying(_ classifier: Classifier, of file: FilePath) -> Classifier {
        for remark in classifier.remarks { warn("note: \(file.description.visible): \(remark.visible)") }
        return classifier
    }

    private static func source(ofRun path: String, mends: Bool) throws -> Source {
        let saved = try SavedRun(path)
        let (file, bad) = try file(saved.model, mends: mends)
        guard file.isOfRun else {
            return Source(classifier: try selfDescribed(file), name: path, badStatistics: bad)
        }
        let trained = try TrainedModel(file)
        return Source(
            classifier: trained.classifier, run: (saved, trained), name: path, badStatistics: bad)
    }

    /// The network of a file that says itself which it is of.
    private static func selfDescribed(_ file: VariablesFile) throws -> Classifier {
        do {
            return try Classifier(file)
        } catch let error as TrainingError {
            guard case .unknownNetwork = error else { throw error }
            throw UsageError(
                "\(error) (On the command line: --model NAME --weights \(file.path.shellQuoted).)")
        }
    }

    /// The network that is asked for.
    private func request(_ model: NetworkName) -> WeightsMatch.Request {
        WeightsMatch.Request(
            name: model.description, description: model.described, stem: stem,
            size: size.map { ($0.height, $0.width) })
    }

    /// How the weights are to be used.
    private func usage() throws -> Classifier.Usage {
        var usage = Classifier.Usage()
        usage.fit = resize
        usage.interpolation = interpolation
        usage.background = background
        usage.epsilon = epsilon
        usage.scaling = try scaling(channels: 3)
        usage.classNames = try names()
        return usage
    }

    private func names() throws -> [String]? {
        switch classNames {
        case nil: return nil
        case .imagenet?: return ImageNetClasses.names
        case .file(let file)?:
            guard let text = try? String(contentsOf: file.url, encoding: .utf8) else {
                throw UsageError(
                    "--class-names: found no readable text at '\(file.description.visible)'; expected imagenet, or a file with a name a "
                        + "line. Check the path.")
            }
            var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(
                String.init)
            if lines.last == "" { lines.removeLast() }
            return lines
        }
    }

    /// How pixels are scaled; `nil`: as published.
    private func scaling(channels: Int) throws -> InputScaling? {
        guard mean != nil || deviation != nil else { return nil }
        var arguments = PreparationArguments()
        arguments.mean = mean ?? .measured
        arguments.deviation = deviation ?? .measured
        guard let scaling = try arguments.scaling(channels: channels) else {
            throw UsageError(
                "--mean, --deviation: found 'measured'; expected numbers, since there are no training pictures. Name both."
            )
        }
        return scaling
    }

    /// A network that knows its own preparation, with what is asked for in place of it.
    private func using(_ classifier: Classifier) throws -> Classifier {
        if let given = values.first(where: {
            !$0.texts.isEmpty && ["stem", "epsilon", "size"].contains($0.option.name)
        }) {
            throw UsageError(
                "--\(given.option.name): found '\(given.texts[0].visible)' with weights that say themselves which network they are for; "
                    + "expected --model with it. Leave it out, or name the network.")
        }
        var result = classifier
        if let resize { result.preparation.framing.fit = resize }
        if let interpolation { result.preparation.framing.interpolation = interpolation }
        if let background { result.preparation.framing.background = background }
        if let scaling = try scaling(channels: classifier.model.input[2]) {
            result.preparation.scaling = scaling
        }
        if let names = try names() {
            guard names.count == classifier.classNames.count else {
                throw TrainingError.option(
                    name: "names of classes", found: "\(names.count)",
                    expected: "\(classifier.classNames.count), as the network has")
            }
            result.classNames = names
        }
        return result
    }
}

/// Where names of classes are.
enum ClassNames: TextForm, CustomStringConvertible {
    case imagenet
    case file(FilePath)

    init(parsing text: String) { self = text == "imagenet" ? .imagenet : .file(FilePath(parsing: text)) }

    var description: String {
        switch self {
        case .imagenet: "imagenet"
        case .file(let file): file.description
        }
    }

    static var expected: String { "imagenet or a path" }
}
