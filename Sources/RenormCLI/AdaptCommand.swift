import ArgumentParser
import Foundation
import Renorm
import Synchronization

/// `renorm adapt`.
struct AdaptCommand: AsyncParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "adapt",
        abstract: "Fit a network's statistics to pictures of another domain, which need no labels.",
        discussion: """
            The moving averages of normalizations become those of the target's pictures (AdaBN), layer after layer; weights stay as they are. \
            Few pictures say little, so the averages of training count beside them: how much is estimated, or said by --blend. Part of \
            the pictures is held out, and what adapting does to them is measured: accuracy and loss before and after where they have labels, \
            else how many answers change. Data that come with a training and a test part are adapted to the one and measured on the other.

            The file can be used in place of a run. With --domain it keeps the statistics that the network had, and has the target's \
            beside them, for --domain of evaluate, predict, export and convert.

            Examples:
              renorm adapt runs/a --data photos/ --output adapted.safetensors
              renorm adapt runs/a --data images:new-camera --output adapted.safetensors
              renorm adapt runs/a --data images:poly --domain poly --output both.safetensors
              renorm predict both.safetensors photos/ --domain poly
              renorm adapt --model resnet50 --weights resnet50-11ad3fa6.pth --data sketches/ --blend images:16 --output sketches.safetensors
            """)

    @Argument(help: "The folder of a run, or a file of renorm's; or say --weights.")
    var run: String?

    @OptionGroup var network: WeightsOptions

    @Option(
        Row(
            "The target's pictures: a folder of any, a picture or an IDX file, without classes; or, to measure accuracy too, \(DataSources.formsText). Repeated: several.",
            isInFiles: false, valueName: "data"))
    var data: [NamedPictures] = []

    @OptionGroup var pictures: PictureListArguments

    @Option(
        Row(
            "How much the target counts: \(StatisticsBlend.expected).",
            discussion: """
                auto estimates it by channel, from how much the pictures differ from one another and how far they are from the source; an order \
                or a mix of classes that makes them a bad sample counts against them.
                """))
    var blend = StatisticsBlend.automatic

    @Option(
        Row(
            "The normalizations that are adapted, a path or pattern such as layer1 or '**.bn1'. (default: all)",
            valueName: "pattern"))
    var norm: String?

    @Option(
        Row(
            "Keep the statistics that the network has, and add the target's under this name.",
            valueName: "name"))
    var domain: String?

    @Option(
        Row(
            "The most pictures to adapt to, chosen by the seed: more of them hardly change a mean.",
            .atLeast(1), valueName: "n"))
    var images = 1024

    @Option(
        Row(
            "The share of the pictures that are held out to measure on, where they do not come in parts.",
            .of { Fault("\($0)", "0 to less than 1", unless: $0 >= 0 && $0 < 1) }, valueName: "share"))
    var heldOut = 0.5

    @Option(Row("The seed of what is chosen and held out."))
    var seed: UInt64 = 0

    @Option(Row("The file to write; one that is there is replaced.", isInFiles: false, valueName: "file"))
    var output: FilePath

    @OptionGroup var reading: LoadingOptions
    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions
    @OptionGroup var printed: OutputOptions

    func run() async throws {
        try NeedlessOption.warnings(computing.needless)
        guard !data.isEmpty else {
            throw UsageError("--data: found none; expected pictures of the target. Say --data DIR.")
        }
        let source = try network.network(of: run)
        var classifier = source.classifier
        guard classifier.architecture != nil else {
            throw TrainingError.unknownLayers(path: source.name)
        }
        // A name that cannot be one is said before anything is computed.
        if let domain { _ = try StatisticsDomain(domain, of: classifier.model) }
        let target = try self.target(for: classifier, source)
        let engine = try computing.make()
        let before = classifier.model
        let record = source.run?.trained.record
        let adaptation = Adaptation(
            engine, blend: blend, pattern: PathPattern(norm ?? "**"),
            examplesTogether: record?.configuration.batchSize,
            classShares: (record?.test ?? record?.validation)?.predictedShares, isOrdered: target.isOrdered)
        let adapted = try adaptation.adapt(before, to: target.pictures)
        var text = AdaptationText(adapted, blend: blend, data: target.name)
        if let test = target.labelled {
            let evaluator = Evaluator(
                engine, options: EvaluationOptions(precision: .f32), workers: reading.workers)
            let scaling = classifier.preparation.scaling
            text.before = .init(try await evaluator.evaluate(before, on: test, scaling: scaling))
            text.after = .init(try await evaluator.evaluate(adapted.model, on: test, scaling: scaling))
        }
        if let test = target.test {
            let effect = try ConversionEffect(from: before, to: adapted.model, on: test, engine: engine)
            (text.tested, text.changedAnswers) = (effect.images, effect.changedAnswers)
        }
        if let domain {
            try classifier.setDomain(domain, as: adapted.model)
            text.domains = classifier.domains.map(\.name)
        } else {
            classifier.model = adapted.model
        }
        try classifier.write(to: output.url)
        text.file = output.description
        for warning in adapted.warnings(blend) { warn("warning: \(warning) (--blend 1).") }
        switch printed.log {
        case .json: try JSONPrinter().print(text)
        case .human: try text.print()
        }
    }
}

