import Foundation
import Renorm
import RenormTestSupport
import Testing

/// The examples of the README and of the articles in `Sources/Renorm/Renorm.docc`, line for line.
@Suite struct ArticleExampleTests {
    static let articles =
        ["Renorm", "Normalizations", "BatchRenormalization", "Statistics-and-Phases", "YourOwnNetwork"].map {
            "Sources/Renorm/Renorm.docc/\($0).md"
        } + ["README.md"]

    private func network() throws -> Model {
        try Model(Small(classes: 10, width: 0.25, normalization: Normalization(.batch)), input: [28, 28, 1])
    }

    @Test(arguments: articles)
    func everyExampleIsCompiledHere(_ article: String) throws {
        let here = URL(filePath: #filePath)
        let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        func lines(_ url: URL) throws -> [String] {
            try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
                .map { $0.trimmingCharacters(in: .whitespaces) }
        }
        let source = try lines(here)
        let text = try lines(root.appending(path: article))
        let examples = text.split(separator: "```swift").dropFirst().map { $0.prefix { $0 != "```" } }
        #expect(!examples.isEmpty)
        for example in examples {
            #expect(source.contains(example), "\(example.joined(separator: "\n"))")
        }
    }

    // What trains for long is only compiled here; `Examples` run in a test of their own.
    private func readme() async throws {
        let (images, test) = try Dataset.fashionMNIST()
        let network = Sequential {
            ConvolutionUnit(Convolution(32, kernel: 3, stride: 2, bias: false), Normalization(.batchRenorm))
            ConvolutionUnit(Convolution(64, kernel: 3, stride: 2, bias: false), Normalization(.batchRenorm))
            GlobalAveragePool()
            Dense(10)
        }
        let options = TrainingOptions(learningRate: .cosine(from: 0.1, steps: 500), weightDecay: 5e-4)
        let trainer = Trainer(
            model: try Model(network, input: [28, 28, 1]),
            configuration: TrainingConfiguration(options: options, steps: 500),
            engine: try OneDNNEngine(), training: images, test: test)
        print("right on the test images:", try await trainer.run().test!.accuracy)
    }

    @Test func aLayerOfYourOwn() throws {
        struct Scale: Layer {
            func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
                try x * scope.parameter("scale", shape: [x.shape[3]], initializer: .constant(1))
            }
        }
        let model = try Model(Sequential { Scale() }, input: [4, 4, 3])
        #expect(model.variables["0.scale"]?.value.shape == [3])
    }

