import ArgumentParser
import Foundation
import Renorm

/// `renorm export`.
struct ExportCommand: AsyncParsableCommand, OptionTable {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a network for somebody else's runtime.",
        discussion: """
            torch: safetensors that PyTorch's module of this name loads strictly; batch renormalization has become batch normalization, \
            exactly. safetensors: the network as it is, with its preparation, for renorm. onnx: for ONNX Runtime and others, with any \
            number of images in a batch. reference: pictures, the network's input and its results, to compare another runtime with.

            Examples:
              renorm export runs/a --to onnx --output net.onnx
              renorm export runs/a --to onnx --pixels --probabilities --output net.onnx
              renorm export runs/a --to torch --output net.safetensors
              renorm export --model mobilenetv2 --weights mobilenet_v2-b0353104.pth --to onnx --output net.onnx
              renorm export runs/a --to reference --input cat.jpg --input dog.jpg --output expected.safetensors
            """)

    @Argument(help: "The folder of a run, or one of its .safetensors files; or say --weights.")
    var run: String?

    @Option(Row("What to write: \(ExportFormat.expected)."))
    var to: ExportFormat

    @Option(Row("The file to write; one that is there is replaced.", isInFiles: false, valueName: "file"))
    var output: FilePath

    @Flag(
        Row(
            "onnx: put batch normalizations into the convolutions before them, in place of operators of their own."
        ))
    var fold = false

    @Flag(
        Row(
            "onnx: take pixels of 0 to 255 [N, height, width, channels] and scale them inside, in place of scaled input [N, channels, height, width]."
        ))
    var pixels = false

    @Flag(Row("onnx: give probabilities in place of logits."))
    var probabilities = false

    @Option(
        Row(
            "reference: a picture, a folder of them, or an IDX file. Repeated: several. (default: two images of a formula)",
            isInFiles: false, valueName: "path"))
    var input: [FilePath] = []

    @OptionGroup var network: WeightsOptions
    @OptionGroup var domain: DomainOptions
    @OptionGroup var computing: EngineOptions
    @OptionGroup var file: FileOptions

    func run() async throws {
        try NeedlessOption.warnings(needless)
        let source = try domain.choosing(network.network(of: run))
        switch to {
        case .safetensors: try source.classifier.write(to: output.url)
        case .torch: try writeForTorch(source.classifier)
        case .onnx: try writeONNX(source.classifier)
        case .reference: try writeReference(source.classifier)
        }
        let size = (try? FileManager.default.attributesOfItem(atPath: output.url.path)[.size] as? Int) ?? nil
        try say("Wrote \(output.description.visible)\(size.map { " (\($0.bytes))" } ?? "").")
        for line in advice(source.classifier) { try say(line) }
    }

    /// What has no effect beside other options.
    private var needless: [NeedlessOption] {
        let options: [(String, Bool, ExportFormat)] = [
            ("fold", fold, .onnx), ("pixels", pixels, .onnx), ("probabilities", probabilities, .onnx),
            ("input", !input.isEmpty, .reference),
        ]
        return computing.needless
            + options.filter { $0.1 && $0.2 != to }.map { name, _, format in
                NeedlessOption(
                    "--\(name)", "it with --to \(to.rawValue)", expected: "--to \(format.rawValue) with it",
                    "Leave one of them out")
            }
    }

    /// The network as PyTorch has it: its names, and batch normalization where ours keeps moving averages.
    private func writeForTorch(_ classifier: Classifier) throws {
        for path in try classifier.writeForPyTorch(to: output.url) {
            warn(
                "warning: \(path): PyTorch has no such normalization; its variables are written under our names"
            )
        }
    }

    private func writeONNX(_ classifier: Classifier) throws {
        try classifier.onnx(folds: fold, takesPixels: pixels, givesProbabilities: probabilities)
            .write(to: output.url)
    }

    /// What another runtime can be compared with.
    private func writeReference(_ classifier: Classifier) throws {
        let shape = classifier.model.input
        var images: [NDArray] = []
        var names: [String] = []
        if input.isEmpty {
            let count = 2 * shape.elementCount
            // Every value occurs, and neighbours differ.
            images = [
                NDArray(
                    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 251) },
                    shape: TensorShape([2] + shape.dimensions))
            ]
            names = ["formula 1", "formula 2"]
        }
        let files = try PredictionFiles(input.map(\.description))
        while let path = files.next() {
            let found = try classifier.preparation.images(in: URL(fileURLWithPath: path))
            images.append(found)
            names += (0..<found.shape[0]).map { found.shape[0] == 1 ? path : "\(path)[\($0)]" }
        }
        let pixels = NDArray(joining: images)
        let predictor = try Predictor(classifier, engine: computing.make(), batchSize: 32)
        let logits = try predictor.logits(of: pixels)
        let classes = logits[0].count
        let result = NDArray(logits.flatMap { row in row.map { Float($0) } }, shape: [logits.count, classes])
        let likeliest = logits.map { row in Int32(row.indices.max { row[$0] < row[$1] }!) }
        let content = NamedArrays(
            [
                "pixels": pixels,
                "input": classifier.preparation.scaling(pixels).transposed([0, 3, 1, 2]),
                "logits": result, "classes": NDArray(likeliest, shape: [likeliest.count]),
            ],
            metadata: [
                "names": try JSONCoder.encode(names),
                "class_names": try JSONCoder.encode(classifier.classNames),
                "preparation": try JSONCoder.encode(classifier.preparation),
                "layout": "pixels [N, height, width, channels], input [N, channels, height, width]",
            ])
        try content.write(safetensors: output.url)
    }

    /// How the file is used.
    private func advice(_ classifier: Classifier) -> [String] {
        let name = output.url.lastPathComponent.visible
        switch to {
        case .torch:
            let torch = classifier.architecture.flatMap {
                TorchNetworks.constructor(of: $0.name, classes: $0.classes)
            }
            return ["In Python:"]
                + (torch.map { ["  model = \($0)"] } ?? [])
                + ["  model.load_state_dict(safetensors.torch.load_file(\"\(name)\"))"]
        case .safetensors:
            return ["It can be used in place of a run: renorm predict \(output.description.shellQuoted) PATH"]
        case .onnx, .reference: return []
        }
    }
}

