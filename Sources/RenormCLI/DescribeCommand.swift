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
              renorm describe --model list                                     the networks that there are
              renorm describe --model resnet50 --batch-size 16
              renorm describe --model file:Examples/networks/residual-branches.yml
              renorm describe runs/a
              renorm describe --model mobilenetv2 --weights mobilenet_v2-b0353104.pth
              renorm describe --model resnet18 --image 32x32x3 --memory small --recompute
            """)

    @Argument(
        help: ArgumentHelp("The folder of a run, or a file of renorm's; or say --model.", valueName: "run"))
    var saved: String?

    @Option(Row("The network: \(NetworkName.expected); or list, to see what they are."))
    var model: DescribedNetwork?

    @Option(
        Row(
            "A file of weights of the network that --model names: PyTorch's .pth or .pt, .safetensors, or .onnx."
        ))
    var weights: FilePath?

    @Option(
        Row(
            "How images enter ResNets and MobileNetV2: \(Stem.expected). (default: as the weights say, or by the image)"
        ))
    var stem: Stem?

    @OptionGroup var normalization: NormalizationOptions

    @Option(
        Row(
            "The extents of an image. (default: those that the network was published for)", valueName: "HxWxC"
        ))
    var image: ImageShape?

    @Option(
        Row(
            "The number of classes. (default: 1000, or 10 for small images)",
            .of {
                Architecture(name: "", classes: $0, input: [1, 1, 1], normalization: Normalization(.none))
                    .fault
            }))
    var classes: Int?

    @Option(Row("Examples a training step, on which its memory depends.", .atLeast(1)))
    var batchSize = 64

    @OptionGroup var kept: MemoryOptions
    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        if case .list? = model { return try printNetworks() }
        let (network, domains) = try described()
        var description = try network.describe(batch: batchSize)
        let step = try TrainingGraph(
            network, batch: batchSize,
            options: TrainingOptions(
                learningRate: .constant(0.1), memory: kept.memory, recomputes: kept.recompute))
        description.warnings += step.warnings.filter { !description.warnings.contains($0) }
        let planned = try computing.make().compile(step.graph).plannedMemory
        switch output.log {
        case .json: try JSONPrinter().print(description, planned, domains: domains)
        case .human:
            try printTables(description, planned, units: network.units())
            if !domains.isEmpty {
                try say(
                    "statistics of domains beside its own, which --domain names: \(domains.joined(separator: ", "))"
                )
            }
        }
    }

    /// The network: a run's, or one by its name with values or, where none are named, without; and the domains whose statistics it
    /// has.
    private func described() throws -> (Model, domains: [String]) {
        let name: NetworkName
        switch model {
        case .network(let given)?: name = given
        default: name = .small
        }
        if saved != nil || weights != nil {
            if let given = typedBeside(["norm", "image", "classes", "norm-examples"]) {
                throw UsageError(
                    "--\(given): found it with a network that is saved, which has its own; expected a network by its name alone with "
                        + "it. Leave it out, or describe what 'renorm convert' makes of the network.")
            }
            let given: [(String, String?)] = [
                ("weights", weights?.description), ("model", model == nil ? nil : name.description),
                ("stem", stem?.rawValue),
            ]
            let options = try WeightsOptions.parse(
                given.compactMap { name, text in text.map { "--\(name)=\($0)" } })
            let classifier = try options.network(of: saved).classifier
            return (classifier.model, classifier.domains.map(\.name))
        }
        let published = name.network.image
        let shape = image?.shape ?? published
        var network = NetworkOptions()
        network.model = name
        network.stem = stem
        for text in try NeedlessOption.warnings(
            network.needless + normalization.needless + computing.needless)
        {
            warn("warning: \(text)")
        }
        let architecture = name.architecture(
            stem: network.stem(for: shape),
            classes: classes ?? (max(published[0], published[1]) > 64 ? 1000 : 10), input: shape,
            normalization: try normalization.value(
                steps: 1000, batchSize: batchSize, epsilon: name.epsilon))
        // No value of the network is looked at, so none is drawn.
        return (Model(try architecture.makeLayer(), input: architecture.input, variables: Variables()), [])
    }

    private func typedBeside(_ options: [String]) -> String? { options.first(where: NeedlessOption.isGiven) }

    /// The networks that there are.
    private func printNetworks() throws {
        try Table(["network", "images", "normalization", ""], right: []).print(
            Networks.table.entries.map { forms, network in
                [
                    forms.last!, network.image.dimensions.map(String.init).joined(separator: "×"),
                    "\(network.normalization.kind.word), ε \(network.normalization.epsilon)",
                    network.summary,
                ]
            })
    }

    private func printTables(
        _ description: ModelDescription, _ planned: PlannedMemory, units: [NetworkUnit]
    ) throws {
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
                    $0.kind.rawValue + ($0.isFrozen ? ", frozen" : ""),
                ]
            })
        try say()
        let normalizations = description.normalizations.filter { $0.inference != .none }
        if !normalizations.isEmpty {
            try Table(
                ["normalization", "kind", "in training by", "averages", "scale, shift", "at inference by"],
                right: []
            ).print(
                normalizations.map {
                    [
                        $0.path, $0.kind, $0.training.text, $0.updates ? "move" : "stay",
                        $0.isTrained ? "trained" : "stay", $0.inference.text,
                    ]
                })
            try say()
        }
        try say(
            "units, as 'renorm train --freeze first:N' counts them: \(units.map(\.name).joined(separator: ", "))"
        )
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

extension ModelDescription.Normalization.Statistics {
    /// What normalizes, in words.
    fileprivate var text: String {
        switch self {
        case .none: "nothing"
        case .batch: "the batch"
        case .moving: "its averages"
        case .example: "each example"
        }
    }
}

extension NetworkUnit {
    /// The path that its layers have in common, but for a pooling and the like after them; or that of its first layer.
    fileprivate var name: String {
        let paths = layers.map { $0.split(separator: ".") }
        guard var common = paths.first else { return "" }
        for path in paths where path.first == paths[0].first {
            common = Array(common.prefix(zip(common, path).prefix { $0.0 == $0.1 }.count))
        }
        return common.isEmpty ? layers[0] : common.joined(separator: ".")
    }
}

/// What `--model` can name here: a network, or all of them.
enum DescribedNetwork: TextForm, CustomStringConvertible {
    case list
    case network(NetworkName)

    init(parsing text: String) throws {
        self = text == "list" ? .list : .network(try NetworkName(parsing: text))
    }

    var description: String {
        switch self {
        case .list: "list"
        case .network(let name): name.description
        }
    }

    static var expected: String { "list, \(NetworkName.expected)" }
}
