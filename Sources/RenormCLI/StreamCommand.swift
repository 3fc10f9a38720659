import ArgumentParser
import Foundation
import Renorm

/// `renorm stream`.
struct StreamCommand: AsyncParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "stream",
        abstract: "Predict pictures that come one after another, and adapt the network to them on the way.",
        discussion: """
            Pictures come in their order, in batches of any size; what a batch says of the camera or the weather counts for it at once. \
            No labels are needed; where --data has some, what was right is said. The method that is the default needs to know how pictures \
            of training scatter in the network: --measure finds that out, once, and writes it beside the network.

            Examples:
              renorm stream runs/a --measure
              renorm stream runs/a --pictures new/ --batch-size 8 --output predictions.csv
              renorm stream runs/a --data fashion-mnist --corruption fog:5 --method adabn
              renorm stream runs/a --pictures day1/ --state camera.safetensors     # and the next day again, with day2/
            """)

    @Argument(help: "The folder of a run, or one of its .safetensors files; or say --weights.")
    var run: String?

    @OptionGroup var network: WeightsOptions

    @Flag(
        Row(
            "Measure how training pictures scatter in the network, and write it to --source-statistics, in place of predicting.",
            isInFiles: false))
    var measure = false

    @Option(
        Row(
            "The file of what --measure finds. (default: source-statistics.safetensors beside the network)",
            valueName: "file"))
    var sourceStatistics: FilePath?

    @Option(
        Row(
            "With --measure: how many training pictures are looked at, at most.", .within(20...1_000_000),
            valueName: "n"))
    var sourceImages = 4000

    @Option(
        Row(
            "With --measure: how many directions are kept of each layer at most, for networks with wide layers. (default: all)",
            .atLeast(1), valueName: "n"))
    var rank: Int?

    @OptionGroup var images: DataOptions

    @Option(
        Row(
            "In place of --data: pictures without classes, folders of them, or IDX files of images. Repeated: several paths.",
            isInFiles: false, valueName: "path"))
    var pictures: [FilePath] = []

    @Option(
        Row(
            "With --data: change the pictures: \(AppliedCorruption.expected). (default: as they are)",
            discussion:
                "The corruptions: \(Corruptions.table.names.joined(separator: ", ")); severities 1 to 5."))
    var corruption: AppliedCorruption?

    @Option(
        Row(
            "The method: \(StreamMethodChoice.expected).",
            discussion: "With its constants in quotes, such as \"ema rate=0.01\"."))
    var method = StreamMethodChoice.standard

    @Option(Row("Pictures at a time.", .atLeast(1)))
    var batchSize = 8

    @Option(
        Row(
            "A file of what the stream has left: read if it is there, and written at the end.",
            isInFiles: false,
            valueName: "file"))
    var state: FilePath?

    @Option(
        Row(
            "Write a CSV file with a line for each picture: path (or number), class where it is known, prediction, probabilities.",
            isInFiles: false, valueName: "file"))
    var output: FilePath?

    @OptionGroup var reading: LoadingOptions
    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions

    func run() async throws {
        try NeedlessOption.warnings(needless)
        let source = try network.network(of: run)
        let engine = try computing.make()
        if measure {
            try measureSource(source, engine)
        } else {
            try predict(source, engine)
        }
    }

    /// What has no effect beside other options.
    private var needless: [NeedlessOption] {
        func beside(_ name: String, _ found: String, _ isThere: Bool, _ expected: String, _ advice: String)
            -> NeedlessOption?
        {
            isThere ? NeedlessOption("--\(name)", found, expected: expected, advice) : nil
        }
        let free = "Leave it out"
        return computing.needless
            + [
                beside("rank", "it without --measure", rank != nil && !measure, "--measure with it", free),
                beside(
                    "output", "it with --measure, which predicts nothing", output != nil && measure,
                    "one of them", free),
                beside(
                    "state", "it with --measure, which adapts nothing", state != nil && measure,
                    "one of them", free),
                beside(
                    "pictures", "it with --measure, which takes training data", !pictures.isEmpty && measure,
                    "--data with it", free),
                beside(
                    "corruption", "it without --data", corruption != nil && (measure || !pictures.isEmpty),
                    "--data with it", free),
            ].compactMap(\.self)
    }

    /// The file with statistics of the source.
    private func statisticsFile() throws -> URL {
        if let sourceStatistics { return sourceStatistics.url }
        guard let run else {
            throw UsageError(
                "--source-statistics: found no run beside which they could be; expected a file. Name one.")
        }
        let folder = try SavedRun(run).model.deletingLastPathComponent()
        return folder.appendingPathComponent("source-statistics.safetensors")
    }

    private func data(_ source: WeightsOptions.Source, _ part: Dataset.Part) throws -> Dataset {
        let options =
            try source.run.map { try $0.saved.pictureOptions(images, $0.trained) }
            ?? images.pictures.options(seed: 0)
        let sources = try images.data.isEmpty ? source.ownData() : images.data
        return try loading(sources, isGiven: !images.data.isEmpty) {
            try DataSource.load(
                $0, part, classNames: source.classifier.classNames,
                labelOffset: source.run?.trained.record.data.labelOffset ?? 0,
                framing: source.classifier.preparation.framing, pictures: options,
                observe: DataProgress().observe
            ).framed(as: source.classifier.preparation)
        }
    }

    private func measureSource(_ source: WeightsOptions.Source, _ engine: any Engine) throws {
        let (model, scaling) = (source.classifier.model, source.classifier.preparation.scaling)
        let training = try data(source, .training)
        var random = Random(seed: 0, stream: "source-statistics")
        let order = random.permutation(training.count)
        // A fifth chooses how far labels that persist may be taken for a shift.
        let count = min(sourceImages, max(training.count * 4 / 5, 2))
        let measured = training.subset(Array(order.prefix(count)))
        var statistics = try SourceStatistics.measure(
            model, on: ImageBatches(measured, scaling: scaling, workers: reading.workers),
            labels: measured.labels,
            rank: rank, engine: engine)
        let some = measured.subset(Array(0..<min(200, count)))
        statistics = try statistics.measuringSensitivity(
            of: model, images: scaling(some.readImages()),
            corrupted: scaling(some.corrupted(by: .gaussianBlur, severity: 1, seed: 0).readImages()),
            labels: some.labels, engine: engine)
        let others = training.subset(Array(order.dropFirst(count).prefix(count)))
        if others.count >= 50 {
            let (calibrated, harms) = try statistics.calibrated(
                model, on: scaling(others.readImages()), labels: others.labels, engine: engine)
            statistics = calibrated
            for harm in harms {
                try say(
                    "Counted as at most \(Int(harm.limit)) independent pictures, a stream of training pictures class by class costs "
                        + "\(harm.images) of \(others.count).")
            }
        } else {
            warn("note: too few pictures to choose the limit by; it is \(Int(statistics.limit)).")
        }
        let url = try statisticsFile()
        try statistics.arrays.write(safetensors: url)
        try say("Wrote \(url.path.visible): \(statistics.layers.count) layers, \(count.grouped) pictures.")
    }

    private func predict(_ source: WeightsOptions.Source, _ engine: any Engine) throws {
        let classifier = source.classifier
        let statistics: SourceStatistics?
        if method.needsSource {
            let url = try statisticsFile()
            guard FileManager.default.fileExists(atPath: url.path) else {
                throw UsageError(
                    "--method: found no statistics of training pictures at '\(url.path.visible)', which '\(method)' needs; expected "
                        + "those of this network. Make them: renorm stream \(run?.shellQuoted ?? "…") --measure, or choose another method."
                )
            }
            statistics = try SourceStatistics(NamedArrays(reading: url))
        } else {
            statistics = nil
        }
        let adapter = try StreamAdapter(
            classifier.model, source: statistics, method: method.method, engine: engine)
        if let state, FileManager.default.fileExists(atPath: state.url.path) {
            try adapter.restore(NamedArrays(reading: state.url))
        }
        // What is said without adapting: whether it was worth it is then seen.
        let deployed =
            method.method is SourceAverages
            ? nil : try StreamAdapter(classifier.model, method: SourceAverages(), engine: engine)
        func add(_ names: [String], _ images: NDArray, labels: [Int]? = nil) throws {
            let probabilities = try adapter.predict(images)
            result.add(
                names: names, probabilities: probabilities,
                deployed: try deployed?.predict(images) ?? probabilities, labels: labels)
        }
        var result = StreamResult(classNames: classifier.classNames, hasLabels: pictures.isEmpty)
        let scaling = classifier.preparation.scaling
        if pictures.isEmpty {
            let clean = try data(source, .test)
            let test = corruption.map { clean.corrupted(by: $0, seed: 0) } ?? clean
            let batches = stride(from: 0, to: test.count, by: batchSize).map {
                Array($0..<min($0 + batchSize, test.count))
            }
            let loader = BatchLoader(
                dataset: test, scaling: scaling, batches: batches,
                workers: reading.workers ?? BatchLoader.workers(for: test.imageSource))
            while let batch = try loader.next() {
                let names = batch.indices.map { place in
                    let image = test.index.image(of: place)
                    return test.imageSource.name(of: image) ?? "\(image)"
                }
                try add(names, batch.images, labels: batch.indices.map { Int(test.labels[$0]) })
            }
        } else {
            let files = try PredictionFiles(pictures.map(\.description))
            let reader = ImageFileReader(
                framing: classifier.preparation.framing,
                workers: reading.workers ?? max(1, ProcessInfo.processInfo.activeProcessorCount - 1),
                ahead: 2 * batchSize, paths: files.next)
            var waiting: [(name: String, image: NDArray)] = []
            func flush() throws {
                guard !waiting.isEmpty else { return }
                try add(waiting.map(\.name), scaling(NDArray(joining: waiting.map(\.image))))
                waiting = []
            }
            while let (path, file) = try reader.next() {
                switch file {
                case .success(let file):
                    for image in 0..<file.images.shape[0] {
                        waiting.append(
                            (
                                file.images.shape[0] == 1 ? path : "\(path)[\(image)]",
                                file.images.rows(image..<image + 1)
                            ))
                        if waiting.count == batchSize { try flush() }
                    }
                case .failure(let error):
                    warn("\(error)")
                    result.failures += 1
                }
            }
            try flush()
        }
        if let output { try AtomicFile.write(Array(result.lines.utf8), to: output.url) }
        if let state { try adapter.state.write(safetensors: state.url) }
        try say(result.summary(method.description))
        if result.failures > 0 {
            warn("\(result.failures) files could not be read; they are named above.")
            throw ExitCode(1)
        }
    }
}