extension Evaluation {
    /// The share of each class among what was predicted; `nil` where that is not known.
    fileprivate var predictedShares: [Double]? {
        let counts = classes.compactMap(\.predicted)
        return counts.count == classes.count ? counts.map(Double.init) : nil
    }
}

// MARK: The target's pictures

/// Pictures of a domain to adapt to, and others of it to measure on.
private struct AdaptationTarget {
    var name: String
    /// What to adapt to.
    var pictures: ImageBatches
    /// What to measure on.
    var test: ImageBatches?
    /// The same with labels, where they have some.
    var labelled: Dataset?
    /// Whether their order may say something.
    var isOrdered: Bool
}

extension AdaptCommand {
    /// The target: labelled data by their names, or pictures by their paths.
    private func target(for classifier: Classifier, _ source: WeightsOptions.Source) throws
        -> AdaptationTarget
    {
        let (sources, files) = try data.parted("data")
        return sources.isEmpty
            ? try unlabelled(files, for: classifier) : try labelled(sources, for: classifier, source)
    }

    private func labelled(
        _ sources: [DataSource], for classifier: Classifier, _ source: WeightsOptions.Source
    ) throws -> AdaptationTarget {
        try NeedlessOption.warnings(NeedlessOption.aboutPictures(values, sources: sources))
        var options = pictures.options(seed: seed)
        // What nothing parts is all taken, and parted here.
        options.runLists = []
        let progress = DataProgress()
        let listed = Flagged()
        func load(_ part: Dataset.Part) throws -> Dataset {
            try DataSource.load(
                sources, part, classNames: classifier.classNames,
                labelOffset: source.run?.trained.record.data.labelOffset ?? 0,
                framing: classifier.preparation.framing, pictures: options
            ) { event in
                if case .listed = event { listed.set() }
                if part == .test { progress.observe(event) }
            }
        }
        let test = try load(.test).framed(as: classifier.preparation)
        var (own, rest): (Dataset, Dataset?)
        do {
            (own, rest) = (try load(.training).framed(as: classifier.preparation), test)
        } catch ImagesError.noPart {
            let count = Int((Double(test.count) * heldOut).rounded())
            let (kept, out) = try test.split(validation: count, seed: seed)
            (own, rest) = (kept, count > 0 ? out : nil)
        }
        own = own.subset(chosen(own.count))
        let scaling = classifier.preparation.scaling
        return AdaptationTarget(
            name: test.name,
            pictures: ImageBatches(own, scaling: scaling, batchSize: 32, workers: reading.workers),
            test: rest.map { ImageBatches($0, scaling: scaling, batchSize: 32, workers: reading.workers) },
            labelled: rest, isOrdered: !listed.isSet)
    }

    private func unlabelled(_ paths: [String], for classifier: Classifier) throws -> AdaptationTarget {
        let most = images.multipliedReportingOverflow(by: 2)
        let files = UnlabelledPictures(
            paths: paths, option: "data", seed: seed, skipsBroken: pictures.skipBroken,
            workers: reading.workers)
        let pixels = try files.pixels(
            classifier.preparation.framing, atMost: most.overflow ? .max : most.partialValue)
        let all = 0..<pixels.shape[0]
        let count = Int((Double(all.count) * heldOut).rounded())
        var random = Random(seed: seed, stream: "held out")
        let isOut = Set(random.permutation(all.count).prefix(min(count, all.count - 1)))
        let (own, rest) = (all.filter { !isOut.contains($0) }, all.filter(isOut.contains))
        let scaling = classifier.preparation.scaling
        func batches(_ rows: [Int]) -> ImageBatches {
            ImageBatches(files.name) {
                var start = 0
                return {
                    guard start < rows.count else { return nil }
                    defer { start += 32 }
                    let own = rows[start..<min(start + 32, rows.count)]
                    return scaling(NDArray(joining: own.map { pixels.rows($0..<$0 + 1) }))
                }
            }
        }
        return AdaptationTarget(
            name: files.name, pictures: batches(Array(own.prefix(images))),
            test: rest.isEmpty ? nil : batches(rest), isOrdered: true)
    }

    /// As many of so many as are wanted, by the seed, in their order.
    private func chosen(_ count: Int) -> [Int] {
        guard count > images else { return Array(0..<count) }
        var random = Random(seed: seed, stream: "chosen")
        return random.permutation(count).prefix(images).sorted()
    }
}

/// Something that happened, told by another thread.
private final class Flagged: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}
