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
            The network's two modes are compared: statistics are measured on training pictures and scored on others, and every remedy that is \
            proposed was tried. What is found has one of a list of causes (see the documentation, The doctor), a layer where it is one's, \
            what it costs, and what was measured with the remedy.

            Exit code: 0 where nothing was found (at or above --fail-on), 1 where something was, 2 where it could not be looked for.

            Examples:
              renorm doctor runs/a
              renorm doctor runs/a --target images:new-camera
              renorm doctor --model mobilenetv2 --weights mobilenet_v2-b0353104.pth --data images:photos --class-names imagenet
            """)

    @Argument(help: "The folder of a run, or one of its .safetensors files; or say --weights.")
    var run: String?

    @OptionGroup var network: WeightsOptions

    @OptionGroup var images: DataOptions

    @Option(
        Row(
            "Pictures that the network is to be used on, where they may be others than those trained on, named as --data is. Repeated: several.",
            valueName: "data"))
    var target: [DataSource] = []

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

    @Option(Row("The seed of what is chosen and drawn."))
    var seed: UInt64 = 0

    @OptionGroup var reading: LoadingOptions
    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions
    @OptionGroup var printed: OutputOptions

    func run() async throws {
        let diagnosis: Diagnosis
        do {
            diagnosis = try await diagnose()
        } catch let error as CancellationError {
            throw error
        } catch {
            warn("Error: \(naming(Self.options, in: error))")
            throw ExitCode(2)
        }
        try keep(diagnosis)
        switch printed.log {
        case .json: try JSONPrinter().print(diagnosis)
        case .human: try DoctorText(diagnosis).print()
        }
        if failOn.fails(diagnosis) { throw ExitCode(1) }
    }

    /// Leaves what was found in the run's folder, for `renorm report`; one that cannot be written to is said and is no failure.
    private func keep(_ diagnosis: Diagnosis) throws {
        guard let run, let saved = try? SavedRun(run), saved.model != URL(fileURLWithPath: run) else {
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
        for text in try NeedlessOption.warnings(computing.needless) { warn("warning: \(text)") }
        let source = try network.network(of: run, mends: true)
        let classifier = source.classifier
        var pictures = try TrainingPictures(of: source, images, seed: seed, wantsHeldOut: true)
        if let sampling { pictures.history.sampling = sampling }
        if let batchSize { pictures.history.batchSize = batchSize }
        pictures.history.live = try liveWeights(source)
        pictures.history.origin = try originalValues(source)
        var subject = Doctor.Subject(
            model: classifier.model, scaling: classifier.preparation.scaling, training: pictures.training,
            heldOut: pictures.heldOut, target: try targetPictures(classifier, source),
            history: pictures.history,
            faults: source.badStatistics.map {
                Doctor.Fault(path: $0.path, channel: $0.channel, found: $0.found, count: $0.count)
            })
        subject.command = run.map(\.shellQuoted) ?? networkText
        var options = Doctor.Options()
        (options.examples, options.seed, options.workers) = (examples, seed, reading.workers)
        options.triesTraining = tryTraining
        return try await Doctor(computing.make(), options: options).diagnose(subject)
    }

    /// The network as the command line names it.
    private var networkText: String {
        (network.model.map { "--model \($0.description.shellQuoted) " } ?? "")
            + "--weights \(network.weights?.description.shellQuoted ?? "FILE")"
    }

    private func targetPictures(_ classifier: Classifier, _ source: WeightsOptions.Source) throws -> Dataset?
    {
        guard !target.isEmpty else { return nil }
        return try DataSource.load(
            target, .test, classNames: classifier.classNames,
            labelOffset: source.run?.trained.record.data.labelOffset ?? 0,
            framing: classifier.preparation.framing, pictures: images.pictures.options(seed: seed),
            observe: DataProgress().observe
        ).framed(as: classifier.preparation)
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
