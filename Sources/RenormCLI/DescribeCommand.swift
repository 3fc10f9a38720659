import ArgumentParser
import Foundation
import Renorm

/// `renorm describe`.
struct DescribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show a network's layers, variables, costs and memory.",
        discussion: """
            Examples:
              renorm describe --model small --norm batch-renorm
              renorm describe --model resnet50 --stem imagenet --image 224x224x3 --classes 1000 --batch-size 16
              renorm describe --model resnet18 --image 32x32x3 --memory small --recompute
            """)

    @Option(help: "The network: \(Networks.table.forms.joined(separator: ", ")).")
    var model = "small"

    @Option(help: "How images enter ResNets and MobileNetV2: cifar for small images, imagenet for large.")
    var stem = Stem.cifar

    @Option(help: "The normalization: \(NormalizationOptions.forms).")
    var norm = "batch-renorm"

    @Option(help: "Examples normalized together. (default: the whole batch)")
    var normExamples: Int?

    @Option(help: ArgumentHelp("The extents of an image.", valueName: "HxWxC"))
    var image = "28x28x1"

    @Option(help: "The number of classes.")
    var classes = 10

    @Option(help: "Examples a training step, on which its memory depends.")
    var batchSize = 64

    @Option(help: "What a training step keeps of its forward part: see 'renorm help train'.")
    var memory = MemoryUse.fast

    @Flag(help: "Compute the forward part again for the backward part, section by section.")
    var recompute = false

    @Option(help: "onednn or reference: the engine whose memory is planned.")
    var engine = EngineChoice.onednn

    @Option(help: "What is printed: human, or json, one object a line.")
    var log = LogFormat.human

    func validate() throws {
        for (name, value) in [
            ("--classes", classes), ("--batch-size", batchSize), ("--norm-examples", normExamples ?? 1),
        ] where value < 1 {
            throw ValidationError("\(name): found \(value); expected at least 1. Change it.")
        }
    }

    func run() throws {
        let given = ConfigurationFile.names(in: CommandLine.arguments)
        let normalization = NormalizationOptions(norm: norm, examples: normExamples)
        _ = try NeedlessOption.warnings(
            NeedlessOption.ofNetwork(
                model, stem: stem, normalization: normalization, given: given), given: given)
        let extents = image.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard extents.count == 3, extents.allSatisfy({ $0 > 0 }) else {
            throw UsageError(
                "--image: found '\(image)'; expected HEIGHTxWIDTHxCHANNELS such as 224x224x3. Change it.")
        }
        let architecture = Architecture(
            name: model, stem: stem, classes: classes, input: TensorShape(extents),
            normalization: try normalization.normalization(steps: 1000, batchSize: batchSize))
        // No value of the network is looked at, so none is drawn.
        let network = Model(
            try architecture.makeLayer(), input: architecture.input, variables: Variables())
        var description = try network.describe(batch: batchSize)
        let step = try TrainingGraph(
            network, batch: batchSize,
            options: TrainingOptions(learningRate: .constant(0.1), memory: memory, recomputes: recompute))
        description.warnings += step.warnings.filter { !description.warnings.contains($0) }
        let planned = try engine.makeEngine(threads: nil).compile(step.graph).plannedMemory
        switch log {
        case .json: try JSONPrinter().print(description, planned)
        case .human: try printTables(description, planned)
        }
    }

    private func printTables(_ description: ModelDescription, _ planned: PlannedMemory) throws {
        try Table(["layer", "", "output", "parameters", "multiply-adds"], right: [3, 4]).print(
            description.layers.map {
                [
                    $0.path, $0.summary, "\($0.output)", $0.parameters > 0 ? $0.parameters.grouped : "",
                    $0.multiplyAdds > 0 ? $0.multiplyAdds.grouped : "",
                ]
            })
        try say()
        try Table(["variable", "shape", "kind"], right: []).print(
            description.variables.map {
                [
                    "\($0.path)", "\($0.shape)",
                    $0.kind.rawValue + ($0.kind == .parameter && !$0.isTrainable ? ", frozen" : ""),
                ]
            })
        try say()
        try say(
            """
            \(description.parameters.grouped) parameters, \(description.trainableParameters.grouped) of them trainable; \
            \(description.statistics.grouped) statistics
            \(description.multiplyAdds.grouped) multiply-adds an image
            \(planned.total.bytes) at the peak of a training step of \(batchSize) images with SGD and momentum: \
            \(planned.variables.bytes) of variables and slots, \(planned.activations.bytes) of activations and gradients, \
            \(planned.scratch.bytes) of scratch, \(planned.kept.bytes) of weights in other layouts
            """)
        for warning in description.warnings { warn("warning: \(warning.visible)") }
    }
}

/// Text in columns.
struct Table {
    private let headers: [String]
    private let right: Set<Int>

    /// A table with these headers; columns in `right` are flush right.
    init(_ headers: [String], right: Set<Int>) {
        self.headers = headers
        self.right = right
    }

    func print(_ rows: [[String]]) throws {
        let all = [headers] + rows.map { $0.map(\.visible) }
        let widths = headers.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        for row in all {
            let cells = row.enumerated().map { column, text in
                let space = String(repeating: " ", count: widths[column] - text.count)
                return right.contains(column) ? space + text : text + space
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            try say(line)
        }
    }
}
