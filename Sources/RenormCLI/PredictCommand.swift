import ArgumentParser
import Foundation
import Renorm

/// `renorm predict`.
struct PredictCommand: AsyncParsableCommand, OptionTable {
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

    @Option(Row("How many classes to name for each image.", .atLeast(1)))
    var top = 3

    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        for text in try NeedlessOption.warnings(computing.needless) { warn("warning: \(text)") }
        let trained = try TrainedModel(reading: SavedRun(run).model)
        let predictor = try Predictor(trained, engine: computing.make())
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
                switch output.log {
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
