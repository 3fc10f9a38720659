import ArgumentParser
import Foundation
import Renorm

/// `renorm compare`.
struct CompareCommand: AsyncParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract:
            "Train one network with several normalizations, in several settings, and show who does how well.",
        discussion: """
            Every combination of --norm, --setting and seed is a run of --steps steps, with everything else equal: initial \
            values, batches, learning rate. Results are in --run: runs.jsonl (a line for each run, as it ends), \
            results.csv, results.json, report.html and its plots as SVG. The same command again goes on where it stopped; more seeds or \
            normalizations add their runs.

            A normalization is a kind with options, a setting an order of examples with options, each with a name of \
            your own before it if you like:
              --norm batch --norm "BRN by hand: batch-renorm limits=ramp:0.3:0.8:3:5 rate=0.05" --norm group:8
              --setting shuffled --setting "groups of 4: shuffled examples=4"
            Options of normalizations: limits=\(LimitsText.expected); rate=RATE or RATE/group; \
            examples=half, all or NUMBER; learning-rate=RATE; projection=group, step or the step's part; and of automatic \
            limits gain, floor, adaptation, margin, memory, r-max, d-max, widening, spread. Options of settings: examples=NUMBER (normalized \
            together), batch=NUMBER. Orders: \(Sampling.expected).

            Examples:
              renorm compare --run runs/paper --paper --seeds 3
              renorm compare --run runs/mine --model resnet18 --norm batch --norm batch-renorm --setting "sorted-batches examples=8"
            """)

    @Option(Row("The folder of the results.", isInFiles: false, valueName: "dir"))
    var run: String

    @Flag(
        Row(
            """
            The paper's experiments on this data: independent groups of 32 and of 4, groups of two labels × 8 and of one \
            label × 8, with BN, BN over half groups, GN, LN, IN and BRN.
            """, resuming: .free))
    var paper = false

    @Option(
        Row(
            "A normalization to compare, with options. (default: batch and batch-renorm)", resuming: .free,
            valueName: "norm"))
    var norm: [String] = []

    @Option(
        Row(
            "A setting to compare in, with options. (default: shuffled)", resuming: .free,
            valueName: "setting"))
    var setting: [String] = []

    @OptionGroup var images: DataOptions
    @OptionGroup var labels: LabelOptions
    @OptionGroup var preparation: PreparationArguments

    @Option(Row<NetworkName>.model)
    var model = NetworkName.halfSmall

    @Option(Row("How many seeds each combination is run with.", .within(1...10_000), resuming: .free))
    var seeds = 3

    @Option(Row("The first seed.", resuming: .free))
    var firstSeed: UInt64 = 0

    @Option(Row("Steps of every run.", .of(\.steps), resuming: .configures(["steps"])))
    var steps = 1500

    @Option(
        Row("Examples a batch, where a setting says nothing else.", .of(\.batchSize), resuming: .free))
    var batchSize = 32

    @Option(
        Row(
            "The learning rate at the start of a cosine.", .above(0), resuming: .configures(["learning rate"])
        ))
    var learningRate = 0.1

    @Option(
        Row(
            "Training images that no run is trained on: the curves are measured on some of them.",
            .atLeast(1),
            resuming: .configures(["training examples", "training images", "measured on", "measured images"]),
            discussion: "(default: 10000, or a sixth of fewer than 60,000)"))
    var heldOut: Int?

    @Option(
        Row(
            "What runs are measured on at the end: test, or held-out (to choose by).",
            resuming: .configures(["measured on", "measured images"])))
    var measure = Measure.test

    @Option(Row("Points of the curve along each run.", .atLeast(1), resuming: .free))
    var curvePoints = 10

    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions

    enum Measure: String, TextForm, CaseIterable {
        case test
        case heldOut = "held-out"
    }

    static let paperContenders = [
        "BN: batch", "BN, half groups: batch examples=half", "GN: group:8", "LN: layer", "IN: instance",
        "BRN: batch-renorm",
    ]
    static let paperSettings = [
        "32, independent: shuffled", "groups of 4: shuffled examples=4",
        "two labels × 8: label-blocks:2x8 examples=16",
        "one label × 8: label-blocks:1x8 examples=8",
    ]

    func validate() throws {
        try checkBounds()
        guard !firstSeed.addingReportingOverflow(UInt64(seeds)).overflow else {
            throw ValidationError(
                "--first-seed: found \(firstSeed) with \(seeds) seeds; expected that the last one is less than 2^64. Change it."
            )
        }
        guard !paper || batchSize == 32 else {
            throw ValidationError(
                "--batch-size: found \(batchSize) with --paper; expected 32, which its settings are made of. Leave it out."
            )
        }
    }

    func run() async throws {
        let sources = images.sources
        let contenders = try ((paper ? Self.paperContenders : []) + norm)
            .map { try Experiment.Contender(parsing: $0) }
        let settings = try ((paper ? Self.paperSettings : []) + setting)
            .map { try Experiment.Setting(parsing: $0, batchSize: batchSize) }
        var experiment = Experiment(
            model: model.description,
            contenders: contenders.isEmpty
                ? [
                    try Experiment.Contender(parsing: "batch"),
                    try Experiment.Contender(parsing: "batch-renorm"),
                ] : contenders,
            settings: settings.isEmpty
                ? [try Experiment.Setting(parsing: "shuffled", batchSize: batchSize)] : settings,
            seeds: (0..<UInt64(seeds)).map { firstSeed + $0 }, steps: steps)
        experiment.description = model.described
        experiment.learningRate = learningRate
        experiment.curvePoints = curvePoints
        try refuseRepeated(experiment)
        try NeedlessOption.warnings(NeedlessOption.aboutPictures(values, sources: sources))
        var warnings = try NeedlessOption.warnings(needless)
        let loaded = try DataSource.load(
            sources, numbering: labels.numbering, pictures: images.pictures.options(preparation, seed: 0),
            observe: DataProgress().observe)
        let data = try Experiment.Data(
            training: loaded.training, heldOut: heldOut ?? min(10000, loaded.training.count / 6),
            test: measure == .test ? loaded.test ?? loaded.validation : nil)
        try experiment.check(data)
        warnings += data.warnings
        for setting in experiment.settings {
            warnings += try NeedlessOption.order(
                setting.sampling, "--setting", sources: loaded.training.sources.count,
                hasGroups: experiment.hasGroups(in: setting, data)
            ).map(\.message)
        }
        for text in warnings { warn("warning: \(text)") }
        let engine = try computing.make()
        let url = URL(fileURLWithPath: run)
        let lock = try ExperimentFolder.take(url)
        let folder = try ExperimentFolder(url, ExperimentFolder.Common(experiment, data))
        try await make(experiment, data, engine, folder)
        withExtendedLifetime(lock) {}
    }

    /// What has no effect beside other options.
    private var needless: [NeedlessOption] {
        var result = computing.needless
        if !setting.isEmpty, !paper, setting.allSatisfy({ $0.contains(" batch=") }) {
            result.append(
                NeedlessOption(
                    "--batch-size", "\(batchSize) where every setting has a batch of its own",
                    expected: "a setting without batch=", "Leave it out"))
        }
        return result
    }

    private func refuseRepeated(_ experiment: Experiment) throws {
        for (option, names) in [
            ("--norm", experiment.contenders.map(\.name)), ("--norm", experiment.contenders.map(\.text)),
            ("--setting", experiment.settings.map(\.name)), ("--setting", experiment.settings.map(\.text)),
        ] {
            var seen: Set<String> = []
            if let twice = names.first(where: { !seen.insert($0).inserted }) {
                throw UsageError(
                    "\(option): found '\(twice)' twice; expected names and options that differ. Leave one out, or change it."
                )
            }
        }
    }

    /// Makes the runs that are missing, and shows the table after each.
    private func make(
        _ experiment: Experiment, _ data: Experiment.Data, _ engine: any Engine, _ found: ExperimentFolder
    ) async throws {
        let (printer, command) = (ExperimentPrinter(experiment), SuggestedCommands.typed)
        let work = Task {
            var folder = found
            folder.rename(as: experiment)
            let missing = experiment.cells.filter { !folder.contains($0) }
            printer.start(missing: missing.count)
            defer { printer.close() }
            do {
                for (index, cell) in missing.enumerated() {
                    let result = try await experiment.run(cell, data, on: engine) { step in
                        printer.progress(cell, run: index, of: missing.count, step: step)
                    }
                    try folder.add(result)
                    printer.finished(result, folder.results)
                }
            } catch {
                // Whatever it was, what has been measured is shown.
                guard error is CancellationError else {
                    try? folder.finish(experiment, command: command)
                    throw error
                }
                try folder.finish(experiment, command: command)
                return false
            }
            try folder.finish(experiment, command: command)
            printer.conclude(folder)
            return true
        }
        let signals = Signals { work.cancel() }
        defer { signals.restore() }
        printer.onFailure { work.cancel() }
        let isComplete = try await work.value
        let advice =
            isComplete
            ? "All runs are made; plots and tables: \(found.report.path.visible)"
            : "Stopped. The same command goes on with the runs that are missing."
        if !isComplete { printer.say(advice) }
        if let failure = printer.failure { throw signals.ending(failure, advice: advice) }
        if !isComplete { throw ExitCode(signals.exitCode) }
    }
}

extension ExperimentFolder {
    /// Writes what people read.
    fileprivate func finish(_ experiment: Experiment, command: String) throws {
        try writeTables()
        let table = ExperimentTable(
            results, contenders: experiment.contenders, settings: experiment.settings,
            seeds: experiment.seeds)
        let page = ExperimentPage(table, common: common, command: command)
        try AtomicFile.write(page.html, to: report)
        for (name, drawing) in page.drawings {
            try AtomicFile.write(drawing, to: url.appendingPathComponent(name))
        }
    }
}
