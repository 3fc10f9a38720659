import ArgumentParser
import Foundation
import Renorm

/// `renorm convert`.
struct ConvertCommand: AsyncParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Change a network's normalizations, its last layer or its input, and save it.",
        discussion: """
            Between batch, batch-renorm and frozen the change is exact: the network says at inference what it said. Others have to be trained \
            afterwards; what the change does before that is said, and with --pictures measured.

            Examples:
              renorm convert runs/a --norm batch --output plain.safetensors
              renorm convert --model resnet50 --weights resnet50-11ad3fa6.pth --norm batch-renorm --output start.safetensors
              renorm convert runs/a --norm group:8 --only layer4 --pictures photos/ --output groups.safetensors
              renorm convert start.safetensors --classes 12 --output twelve.safetensors
              renorm train --init twelve.safetensors --data images:birds --run runs/birds
            """)

    @Argument(help: "The folder of a run, or a file of renorm's; or say --weights.")
    var run: String?

    @Option(
        Row(
            "The normalization to change to: \(NormalizationChoice.expected). (default: as they are)",
            discussion: "With its options in quotes, as of 'renorm train'."))
    var norm: NormalizationChoice?

    @Option(
        Row(
            "With --norm: the layers whose normalization changes, a path or pattern such as layer4 or '**.bn1'. (default: all)",
            valueName: "pattern"))
    var only: String?

    @Option(
        Row(
            "With --norm: pictures on which is measured what the change does, and the averages of kinds that keep some in place of kinds that keep none. Repeated: several paths.",
            isInFiles: false, valueName: "path",
            discussion:
                "Pictures, folders of them, or IDX files of images; they need no classes. At most 1,024 are looked at."
        ))
    var pictures: [FilePath] = []

    @Option(
        Row(
            "Start the last layer anew, for so many classes. (default: as it is)", .within(1...1_000_000),
            valueName: "n"))
    var classes: Int?

    @Flag(Row("Leave the last layer out: the network gives features in place of classes."))
    var removeHead = false

    @Option(
        Row(
            "Take images of so many channels, by the first convolution's weights: their sum for one, repeated and scaled for more. (default: as it is)",
            .of { Fault("\($0)", "1 or 3", unless: $0 == 1 || $0 == 3) }, valueName: "n"))
    var channels: Int?

    @Option(
        Row(
            "Take images of another size: \(PictureOptions.Size.expected). (default: as it is)",
            valueName: "size"))
    var imageSize: PictureOptions.Size?

    @Flag(Row("Put normalizations by moving averages into the convolutions before them."))
    var fold = false

    @Option(Row("The seed of what starts anew."))
    var seed: UInt64 = 0

    @Option(Row("The file to write; one that is there is replaced.", isInFiles: false, valueName: "file"))
    var output: FilePath

    @OptionGroup var network: WeightsOptions
    @OptionGroup var domain: DomainOptions
    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions

    func run() async throws {
        try NeedlessOption.warnings(needless)
        var classifier = try domain.choosing(network.network(of: run)).classifier
        try adapt(&classifier)
        if let norm { try convert(&classifier, to: norm) }
        if removeHead { try classifier.removeHead() }
        if fold { try foldNormalizations(&classifier) }
        try classifier.write(to: output.url)
        try say(
            "Wrote \(output.description.visible). Use it in place of a run, or go on from it: renorm train --init "
                + "\(output.description.shellQuoted) …")
    }

    /// What has no effect beside other options.
    private var needless: [NeedlessOption] {
        let beside: [(String, Bool)] = [("only", only != nil), ("pictures", !pictures.isEmpty)]
        return computing.needless
            + beside.filter { $0.1 && norm == nil }.map { name, _ in
                NeedlessOption(
                    "--\(name)", "it without --norm", expected: "a normalization to change to",
                    "Name one, or leave it out")
            }
    }

    /// The network for other classes and images.
    private func adapt(_ classifier: inout Classifier) throws {
        guard classes != nil || channels != nil || imageSize != nil else { return }
        for line in try classifier.adapt(
            classes: classes, channels: channels, size: imageSize.map { ($0.height, $0.width) }, seed: seed)
        {
            try say(line)
        }
    }

    /// Changes normalizations, and says what that does.
    private func convert(_ classifier: inout Classifier, to norm: NormalizationChoice) throws {
        let pattern = PathPattern(only ?? "**")
        let before = classifier.model
        let known = try before.tracedNormalizations().map(\.path)
        guard known.contains(where: pattern.matches) else {
            throw UsageError(
                "--only: found '\(pattern)', which matches no normalization of the network; expected some of "
                    + "\(known.prefix(6).joined(separator: ", "))\(known.count > 6 ? ", …" : ""). Change it.")
        }
        let kind = try norm.value(in: NormalizationText.Run(steps: 1000)).kind
        let images = try pictures.isEmpty ? nil : batches(for: classifier)
        let engine = try computing.make()
        let isMeasured = try before.tracedNormalizations().contains {
            pattern.matches($0.path) && !$0.normalization.keepsPopulation
        }
        if let kind = kind as? any PopulationNormalization, isMeasured {
            guard classifier.domains.isEmpty else {
                throw UsageError(
                    "--norm: found a network with statistics of several domains, whose averages would have to be measured on pictures of "
                        + "each; expected one domain. Say --domain NAME.")
            }
            guard let images else {
                throw UsageError(
                    "--norm: found \(norm), whose averages have to be measured, since the network keeps none there; expected pictures to "
                        + "measure them on. Say --pictures DIR.")
            }
            classifier.model = try StatisticsMeasurement(engine).convert(
                pattern, of: before, to: kind, on: images
            ).model
        } else {
            try classifier.changeModels { try $0.converting(pattern, to: kind) }
        }
        let effect = try images.map {
            try ConversionEffect(from: before, to: classifier.model, on: $0, engine: engine)
        }
        try say(ConversionReport(from: before, to: classifier.model, effect: effect).description)
    }

    private func foldNormalizations(_ classifier: inout Classifier) throws {
        guard classifier.domains.isEmpty else {
            throw UsageError(
                "--fold: found a network with statistics of several domains (\(list(classifier.domains.map(\.name)))), of which each gives "
                    + "other weights; expected one. Say --domain NAME.")
        }
        let folded = try classifier.model.folded()
        classifier.model = folded.model
        try say("Folded \(folded.folded.count) normalizations into the convolutions before them.")
        for layer in folded.remaining { warn("note: \(layer.path) stays: \(layer.reason)") }
    }

    /// The pictures as the network takes them, evenly chosen from those that are named.
    private func batches(for classifier: Classifier) throws -> ImageBatches {
        let files = try PredictionFiles(pictures.map(\.description))
        var paths: [String] = []
        while let path = files.next() { paths.append(path) }
        let most = ConvertCommand.mostPictures
        let chosen = paths.count <= most ? paths : (0..<most).map { paths[$0 * paths.count / most] }
        var found: [NDArray] = []
        for path in chosen {
            found.append(try classifier.preparation.images(in: URL(fileURLWithPath: path)))
        }
        var pixels = NDArray(joining: found)
        if pixels.shape[0] > most { pixels = pixels.rows(0..<most) }
        let (images, scaling) = (pixels, classifier.preparation.scaling)
        return ImageBatches("the pictures") {
            var start = 0
            return {
                guard start < images.shape[0] else { return nil }
                defer { start += 32 }
                return scaling(images.rows(start..<min(start + 32, images.shape[0])))
            }
        }
    }

    private static let mostPictures = 1024
}
