import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Networks whose weights are from elsewhere, converted networks, exports and described networks, as a user meets them.
struct WeightsTests {
    let folder: TemporaryFolder
    /// A `small:0.25` for 5 classes on colour images of 12 pixels, whose statistics are no initial ones.
    let weights: String
    private let architecture = Architecture(
        name: "small:0.25", classes: 5, input: [12, 12, 3], normalization: Normalization(.batch))

    init() throws {
        folder = try TemporaryFolder()
        weights = folder.path("weights.safetensors")
        var content = NamedArrays()
        for (path, variable) in try architecture.makeModel(seed: 4).variables {
            var value = variable.value
            if path.hasSuffix("running_var") {
                value = NDArray(value.floats.indices.map { 0.5 + Float($0 % 3) / 4 }, shape: value.shape)
            }
            content.arrays[path] = value
        }
        try content.write(safetensors: URL(fileURLWithPath: weights))
        try picture("a.bmp", 40)
        try picture("b.bmp", 200)
    }

    private func picture(_ name: String, _ level: UInt8) throws {
        let (side, row) = (15, 48)
        var data = Data("BM".utf8)
        for value in [54 + row * side, 0, 54, 40, side, side, 1 | 24 << 16, 0, row * side, 0, 0, 0, 0] {
            withUnsafeBytes(of: UInt32(value).littleEndian) { data.append(contentsOf: $0) }
        }
        for index in 0..<row * side { data.append(UInt8(truncatingIfNeeded: Int(level) &+ index * 11)) }
        try data.write(to: folder.url.appendingPathComponent(name))
    }

    private var network: [String] { ["--model", "small:0.25", "--weights", weights, "--size", "12"] }

