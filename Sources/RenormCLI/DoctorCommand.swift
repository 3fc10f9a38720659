import ArgumentParser
import Foundation
import Renorm

extension Finding.Severity: TextForm {}
extension Recalibrator.Estimator: TextForm {}

/// From which severity on findings fail.
enum FailingSeverity: String, TextForm, CaseIterable {
    case low, medium, high, never

    /// Whether a diagnosis fails.
    func fails(_ diagnosis: Diagnosis) -> Bool {
        guard let least = Finding.Severity(rawValue: rawValue), let found = diagnosis.severity else {
            return false
        }
        return found >= least
    }
}

/// `renorm doctor`.
struct DoctorCommand: AsyncParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Find where a network's inference parts from its training, why, and what helps.",
        discussion: """
            The network's two modes are compared: statistics are measured on training pictures and scored on others, and averages, \
            preparations and trainings that are proposed were tried. What is found has one of a list of causes (see the documentation, The doctor), a layer where it is one's, \
            what it costs, and what was measured with the remedy.

            Pictures need no labels: a folder of any, a picture or an IDX file of images will do for --data and --target. Then it is said \
            how many answers are others, and how sure the network is of them, not which are better.

            Exit code: 0 where nothing was found (at or above --fail-on), 1 where something was, 2 where it could not be looked for.

            Examples:
              renorm doctor runs/a
              renorm doctor runs/a --target images:new-camera
              renorm doctor runs/a --target new-photos/
              renorm doctor runs/a --prepared-as "resize=squash mean=0.5 deviation=0.5"
              renorm doctor --model mobilenetv2 --weights mobilenet_v2-b0353104.pth --data images:photos --class-names imagenet
            """)

    /// That it could not be looked for: 1 says that something was found.
    static let errorCode: Int32? = 2

    @OptionGroup var trained: TrainedNetworkOptions

    @Option(
        Row(
            "Pictures that the network is to be used on, where they may be others than those trained on, named as --data is. Repeated: several.",
            valueName: "data"))
    var target: [NamedPictures] = []

    @Option(
        Row(
            "How pictures are prepared in use, if that may be another way than in training: \(PreparationText.expected).",
            valueName: "options",
            discussion:
                "The pictures that are scored pass in both ways. What it does not name is as in training."))
    var preparedAs: PreparationText?

    @Option(
        Row(
            "The most training pictures to measure on, and the most held-out ones to score on.", .atLeast(2),
            valueName: "n"))
    var examples = 2000

    @Option(
        Row(
            "How training drew batches: \(Sampling.expected). (default: as the run says, else shuffled)"))
    var sampling: Sampling?

    @Option(
        Row("The examples of a batch in training. (default: as the run says, else 32)", .atLeast(1)))
    var batchSize: Int?

    @Option(
        Row(
            "The weights that training started from, where parts of the network were frozen.",
            valueName: "file"))
    var origin: FilePath?

    @Option(
        Row(
            "From which severity on findings end with exit code 1: low, medium, high, or never."))
    var failOn = FailingSeverity.low

    @Flag(
        Row(
            "Where no averages help, train for up to 200 steps with batch renormalization, to see what that gives. Nothing is written."
        ))
    var tryTraining = true

    func run() async throws {
        let diagnosis = try await diagnose()
        try keep(diagnosis)
        switch trained.printed.log {
        case .json: try JSONPrinter().print(diagnosis)
        case .human: try DoctorText(diagnosis).print()
        }
        if failOn.fails(diagnosis) { throw ExitCode(1) }
    }

    /// Leaves what was found in the run's folder, for `renorm report`; one that cannot be written to is said and is no failure.
    private func keep(_ diagnosis: Diagnosis) throws {
        guard let run = trained.run, let saved = try? SavedRun(run), saved.model != URL(fileURLWithPath: run)
        else {
            return
        }
        do {
            let lines = JSONPrinter.lines(of: diagnosis).map { $0 + "\n" }.joined()
            try AtomicFile.write(Array(lines.utf8), to: saved.folder.findings)
        } catch {
            warn("note: what was found is not kept for 'renorm report': \(error)")
        }
    }

    private func diagnose() async throws -> Diagnosis {
        for text in try NeedlessOption.warnings(trained.computing.needless) { warn("warning: \(text)") }
        let source = try trained.network.network(of: trained.run, mends: true)
        let classifier = source.classifier
        var pictures = try pictures(of: source)
        if let sampling { pictures.history.sampling = sampling }
        if let batchSize { pictures.history.batchSize = batchSize }
        pictures.history.live = try liveWeights(source)
        pictures.history.origin = try originalValues(source)
        var subject = Doctor.Subject(
            model: classifier.model, scaling: classifier.preparation.scaling, training: pictures.training,
            heldOut: pictures.heldOut, history: pictures.history,
            faults: source.badStatistics.map {
                Doctor.Fault(path: $0.path, channel: $0.channel, found: $0.found, count: $0.count)
            })
        subject.isLabelled = pictures.isLabelled
        try addTarget(to: &subject, classifier, source)
        if let preparedAs {
            let own = classifier.preparation
            let other = try preparedAs.preparation(instead: own)
            subject.inUse = Doctor.PreparedPictures(
                try self.pictures(of: source, as: other).scored, scaling: other.scaling,
                asInTraining: preparedAs.text(of: own))
        }
        subject.names = names
        var options = Doctor.Options()
        (options.examples, options.seed, options.workers) = (examples, trained.seed, trained.reading.workers)
        options.triesTraining = tryTraining
        var doctor = try Doctor(trained.computing.make(), options: options)
        let progress = DoctorProgress()
        defer { progress.finish() }
        doctor.observe = progress.observe
        return try await doctor.diagnose(subject)
    }

    /// The pictures that the network was trained on; without labels as many as are measured on and scored.
    private func pictures(of source: WeightsOptions.Source, as preparation: Preparation? = nil) throws
        -> TrainingPictures
    {
        let most = examples.multipliedReportingOverflow(by: 2)
        return try TrainingPictures(
            of: source, trained, as: preparation, atMost: most.overflow ? .max : most.partialValue,
            wantsHeldOut: true)
    }

    /// What the command line calls the network and the pictures.
    private var names: CommandNames {
        var result = CommandNames()
        if let run = trained.run {
            (result.network, result.start) = (run.shellQuoted, run.shellQuoted)
        } else {
            let options = trained.network.values
            result.network = SuggestedCommands.options(options)
            result.start = [
                trained.network.weights?.description.shellQuoted ?? "FILE",
                SuggestedCommands.options(options.filter { ["model", "stem"].contains($0.option.name) }),
            ].filter { !$0.isEmpty }.joined(separator: " ")
            result.output = "--output recalibrated.safetensors"
        }
        let pictures = SuggestedCommands.options(trained.pictures.values)
        result.data = [trained.data.text("data"), pictures].filter { !$0.isEmpty }.joined(separator: " ")
        if !target.isEmpty { result.target = target.text("data") }
        return result
    }

    private func addTarget(
        to subject: inout Doctor.Subject, _ classifier: Classifier, _ source: WeightsOptions.Source
    ) throws {
        guard !target.isEmpty else { return }
        let (sources, files) = try target.parted("target")
        var images = DataOptions()
        (images.data, images.pictures) = (sources, trained.pictures)
        subject.isTargetLabelled = files.isEmpty
        subject.target =
            files.isEmpty
            ? try DataSource.load(
                sources, .test, classNames: classifier.classNames,
                labelOffset: source.run?.trained.record.data.labelOffset ?? 0,
                framing: classifier.preparation.framing,
                pictures: source.pictureOptions(images, seed: trained.seed),
                observe: DataProgress().observe
            ).framed(as: classifier.preparation)
            : try trained.unlabelled(files, "target").dataset(
                for: classifier, as: classifier.preparation, atMost: examples)
    }

    /// The weights that the run went on with, where the network's are others.
    private func liveWeights(_ source: WeightsOptions.Source) throws -> Variables? {
        guard let saved = source.run?.saved, saved.folder.hasCheckpoint,
            saved.model.standardizedFileURL != saved.folder.last.standardizedFileURL
        else { return nil }
        let live = try VariablesFile(reading: saved.folder.last).values
        let own = source.classifier.model.variables
        let differs = own.contains { path, variable in
            variable.kind == .parameter && live[path].map { $0.value != variable.value } ?? false
        }
        return differs ? live : nil
    }

    /// What a network with frozen parts started from.
    private func originalValues(_ source: WeightsOptions.Source) throws -> Variables? {
        if let origin { return try VariablesFile(reading: origin.url).values }
        guard let path = source.run?.trained.record.configuration.initialization,
            FileManager.default.fileExists(atPath: path)
        else { return nil }
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        let file =
            isFolder.boolValue
            ? try RunFolder(URL(fileURLWithPath: path)).chosen() : URL(fileURLWithPath: path)
        return try? VariablesFile(reading: file).values
    }
}