/// What `export` writes.
enum ExportFormat: String, TextForm, CaseIterable {
    case torch, safetensors, onnx, reference
}

/// What our networks are called in Python.
enum TorchNetworks {
    /// The call that makes a network with so many classes; `nil` for networks that neither torchvision nor timm has.
    static func constructor(of name: String, classes: Int) -> String? {
        let parts = name.split(separator: ":", maxSplits: 1).map(String.init)
        let width = parts.count > 1 ? ", width_mult=\(parts[1])" : ""
        let torchvision: [String: String] = [
            "mobilenetv2": "mobilenet_v2", "mobilenetv3-large": "mobilenet_v3_large",
            "mobilenetv3-small": "mobilenet_v3_small", "resnext50-32x4d": "resnext50_32x4d",
            "wide-resnet50-2": "wide_resnet50_2", "efficientnet-b0": "efficientnet_b0",
            "inceptionv3": "inception_v3", "regnet-y-400mf": "regnet_y_400mf",
            "convnext-tiny": "convnext_tiny",
        ]
        if parts[0] == "efficientnet-lite0" {
            return "timm.create_model(\"efficientnet_lite0\", num_classes=\(classes))"
        }
        if parts[0] == "shufflenetv2" {
            let text = ["0.5": "x0_5", "1": "x1_0", "1.5": "x1_5", "2": "x2_0"][
                parts.count > 1 ? parts[1] : "1"]
            return text.map { "torchvision.models.shufflenet_v2_\($0)(num_classes=\(classes))" }
        }
        let isOwn = ["resnet", "vgg", "densenet"].contains { parts[0].hasPrefix($0) }
        guard let word = torchvision[parts[0]] ?? (isOwn ? parts[0] : nil) else { return nil }
        return "torchvision.models.\(word)(num_classes=\(classes)\(width))"
    }
}