    /// What a network says of the two pictures.
    private func logits(_ arguments: [String]) throws -> [[Double]] {
        let result = try Program.renorm.run(
            ["predict"] + arguments
                + [folder.path("a.bmp"), folder.path("b.bmp"), "--top", "5", "--log", "json"])
        #expect(result.exitCode == 0, "\(result.errors)")
        return try result.events(named: "prediction").map { event in
            let classes = try #require(event["classes"] as? [[String: Any]])
            var row = [Double](repeating: .nan, count: 5)
            for candidate in classes {
                row[try #require(candidate["index"] as? Int)] = try #require(candidate["logit"] as? Double)
            }
            return row
        }
    }

    @Test func weightsAreUsedInPlaceOfARun() throws {
        let found = try logits(network)
        #expect(found.count == 2 && found[0] != found[1])
        var model = try architecture.makeModel(seed: 0)
        try model.load(VariablesFile(reading: URL(fileURLWithPath: weights)))
        let classifier = try Classifier(
            weights: URL(fileURLWithPath: weights),
            for: WeightsMatch.Request(name: "small:0.25", size: (12, 12)))
        let image = try classifier.preparation.images(in: folder.url.appendingPathComponent("a.bmp"))
        let expected = try Predictor(classifier, engine: ReferenceEngine()).logits(of: image)[0]
        for (found, expected) in zip(found[0], expected) { #expect(abs(found - expected) < 1e-4) }

        let described = try Program.renorm.run(
            ["describe", "--model", "small:0.25", "--weights", weights, "--log", "json"])
        let description = try #require(described.events(named: "description").first, "\(described.errors)")
        #expect(description["parameters"] as? Int == model.variables.parameterCount)
    }

    /// Batch renormalization and back says what it said.
    @Test func convertedNetworksSayWhatTheySaid() throws {
        let (renorm, back) = (folder.path("renorm.safetensors"), folder.path("back.safetensors"))
        let there = try Program.renorm.run(
            ["convert"] + network + ["--norm", "batch-renorm", "--output", renorm])
        try #require(there.exitCode == 0, "\(there.errors)")
        #expect(
            try Classifier(reading: URL(fileURLWithPath: renorm)).model.variables["bn1.running_std"] != nil)
        let again = try Program.renorm.run([
            "convert", renorm, "--norm", "batch", "--only", "bn*", "--output", back,
        ])
        try #require(again.exitCode == 0, "\(again.errors)")
        let rows = try [network, [renorm], [back]].map(logits)
        for row in rows[1...] {
            for (found, expected) in zip(row.joined(), rows[0].joined()) {
                #expect(abs(found - expected) < 1e-4)
            }
        }
    }

    /// PyTorch's names and kinds, and no word of ours.
    @Test func anExportForPyTorchIsAPlainBatchNormNetwork() throws {
        let (renorm, torch) = (folder.path("renorm.safetensors"), folder.path("torch.safetensors"))
        try Program.renorm.run(["convert"] + network + ["--norm", "batch-renorm", "--output", renorm])
        let result = try Program.renorm.run(["export", renorm, "--to", "torch", "--output", torch])
        try #require(result.exitCode == 0, "\(result.errors)")
        let (exported, given) = try (
            NamedArrays(safetensors: URL(fileURLWithPath: torch)),
            NamedArrays(safetensors: URL(fileURLWithPath: weights))
        )
        #expect(exported.metadata == ["format": "pt"])
        #expect(exported.arrays.keys == given.arrays.keys)
        for (name, array) in given.arrays where array.type == .f32 {
            #expect(mismatch(exported.arrays[name]!, array, tolerance: 1e-6, of: name) == nil)
        }
    }

    /// With its preparation and the names of its classes, separate and folded.
    @Test(arguments: [[], ["--fold"]])
    func anONNXFileSaysWhatTheNetworkSaid(_ options: [String]) throws {
        let (file, names) = (folder.path("net.onnx"), folder.path("names.txt"))
        try "a\nb\nc\nd\ne\n".write(toFile: names, atomically: true, encoding: .utf8)
        let result = try Program.renorm.run(
            ["export"] + network + [
                "--class-names", names, "--resize", "squash", "--to", "onnx", "--output", file,
            ]
                + options)
        try #require(result.exitCode == 0, "\(result.errors)")
        let rows = try [network + ["--resize", "squash"], ["--weights", file]].map(logits)
        for (found, expected) in zip(rows[1].joined(), rows[0].joined()) {
            #expect(abs(found - expected) < 1e-4)
        }
        #expect(try Classifier(onnx: URL(fileURLWithPath: file)).classNames == ["a", "b", "c", "d", "e"])
        let normalizations = try ONNXModel(reading: URL(fileURLWithPath: file)).graph.nodes.filter {
            $0.operation == "BatchNormalization"
        }
        #expect(normalizations.count == (options.isEmpty ? 5 : 0))
    }

    /// Folding changes nothing that is said; another head and other channels are said to be.
    @Test func networksAreChangedAsAsked() throws {
        func convert(_ options: [String]) throws -> (Program.Result, Classifier) {
            let file = folder.path("changed.safetensors")
            let result = try Program.renorm.run(["convert"] + network + options + ["--output", file])
            try #require(result.exitCode == 0, "\(result.errors)")
            return (result, try Classifier(reading: URL(fileURLWithPath: file)))
        }
        let (folding, _) = try convert(["--fold"])
        #expect(folding.output.contains("Folded 5 normalizations"))
        let rows = try [network, [folder.path("changed.safetensors")]].map(logits)
        for (found, expected) in zip(rows[1].joined(), rows[0].joined()) {
            #expect(abs(found - expected) < 1e-4)
        }

        let (adapting, adapted) = try convert(["--classes", "3", "--channels", "1"])
        #expect(adapting.output.contains("Starts anew: fc.weight, fc.bias."))
        #expect(adapted.model.variables["fc.weight"]?.value.shape[0] == 3 && adapted.classNames.count == 3)
        #expect(adapted.model.input == [12, 12, 1] && adapted.preparation.scaling.channels == 1)

        let (_, features) = try convert(["--remove-head"])
        #expect(try features.model.outputShape() == [1, 32] && features.classNames.count == 32)

        let (measuring, _) = try convert([
            "--norm", "group:4", "--only", "bn5", "--pictures", folder.path("a.bmp"),
        ])
        #expect(
            measuring.output.contains("1 batch normalization becomes group:4")
                && measuring.output.contains("Before any training"))
        let refused = try Program.renorm.run(
            ["convert", folder.path("changed.safetensors"), "--norm", "batch", "--output", folder.path("x")])
        #expect(refused.exitCode != 0 && refused.errors.contains("--pictures DIR"), "\(refused.errors)")
    }

    @Test func whatAnotherRuntimeIsComparedWithIsWritten() throws {
        let file = folder.path("reference.safetensors")
        let result = try Program.renorm.run(
            ["export"] + network
                + ["--to", "reference", "--input", folder.path("a.bmp"), "--input", folder.path("b.bmp")]
                + ["--output", file])
        try #require(result.exitCode == 0, "\(result.errors)")
        let content = try NamedArrays(safetensors: URL(fileURLWithPath: file))
        #expect(content.arrays["pixels"]?.shape == [2, 12, 12, 3])
        #expect(content.arrays["input"]?.shape == [2, 3, 12, 12])
        let rows = try logits(network)
        for (found, expected) in zip(content.arrays["logits"]!.doubles, rows.joined()) {
            #expect(abs(found - expected) < 1e-6)
        }
    }