/// What was predicted of a stream.
private struct StreamResult {
    let classNames: [String]
    let hasLabels: Bool
    var lines: String
    var failures = 0
    private var images = 0
    private var right = 0
    private var rightAsDeployed = 0
    private var changed = 0

    init(classNames: [String], hasLabels: Bool) {
        self.classNames = classNames
        self.hasLabels = hasLabels
        lines = csvLine(["path"] + (hasLabels ? ["label"] : []) + ["prediction"] + classNames)
    }

    /// - Parameter deployed: The probabilities without adapting.
    mutating func add(
        names: [String], probabilities: [[Double]], deployed: [[Double]], labels: [Int]?
    ) {
        func answer(_ row: [Double]) -> Int { row.indices.max { row[$0] < row[$1] } ?? 0 }
        for (place, row) in probabilities.enumerated() {
            let (answer, before) = (answer(row), answer(deployed[place]))
            images += 1
            if labels?[place] == answer { right += 1 }
            if labels?[place] == before { rightAsDeployed += 1 }
            if answer != before { changed += 1 }
            lines += csvLine(
                [names[place]] + (labels.map { [classNames[$0[place]]] } ?? []) + [classNames[answer]]
                    + row.map { "\($0)" })
        }
    }

    func summary(_ method: String) -> String {
        func share(_ count: Int) -> String { (Double(count) / Double(max(images, 1))).percent }
        return hasLabels
            ? "\(share(right)) of \(images.grouped) pictures right (\(method)), \(share(rightAsDeployed)) without adapting"
            : "\(images.grouped) pictures (\(method)); \(share(changed)) of the answers are others than without adapting"
    }
}

/// A method of adaptation by its text form.
struct StreamMethodChoice: TextForm, CustomStringConvertible {
    let method: any StreamMethod

    static let standard = StreamMethodChoice(method: BayesianShift())
    static var expected: String { StreamMethods.table.forms.joined(separator: ", ") }

    private init(method: any StreamMethod) { self.method = method }

    init(parsing text: String) throws { method = try StreamMethods.method(parsing: text) }

    var description: String { method.description }

    /// Whether it needs statistics of training pictures.
    var needsSource: Bool { type(of: method).needsSource }
}
