import ArgumentParser
import Foundation
import Renorm

/// `renorm predict`.
struct PredictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Say which class a trained network sees in images.",
        discussion: """
            Images are scaled as in training, and resized if they have another size (said on standard error). Where the network
            takes gray, colours become gray as in Pillow's mode L; transparency is left aside.

            Example:  renorm predict runs/a shirt.png t10k-images-idx3-ubyte.gz
            """)

    @Argument(help: "The folder of a run, or one of its .safetensors files.")
    var run: String

    @Argument(help: ArgumentHelp("PNG files, or IDX files of images (.gz or not).", valueName: "file"))
    var files: [String]

    @Option(help: "How many classes to name for each image.")
    var top = 3

    @Option(help: "Threads of the engine. (default: one a core)")
    var threads: Int?

    @Option(help: "onednn or reference.")
    var engine = EngineChoice.onednn

    @Option(help: "What is printed: human, or json, one object a line.")
    var log = LogFormat.human

    func validate() throws {
        for (name, value) in [("--top", top), ("--threads", threads ?? 1)] where value < 1 {
            throw ValidationError("\(name): found \(value); expected at least 1. Change it.")
        }
    }

    func run() async throws {
        _ = try NeedlessOption.warnings(
            NeedlessOption.threads(threads, of: engine),
            given: ConfigurationFile.names(in: CommandLine.arguments))
        let trained = try TrainedModel(reading: SavedRun(run).model)
        let predictor = try Predictor(trained, engine: engine.makeEngine(threads: threads))
        let input = trained.model.input
        // All files are read before anything is said, so that one bad name does not leave half an answer.
        let images = try files.map {
            try ImageFile(URL(fileURLWithPath: $0), channels: input[2], height: input[0], width: input[1])
        }
        for (file, image) in zip(files, images) {
            if image.originalHeight != input[0] || image.originalWidth != input[1] {
                warn(
                    "\(file.visible): resized from \(image.originalWidth)×\(image.originalHeight) to \(input[1])×\(input[0])"
                )
            }
            let count = image.images.shape[0]
            for (index, probabilities) in try predictor.probabilities(of: image.images).enumerated() {
                let name = count == 1 ? file : "\(file)[\(index)]"
                let ranked = probabilities.enumerated().sorted {
                    ($1.element, $0.offset) < ($0.element, $1.offset)
                }
                .prefix(top).map { (trained.classNames[$0.offset], $0.element) }
                switch log {
                case .human:
                    try say(
                        "\(name.visible): "
                            + ranked.map { "\($0.0.visible) \($0.1.percent)" }.joined(separator: ", "))
                case .json:
                    try JSONPrinter().print(prediction: ranked, file: file, index: index)
                }
            }
        }
    }
}
