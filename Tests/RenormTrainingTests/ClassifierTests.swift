import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Networks with somebody else's weights, ready for use.
@Suite struct ClassifierTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

    private func file(_ architecture: Architecture, leavingOut: (String) -> Bool = { _ in false }) throws
        -> URL
    {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let url = folder.appendingPathComponent("weights.safetensors")
        var content = NamedArrays()
        for (path, variable) in try architecture.makeModel(seed: 3).variables where !leavingOut(path) {
            content.arrays[path] = variable.value
        }
        try content.write(safetensors: url)
        return url
    }

    /// Classes, channels, stem and normalization are what the weights' shapes and names say.
    @Test(arguments: [
        ("resnet18", Stem.cifar, 7, 3, "batch"), ("resnet18", .imagenet, 1000, 1, "batch-renorm"),
        ("mobilenetv2:0.25", .cifar, 10, 3, "batch-renorm"), ("mobilenetv2:0.25", .imagenet, 5, 3, "batch"),
        ("small:0.5", .cifar, 3, 3, "batch"), ("small", .cifar, 10, 1, "none"),
    ])
    func weightsSayWhichNetworkTheyAreOf(
        _ name: String, _ stem: Stem, _ classes: Int, _ channels: Int, _ kind: String
    ) throws {
        let architecture = Architecture(
            name: name, stem: stem, classes: classes, input: [64, 64, channels],
            normalization: try Normalization(parsing: kind))
        let url = try file(architecture) { $0.hasSuffix("num_batches_tracked") }
        defer { try? FileManager.default.removeItem(at: folder) }
        let classifier = try Classifier(
            weights: url, for: WeightsMatch.Request(name: name, size: (64, 64)))
        #expect(classifier.architecture?.classes == classes)
        #expect(classifier.architecture?.input == [64, 64, channels])
        #expect(classifier.architecture?.normalization.kind.word == kind)
        // Its stem changes no shape where it changes strides alone, as in MobileNetV2.
        if name == "resnet18" { #expect(classifier.architecture?.stem == stem) }
        #expect(classifier.classNames == (0..<classes).map(String.init))
        #expect(classifier.preparation.framing.size == ImageSize(height: 64, width: 64, channels: channels))
        let images = NDArray(
            (0..<64 * 64 * channels).map { UInt8($0 * 7 % 256) }, shape: [1, 64, 64, channels])
        let own = try Classifier(
            model: architecture.makeModel(seed: 3), architecture: architecture,
            preparation: classifier.preparation, classNames: classifier.classNames)
        if name != "mobilenetv2:0.25" || stem == .imagenet {
            #expect(
                try Predictor(classifier, engine: ReferenceEngine()).logits(of: images)
                    == Predictor(own, engine: ReferenceEngine()).logits(of: images))
        }
    }

    @Test func aClassifierIsReadAsItWasWritten() throws {
        let architecture = Architecture(
            name: "small:0.25", classes: 3, input: [16, 16, 3], normalization: Normalization(.batch))
        let model = try architecture.makeModel(seed: 2).converting("bn2", to: .batchRenorm)
        let written = Classifier(
            model: model, architecture: architecture,
            preparation: Preparation(
                framing: Framing(size: ImageSize(height: 16, width: 16, channels: 3), fit: .letterbox),
                scaling: .imageNet), classNames: ["ant", "bee", "cat"])
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appendingPathComponent("saved.safetensors")
        try written.write(to: url)
        let read = try Classifier(reading: url)
        #expect(read.architecture == architecture && read.preparation == written.preparation)
        #expect(read.classNames == written.classNames && read.model.overrides == model.overrides)
        #expect(read.model.variables == model.variables)
        #expect(read.model.variables["bn2.running_std"] != nil)
    }

    /// A scaling that was asked for serves pictures of as many channels as the weights say.
    @Test func aScalingFitsTheChannelsOfTheWeights() throws {
        let url = try file(
            Architecture(name: "small", classes: 3, input: [28, 28, 1], normalization: Normalization(.batch)))
        defer { try? FileManager.default.removeItem(at: folder) }
        var usage = Classifier.Usage()
        usage.scaling = InputScaling(mean: [0.25, 0.25, 0.25], deviation: [0.5, 0.5, 0.5])
        let classifier = try Classifier(weights: url, for: WeightsMatch.Request(name: "small"), usage: usage)
        #expect(classifier.preparation.scaling == InputScaling(mean: [0.25], deviation: [0.5]))
    }

    @Test func whatDoesNotSayItsNetworkIsAnErrorThatAsksForIt() throws {
        let url = try file(
            Architecture(name: "small", classes: 3, input: [28, 28, 1], normalization: Normalization(.batch)))
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(throws: TrainingError.unknownNetwork(path: url.path)) { try Classifier(reading: url) }
        var usage = Classifier.Usage()
        usage.classNames = ["a", "b"]
        #expect(
            throws: TrainingError.option(
                name: "names of classes", found: "2", expected: "3, as the last layer of the weights has")
        ) {
            try Classifier(weights: url, for: WeightsMatch.Request(name: "small"), usage: usage)
        }
    }
}
