import ArgumentParser
import Foundation
import Renorm

/// `renorm report`.
struct ReportCommand: AsyncParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Show runs as one page of HTML, or to TensorBoard.",
        discussion: """
            The page needs nothing else: training curves (several runs over one another), how training and inference differ layer by \
            layer over the steps (of runs with --watch), what 'renorm doctor' found, r and d by layer, the confusion matrix, the most \
            confidently wrong pictures, and the configuration. It can be printed.

            Networks are measured on the test images of their runs, or on --data; --curves-only leaves that out.

            Examples:
              renorm report runs/a
              renorm report runs/a runs/b runs/c --output compared.html
              renorm report runs/a --tensorboard tb && tensorboard --logdir tb
            """)

    @Argument(help: ArgumentHelp("The folders of runs.", valueName: "run"))
    var runs: [String]

    @Option(
        Row(
            "Where the page is written. (default: RUN/report.html; of several runs report.html)",
            isInFiles: false,
            valueName: "file"))
    var output: FilePath?

    @Option(
        Row(
            "Write event files for TensorBoard into this folder, one folder a run, in place of a page.",
            isInFiles: false, valueName: "dir"))
    var tensorboard: FilePath?

    @Flag(Row("Leave out what needs pictures: confusion matrix and wrong pictures."))
    var curvesOnly = false

    @Option(Row("How many of the most confidently wrong pictures are shown.", .within(0...500)))
    var wrong = 24

    @OptionGroup var images: DataOptions

    @Option(Row<Int>.labelOffset)
    var labelOffset: Int?

    @OptionGroup var reading: LoadingOptions
    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions

    func validate() throws {
        try checkBounds()
        guard !runs.isEmpty else {
            throw ValidationError("found no run; expected at least one folder of a run. Name one.")
        }
        if output != nil, tensorboard != nil {
            throw ValidationError(
                "--output: found it beside --tensorboard; expected one of them. Leave one out.")
        }
    }

    func run() async throws {
        try NeedlessOption.warnings(needless)
        let engine = curvesOnly ? nil : try computing.make()
        var reported: [ReportedRun] = []
        for (path, name) in zip(runs, ReportCommand.names(of: runs)) {
            reported.append(try await self.reported(path, name, engine))
        }
        for remark in reported.flatMap({ run in run.remarks.map { "\(run.name): \($0)" } }) {
            warn("note: \(remark.visible)")
        }
        if let tensorboard {
            for run in reported { try TensorBoardFolder.write(run, in: tensorboard.url) }
            try say(
                "TensorBoard's files are in \(tensorboard.description.visible): tensorboard --logdir \(tensorboard.description.shellQuoted)"
            )
            return
        }
        let file =
            output?.url
            ?? (runs.count == 1
                ? RunFolder(URL(fileURLWithPath: runs[0])).url.appendingPathComponent("report.html")
                : URL(fileURLWithPath: "report.html"))
        try AtomicFile.write(RunReport(reported).html, to: file)
        try say("The report is in \(file.relativePath.visible).")
    }

    /// What has no effect beside other options.
    private var needless: [NeedlessOption] {
        guard curvesOnly, !images.data.isEmpty else { return computing.needless }
        return computing.needless + [
            NeedlessOption(
                "--data", "'\(images.data[0])' with --curves-only", expected: "images that are measured on",
                "Leave one of them out")
        ]
    }

    /// The shortest ends of paths that tell runs apart.
    static func names(of paths: [String]) -> [String] {
        let parts = paths.map { URL(fileURLWithPath: $0).standardizedFileURL.pathComponents }
        let longest = parts.map(\.count).max() ?? 1
        for length in 1...max(longest, 1) {
            let names = parts.map { $0.suffix(length).joined(separator: "/") }
            if Set(names).count == names.count { return names }
        }
        return paths.enumerated().map { "\($0 + 1): \($1)" }
    }

    /// What there is to say of a run.
    private func reported(_ path: String, _ name: String, _ engine: (any Engine)?) async throws -> ReportedRun
    {
        let saved = try SavedRun(path)
        let trained = try TrainedModel(reading: saved.model)
        var run = try ReportedRun(name: name, folder: saved.folder, record: trained.record)
        guard let engine else { return run }
        do {
            try await measure(&run, saved, trained, on: engine)
        } catch let error where images.data.isEmpty && !(error is CancellationError) {
            // The data of an old run may be gone; the rest is worth showing.
            run.remarks.append("The network was not measured: \(error)")
        }
        return run
    }

    /// Measures the network of a run on its test images, or those that are named.
    private func measure(
        _ run: inout ReportedRun, _ saved: SavedRun, _ trained: TrainedModel, on engine: any Engine
    ) async throws {
        let sources = try images.data.isEmpty ? saved.dataSources(trained) : images.data
        let test = try loading(sources, isGiven: !images.data.isEmpty) {
            try DataSource.load(
                $0, .test, classNames: trained.classNames,
                labelOffset: labelOffset ?? trained.record.data.labelOffset ?? 0, framing: trained.framing,
                pictures: try saved.pictureOptions(images, trained), observe: DataProgress().observe)
        }
        let framed = try test.framed(as: trained.preparation)
        let pictures = WrongPictures(atMost: wrong)
        run.measured = try await Evaluator(engine, workers: reading.workers)
            .measure(trained, on: framed, each: { pictures.add($0) })
        run.measuredOn = test.name
        run.wrong = try pictures.read(from: framed)
    }
}