    private func yourOwnNetwork() async throws {
        struct Block: Layer {
            var channels: Int
            var normalization: Normalization

            func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
                let convolution = Convolution(channels, kernel: 3, padding: .all(1), bias: false)
                return try ConvolutionUnit(convolution, normalization, names: ("conv", "norm"))(x, scope)
            }
        }
        let network = Sequential {
            Block(channels: 32, normalization: Normalization(.batchRenorm)).named("first")
            MaxPool(2)
            Block(channels: 64, normalization: Normalization(.batchRenorm)).named("second")
            GlobalAveragePool()
            Dense(10).named("head")
        }
        let model = try Model(network, input: [28, 28, 1])
        print(model.variables.paths)  // first.conv.weight, first.norm.weight, …
        let (images, test) = try Dataset.fashionMNIST()
        let trainer = Trainer(
            model: model,
            configuration: TrainingConfiguration(
                options: TrainingOptions(learningRate: .cosine(from: 0.1, steps: 500), weightDecay: 5e-4),
                steps: 500),
            engine: try OneDNNEngine(), training: images, test: test)
        for try await event in trainer.events {
            switch event {
            case .step(let report) where report.step % 100 == 0: print(report.step, report.loss)
            case .finished(let summary): print("test accuracy", summary.test!.accuracy)
            default: break
            }
        }
        let renormed = try model.converting(to: .batchRenorm)  // all of it
        let half = try model.converting("second", to: .group(8))  // a part; groups need training again
        var frozen = model
        frozen.overrides.append(.freeze("first"))  // parameters and statistics
        _ = (renormed, half, frozen)
    }

    @Test func aNetworkGoesOnWithAnotherNormalization() throws {
        let model = try network()
        let renormed = try model.converting(to: .batchRenorm)
        #expect(renormed.variables["bn1.running_std"] != nil)
    }

    @Test func landingPage() throws {
        let network = Sequential {
            Convolution(32, kernel: 3, bias: false).named("conv1")
            Normalization(.batchRenorm).named("bn1")
            ReLU()
            GlobalAveragePool()
            Dense(10).named("fc")
        }
        let model = try Model(network, input: [28, 28, 1], seed: 1)
        #expect(model.variables.paths.last == "fc.bias")

        let images = randomArray([64, 28, 28, 1], type: .f32)
        let labels = randomLabels(64, classes: 10)
        let training = try TrainingGraph(
            model, batch: 64, options: TrainingOptions(learningRate: .constant(0.1)))
        let engine = ReferenceEngine()  // plain and exact; OneDNNEngine() is the fast one
        let store = try engine.makeStore(training.initialState(of: model))
        let step = try engine.compile(training.graph)
        let results = try step.run(["images": images, "labels": labels], step: 0, on: store)
        #expect(results["loss"]!.doubles[0] < 5)
        #expect(try store.read("bn1.num_batches_tracked").doubles == [1])
    }

    @Test func conversion() throws {
        let model = try network()
        let renormalized = try model.converting(to: .batchRenorm)
        #expect(
            try renormalized.tracedNormalizations().allSatisfy {
                $0.normalization.kind is BatchRenormalization
            })
    }

    @Test func conversionOfAPart() throws {
        let model = try Model(
            ResNet.resnet18(classes: 10, stem: .cifar, normalization: Normalization(.batch)),
            input: [32, 32, 3])
        let renormalized = try model.converting("layer4", to: .batchRenorm)
        let back = try renormalized.converting("layer4", to: .batch)
        let kinds = try renormalized.tracedNormalizations().map(\.normalization.kind)
        #expect(kinds.filter { $0 is BatchRenormalization }.count == 5 && kinds.count == 20)
        #expect(back.variables.paths == model.variables.paths)
    }

    @Test func kinds() throws {
        let layer = Normalization(.group(8), epsilon: 1e-5)
        #expect(layer == Normalization(.group(8)))
    }

    @Test func groupsOfExamples() {
        let microbatches = Normalization(.batchRenorm(examples: 4))
        #expect(microbatches.summary == "batch-renorm normalization of 4 examples")
    }

    @Test func limits() {
        let layer = Normalization(.batchRenorm(.limits(.paper(fullyOpenAt: 2000), averagingRate: 0.05)))
        let paper = Limits.paper
        let shorter = Limits.paper(fullyOpenAt: 2000)
        let own = Limits(
            rMax: .linear([(500, 1), (1500, 3)]),
            dMax: .linear([(500, 0), (1000, 5)]))
        #expect(layer == Normalization(.batchRenorm(.limits(shorter))) && paper != shorter)
        #expect(own.dMax.value(at: 750) == 2.5)
    }

    @Test func limitsOfMicrobatches() {
        let microbatches = Normalization(.batchRenorm(.limits(.paper(fullyOpenAt: 2000)), examples: 4))
        #expect(microbatches.examples == 4)
    }

    @Test func limitsInAFile() throws {
        let text = """
            {"r_max": {"kind": "linear", "points": [[500, 1], [1500, 3]]},
            "d_max": {"kind": "linear", "points": [[500, 0], [1000, 5]]}}
            """
        let read = try JSONCoder.decode(Limits.self, from: Data(text.utf8))
        let own = Limits(rMax: .linear([(500, 1), (1500, 3)]), dMax: .linear([(500, 0), (1000, 5)]))
        #expect(read == own)
    }

    @Test func phases() throws {
        let model = try network()
        let recalibration = Phase(
            statistics: .moving, corrects: false, updatesStatistics: true, dropout: false)
        let graph = try model.graph(batch: 64, phase: recalibration)
        #expect(graph.updates.count == 15)

        let evaluation = try EvaluationGraph(model, batch: 50, phase: .batchStatistics)
        #expect(evaluation.graph.updates.isEmpty)
    }

    @Test func overrides() throws {
        let model = try Model(
            Small(classes: 10, normalization: Normalization(.batchRenorm)), input: [28, 28, 1],
            overrides: [
                .freeze("conv1"),
                .freeze("bn1"),
                Override("bn5", normalization: Normalization(.group(8))),
            ])
        let kinds = try model.tracedNormalizations().map(\.normalization.kind.word)
        #expect(kinds == ["batch-renorm", "batch-renorm", "batch-renorm", "batch-renorm", "group:8"])
    }
}

extension [String] {
    fileprivate func contains(_ lines: ArraySlice<String>) -> Bool {
        indices.contains { self[$0...].starts(with: lines) }
    }
}
