import ArgumentParser
import Foundation
import Renorm

/// `renorm describe`.
struct DescribeCommand: ParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show a network's layers, variables, costs and memory.",
        discussion: """
            Examples:
              renorm describe --model small --norm batch-renorm
              renorm describe --model resnet50 --stem imagenet --image 224x224x3 --classes 1000 --batch-size 16
              renorm describe --model resnet18 --image 32x32x3 --memory small --recompute
            """)

    @OptionGroup var network: NetworkOptions
    @OptionGroup var normalization: NormalizationOptions

    @Option(Row("The extents of an image.", valueName: "HxWxC"))
    var image = ImageShape([28, 28, 1])

    @Option(
        Row(
            "The number of classes.",
            .of {
                Architecture(name: "", classes: $0, input: [1, 1, 1], normalization: Normalization(.none))
                    .fault
            }))
    var classes = 10

    @Option(Row("Examples a training step, on which its memory depends.", .atLeast(1)))
    var batchSize = 64

    @OptionGroup var kept: MemoryOptions
    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        for text in try NeedlessOption.warnings(
            network.needless + normalization.needless + computing.needless)
        {
            warn("warning: \(text)")
        }
        let architecture = Architecture(
            name: network.model.description, stem: network.stem, classes: classes, input: image.shape,
            normalization: try normalization.value(steps: 1000, batchSize: batchSize))
        // No value of the network is looked at, so none is drawn.
        let network = Model(
            try architecture.makeLayer(), input: architecture.input, variables: Variables())
        var description = try network.describe(batch: batchSize)
        let step = try TrainingGraph(
            network, batch: batchSize,
            options: TrainingOptions(
                learningRate: .constant(0.1), memory: kept.memory, recomputes: kept.recompute))
        description.warnings += step.warnings.filter { !description.warnings.contains($0) }
        let planned = try computing.make().compile(step.graph).plannedMemory
        switch output.log {
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
