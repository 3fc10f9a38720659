import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Where `make weights` puts them.
private let weights = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: ".deps/weights")

/// Pretrained networks, as `make weights` fetches them, on photographs: what they say here is what they say in their own frameworks
/// (`scripts/fixtures/pretrained.py`).
@Suite(.enabled(if: testsAreThorough && FileManager.default.fileExists(atPath: weights.path)))
struct PretrainedTests {
    /// The file in a folder whose name ends so.
    private func file(_ folder: String, _ ending: String) throws -> URL {
        let place = weights.appending(path: folder)
        let names = try FileManager.default.contentsOfDirectory(atPath: place.path).filter {
            $0.hasSuffix(ending)
        }
        try #require(names.count == 1, "\(place.path): \(names)")
        return place.appending(path: names[0])
    }

    private func images(_ folder: String) throws -> [URL] {
        let place = weights.appending(path: folder)
        return try FileManager.default.contentsOfDirectory(atPath: place.path).filter { $0.hasSuffix(".jpg") }
            .sorted().map { place.appending(path: $0) }
    }

    /// Compares what a network says of photographs with what it says in its own framework.
    private func compare(
        _ name: String, _ classifier: Classifier, _ photographs: [URL], classes: Int = 1, engine: any Engine,
        probabilities: Bool = false
    ) throws -> [Int] {
        let fixture = try Fixture("pretrained")
        let predictor = try Predictor(classifier, engine: engine, batchSize: 4)
        let pixels = NDArray(joining: try photographs.map { try classifier.preparation.images(in: $0) })
        let rows = try probabilities ? predictor.probabilities(of: pixels) : predictor.logits(of: pixels)
        let kept = rows.flatMap { row in stride(from: 0, to: row.count, by: classes).map { row[$0] } }
        let expected = fixture["\(name)/logits"].doubles
        let range = fixture["\(name)/range"].doubles[0]
        try #require(kept.count == expected.count)
        let worst = zip(kept, expected).map { abs($0 - $1) }.max()! / range
        #expect(worst < 1e-3, "\(name): \(worst) of the range")
        let likeliest = rows.map { row in row.indices.max { row[$0] < row[$1] }! }
        #expect(likeliest == fixture["\(name)/likeliest"].doubles.map { Int($0) })
        return likeliest
    }

    /// The classes that file names such as `imagenet_00_243.jpg` end with.
    private func labels(_ photographs: [URL]) -> [Int] {
        photographs.map { Int($0.deletingPathExtension().lastPathComponent.split(separator: "_").last!)! }
    }

    @Test(arguments: [("mobilenetv2", 18), ("efficientnet-lite0", 18)])
    func networksForImageNetSayWhatTheySayInPyTorch(_ name: String, right: Int) throws {
        let classifier = try Classifier(weights: file(name, ".pth"), for: WeightsMatch.Request(name: name))
        let photographs = try images("photographs")
        let found = try compare(name, classifier, photographs, classes: 40, engine: OneDNNEngine())
        #expect(zip(found, labels(photographs)).count { $0 == $1 } == right)
        // And after a detour by batch renormalization and ONNX.
        var renorm = classifier
        renorm.model = try classifier.model.converting(to: .batchRenorm)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appendingPathComponent("net.onnx")
        try renorm.onnx().write(to: url)
        let returned = try Classifier(onnx: url)
        #expect(returned.preparation == classifier.preparation)
        _ = try compare(name, returned, photographs, classes: 40, engine: OneDNNEngine())
    }

    /// Keras' network inside another, under Keras' names and with the ε that its file says.
    @Test func kerasNetworkSaysWhatItSaysInKeras() throws {
        let description = NetworkDescription(
            [
                DescribedLayer("network", "xception", name: "xception"),
                DescribedLayer("dense", 100, name: "dense"), DescribedLayer("relu"),
                DescribedLayer("dropout", 0.2), DescribedLayer("dense", "classes", name: "dense_1"),
            ], image: [150, 150, 3])
        var usage = Classifier.Usage()
        usage.fit = .squash
        usage.interpolation = .nearest
        usage.scaling = InputScaling(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])
        let names = ["cup", "fork", "glass", "knife", "plate", "spoon"]
        usage.classNames = names
        let classifier = try Classifier(
            weights: file("xception", ".safetensors"),
            for: WeightsMatch.Request(name: "file:kitchenware", description: description), usage: usage)
        let photographs = try images("xception/photographs")
        let found = try compare("xception", classifier, photographs, engine: OneDNNEngine())
        let table = try String(contentsOf: file("xception", ".csv"), encoding: .utf8)
        var right = 0
        for line in table.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: ",")
            let place = photographs.firstIndex { $0.path.hasSuffix("/" + fields[0]) }!
            if names[found[place]] == fields[1] { right += 1 }
        }
        #expect(right == 9)
    }

    @Test func anImportedNetworkSaysWhatItSaysInONNXRuntime() throws {
        _ = try compare(
            "open-nsfw", Classifier(onnx: file("open-nsfw", ".onnx")), images("photographs"),
            engine: OneDNNEngine(), probabilities: true)
    }

    @Test func aFileOfTheZipFormatIsRead() throws {
        let content = try NamedArrays(reading: file("plant-disease", ".pt"))
        let expected = try Fixture("pretrained").arrays(under: "plant-disease/")
        #expect(content.arrays.keys.sorted() == expected.map(\.name).sorted())
        for (name, values) in expected {
            let (array, numbers) = (content.arrays[name]!.doubles, values.doubles)
            #expect(Double(content.arrays[name]!.shape[0]) == numbers[0])
            #expect(abs(array.reduce(0, +) - numbers[1]) <= 1e-6 * array.reduce(0) { $0 + abs($1) })
            #expect(array.last == numbers[2])
        }
    }
}
