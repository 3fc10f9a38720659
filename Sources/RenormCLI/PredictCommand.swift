import ArgumentParser
import Foundation
import Renorm

/// `renorm predict`.
struct PredictCommand: AsyncParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Say which class a trained network sees in pictures.",
        usage:
            "renorm predict <run> <path> ... | renorm predict --model <model> --weights <file> <path> ...  [options]",
        discussion: """
            Pictures are prepared as in validation, to the bit: the preparation (size, crop, channels, scaling) is saved with the network. \
            PNG, JPEG, WebP, GIF and BMP are told apart by their content; so are IDX files of images (.gz or not). Of a folder all pictures \
            in it and in its folders are taken, in the order of their paths. A picture that cannot be read is named on standard error, and \
            the others follow; the exit code is then 1.

            Examples:
              renorm predict runs/a holiday.jpg
              renorm predict runs/a photos/ --top 1 --output predictions.csv
              find . -name '*.jpg' | renorm predict runs/a - --log json
              renorm predict --model mobilenetv2 --weights mobilenet_v2-b0353104.pth photos/ --top 5
            """)

    @Argument(
        help: ArgumentHelp(
            "The folder of a run or one of its .safetensors files, unless --weights names a network; then pictures, folders of them, "
                + "IDX files of images, or - for a list on standard input, a path a line.",
            valueName: "path"))
    var paths: [String]

    @OptionGroup var network: WeightsOptions
    @OptionGroup var domain: DomainOptions

    @Option(Row("How many classes to name for each picture.", .atLeast(1)))
    var top = 3

    @Option(
        Row(
            "What is printed: human, json (one object a line) or csv. (default: human; csv with --output)",
            isInFiles: false))
    var log: PredictionFormat?

    @Option(
        Row(
            "A file for the results, in place of standard output: CSV, or JSON lines if it ends in .json or .jsonl.",
            isInFiles: false, valueName: "file"))
    var output: FilePath?

    @OptionGroup var loading: LoadingOptions
    @OptionGroup var arithmetic: PrecisionOptions
    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions

    func run() async throws {
        for text in try NeedlessOption.warnings(computing.needless) { warn("warning: \(text)") }
        let isRun = !network.isGiven
        guard paths.count > (isRun ? 1 : 0) else {
            throw UsageError("found no pictures; expected at least one path after the network. Name some.")
        }
        let source = try domain.choosing(network.network(of: isRun ? paths[0] : nil))
        let (classifier, engine) = (source.classifier, try computing.make())
        let predictor = try Predictor(
            classifier, engine: engine, batchSize: PredictCommand.batchSize,
            precision: arithmetic.value(for: source.run?.trained, on: engine))
        // What is named and is not there is said before anything is computed.
        let files = try PredictionFiles(Array(paths.dropFirst(isRun ? 1 : 0)))
        let destination = try PredictionDestination(output, format: log)
        let printer = try PredictionPrinter(
            destination.format, to: destination.output, top: min(top, classifier.classNames.count))
        var pass = PredictionPass(
            predictor: predictor, classNames: classifier.classNames, printer: printer,
            progress: destination.hasProgress ? ProgressBar(descriptor: STDERR_FILENO) : nil,
            total: files.count)
        let reader = ImageFileReader(
            framing: classifier.preparation.framing,
            workers: loading.workers ?? max(1, ProcessInfo.processInfo.activeProcessorCount - 1),
            ahead: 2 * PredictCommand.batchSize, paths: files.next)
        while let (path, file) = try reader.next() { try pass.add(path, file) }
        try pass.finish()
        if pass.failures > 0 {
            warn("\(pass.failures) of \(pass.files) files could not be read; they are named above.")
            throw ExitCode(1)
        }
    }

    /// Images are predicted so many at a time, however fast they come, so that the results are the same each time.
    private static let batchSize = 32
}

/// Predicts images in batches and prints them in the order of their files.
private struct PredictionPass {
    let predictor: Predictor
    let classNames: [String]
    let printer: PredictionPrinter
    var progress: ProgressBar?
    /// The number of files, if it is known.
    let total: Int?
    private(set) var files = 0
    private(set) var failures = 0
    private var images = 0
    /// What waits for its batch to fill: files with their images, or why there are none.
    private var waiting: [(path: String, file: Result<ImageFile, any Error>)] = []
    private var waitingImages = 0

    init(
        predictor: Predictor, classNames: [String], printer: PredictionPrinter, progress: ProgressBar?,
        total: Int?
    ) {
        self.predictor = predictor
        self.classNames = classNames
        self.printer = printer
        self.progress = progress
        self.total = total
    }

    mutating func add(_ path: String, _ file: Result<ImageFile, any Error>) throws {
        waiting.append((path, file))
        waitingImages += (try? file.get().images.shape[0]) ?? 0
        if waitingImages >= predictor.batchSize { try flush() }
    }

    mutating func finish() throws {
        try flush()
        progress?.finish()
    }

    private mutating func flush() throws {
        let found = waiting.compactMap { try? $0.file.get().images }
        var rows = try found.isEmpty ? [] : predictor.logits(of: NDArray(joining: found))[...]
        for (path, file) in waiting {
            files += 1
            switch file {
            case .success(let file):
                let count = file.images.shape[0]
                for index in 0..<count {
                    let ranked = Predictor.ranked(rows.removeFirst(), classNames: classNames)
                    try printer.print(Array(ranked.prefix(printer.top)), file: path, index: index, of: count)
                }
                images += count
            case .failure(let error):
                failures += 1
                // Above the bar, if there is one.
                if progress == nil { warn("\(error)") } else { progress?.print("\(error)") }
                try printer.print(failure: "\(error)", file: path)
            }
        }
        if let total {
            progress?.update(
                completed: files, total: total, unit: "files",
                detail: failures > 0 ? "\(failures) broken" : "")
        }
        (waiting, waitingImages) = ([], 0)
    }
}
