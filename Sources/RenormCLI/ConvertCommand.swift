import ArgumentParser
import Foundation
import Renorm

/// `renorm convert`.
struct ConvertCommand: AsyncParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Change a network's normalizations, its last layer or its input, and save it.",
        discussion: """
            Between batch, batch-renorm and frozen the change is exact: the network says at inference what it said. Others have to be trained \
            afterwards; how far the answers move is measured where --data names pictures, and said.

            Examples:
              renorm convert runs/a --norm batch --output plain.safetensors
              renorm convert --model resnet50 --weights resnet50-11ad3fa6.pth --norm batch-renorm --output start.safetensors
              renorm convert runs/a --norm group:8 --only 'layer4' --data images:photos --output groups.safetensors
              renorm convert start.safetensors --classes 12 --output twelve.safetensors
              renorm train --init twelve.safetensors --data images:birds --run runs/birds
            """)

    @Argument(help: "The folder of a run, or a file of renorm's; or say --weights.")
    var run: String?

    @Option(
        Row(
            "The normalization to change to: \(NormalizationChoice.expected). (default: as they are)",
            discussion: "With its options in quotes, as of 'renorm train'."))
    var norm: NormalizationChoice?

    @Option(
        Row(
            "With --norm: the layers whose normalization changes, a path or pattern such as layer4 or '**.bn1'. (default: all)",
            valueName: "pattern"))
    var only: String?

    @Option(Row("The file to write; one that is there is replaced.", isInFiles: false, valueName: "file"))
    var output: FilePath

    @OptionGroup var network: WeightsOptions
    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions

    func run() async throws {
        try NeedlessOption.warnings(computing.needless)
        var classifier = try network.network(of: run).classifier
        if let norm {
            classifier.model = try converted(classifier.model, to: norm)
        }
        try classifier.write(to: output.url)
        try say(
            "Wrote \(output.description.visible). Use it in place of a run, or go on from it: renorm train --init \(output.description.shellQuoted) …"
        )
    }

    private func converted(_ model: Model, to norm: NormalizationChoice) throws -> Model {
        let pattern = PathPattern(only ?? "**")
        let kind = try norm.value(in: NormalizationText.Run(steps: 1000)).kind
        return try model.converting(pattern, to: kind)
    }
}