    /// Parts that are frozen are what they were, to the bit.
    @Test func frozenPartsStayWhatTheyWere() throws {
        let (start, run) = (folder.path("start.safetensors"), folder.path("run"))
        try Program.renorm.run(["convert"] + network + ["--norm", "batch-renorm", "--output", start])
        for (name, level) in [("x", 10), ("y", 90), ("z", 160), ("v", 200), ("w", 250)] {
            try FileManager.default.createDirectory(
                atPath: folder.path("data/\(name)"), withIntermediateDirectories: true)
            for number in 0..<8 { try picture("data/\(name)/\(number).bmp", UInt8((level + number) % 256)) }
        }
        let arguments = [
            "train", "--data", "images:\(folder.path("data"))", "--size", "12", "--channels", "3", "--init",
            start, "--batch-size", "8", "--steps", "6", "--freeze", "first:2", "--freeze-statistics", "bn4",
            "--freeze-parameters", "conv5", "--run", run,
        ]
        let result = try Program.renorm.run(arguments)
        try #require(result.exitCode == 0, "\(result.errors)")
        let before = try VariablesFile(reading: URL(fileURLWithPath: start)).arrays
        let after = try VariablesFile(reading: URL(fileURLWithPath: run + "/model.safetensors")).arrays
        #expect(before.keys.sorted() == after.keys.sorted())
        for (path, value) in before
        where path.hasPrefix("conv1.") || path.hasPrefix("bn1.") || path.hasPrefix("conv2.")
            || path.hasPrefix("bn2.") || path.hasPrefix("bn4.running") || path.hasPrefix("conv5.")
        {
            #expect(after[path] == value, "\(path)")
        }
        for path in [
            "conv3.weight", "bn3.running_mean", "bn4.weight", "conv4.weight", "bn5.running_std", "fc.weight",
        ] {
            #expect(after[path] != before[path], "\(path)")
        }
        // The network, its stem and its normalization came with the file.
        #expect(try Program.renorm.run(["train", "--resume", "--run", run]).exitCode == 0)
        let refused = try Program.renorm.run(["train", "--resume", "--run", run, "--freeze", "fc"])
        #expect(refused.exitCode != 0 && refused.errors.contains("--freeze: found 'fc' with --resume"))
    }

    @Test func aNetworkIsDescribedInAFileThatARunNeedsOnlyOnce() throws {
        let file = folder.path("net.yml")
        let text = """
            layers:
              - convolution: {channels: 8, stride: 2}
                name: first
              - normalization
              - relu
              - residual: [convolution: 8, normalization, relu]
              - global-average-pool
              - dense: classes
            """
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        for name in ["x", "y"] {
            try FileManager.default.createDirectory(
                atPath: folder.path("data/\(name)"), withIntermediateDirectories: true)
            for number in 0..<8 { try picture("data/\(name)/\(number).bmp", UInt8(20 * number)) }
        }
        let run = folder.path("run")
        let arguments = ["--batch-size", "4", "--steps", "3", "--schedule", "constant"]
        let result = try Program.renorm.run(
            [
                "train", "--data", "images:\(folder.path("data"))", "--size", "12", "--model", "file:\(file)",
                "--run", run,
            ]
                + arguments)
        try #require(result.exitCode == 0, "\(result.errors)")
        try FileManager.default.removeItem(atPath: file)
        let more = try Program.renorm.run(["train", "--resume", "--run", run, "--steps", "5"])
        #expect(more.exitCode == 0, "\(more.errors)")
        let predicted = try Program.renorm.run(["predict", run, folder.path("a.bmp")])
        #expect(predicted.exitCode == 0, "\(predicted.errors)")

        try text.replacingOccurrences(of: "residual", with: "residuum")
            .write(toFile: file, atomically: true, encoding: .utf8)
        let wrong = try Program.renorm.run(["describe", "--model", "file:\(file)"])
        #expect(wrong.exitCode != 0)
        #expect(
            wrong.errors.contains("layers[3]: found 'residuum'")
                && wrong.errors.contains("did you mean 'residual'"))
    }

    @Test(arguments: [
        (["--model", "small:0.25"], "--model: found 'small:0.25' without --weights"),
        (["--weights", "WEIGHTS"], "does not say which network it is for"),
        (["--weights", "WEIGHTS", "--model", "small:0.25", "--class-names", "NAMES"], "found 2; expected 5"),
        (["--weights", "WEIGHTS", "--model", "small:0.5"], "does not fit"),
        (["--weights", "/no/such/file", "--model", "small"], "/no/such/file"),
        (["--size", "12"], "--size"),
    ])
    func whatIsWrongWithANetworkIsSaid(_ arguments: [String], _ expected: String) throws {
        let names = folder.path("names.txt")
        try "one\ntwo\n".write(toFile: names, atomically: true, encoding: .utf8)
        let words = arguments.map { $0 == "WEIGHTS" ? weights : $0 == "NAMES" ? names : $0 }
        let result = try Program.renorm.run(["predict"] + words + [folder.path("a.bmp")])
        #expect(result.exitCode != 0)
        #expect(result.errors.contains(expected), "\(result.errors)")
        #expect(!result.errors.contains("Fatal"))
    }

    @Test func theNetworksThatThereAreAreListed() throws {
        for arguments in [["describe", "--model"], ["describe", "--model", "list"]] {
            let result = try Program.renorm.run(arguments)
            #expect(result.exitCode == 0, "\(result.errors)")
            // Other tests of this process add networks of their own.
            for name in ["small", "vgg16", "resnet50", "mobilenetv3-large", "convnext-tiny"] {
                #expect(result.output.contains("\n\(name)"), "\(name)")
            }
        }
    }
}

extension Variables {
    fileprivate var parameterCount: Int {
        reduce(0) { $0 + ($1.variable.kind == .parameter ? $1.variable.value.elementCount : 0) }
    }
}
