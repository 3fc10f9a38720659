import Renorm
import RenormTestSupport

/// The network of `streams.safetensors`: 1×1 convolutions, two normalizations, a mean over places and a dense layer.
struct StreamFixture {
    let fixture: Fixture
    let model: Model

    init(_ kind: any NormalizationKind = .batch) throws {
        fixture = try Fixture("streams")
        let layer = Sequential {
            Convolution(3, kernel: 1, bias: false).named("conv1")
            Normalization(kind, epsilon: 1e-3).named("bn1")
            ReLU().named("relu1")
            Convolution(4, kernel: 1, bias: false).named("conv2")
            Normalization(kind, epsilon: 1e-3).named("bn2")
            ReLU().named("relu2")
            GlobalAveragePool().named("pool")
            Dense(4).named("fc")
        }
        var model = try Model(layer, input: [4, 4, 2])
        for place in 0..<2 {
            let convolution = fixture["network.\(place).convolution"]
            model.variables["conv\(place + 1).weight"]?.value = convolution.reshaped(
                to: [convolution.shape[0], convolution.shape[1], 1, 1])
            for name in ["weight", "bias", "running_mean", "running_var"] {
                model.variables["bn\(place + 1).\(name)"]?.value = fixture["network.\(place).\(name)"]
            }
        }
        model.variables["fc.weight"]?.value = fixture["network.dense"]
        model.variables["fc.bias"]?.value = fixture["network.dense_bias"]
        self.model = model
    }

    var stream: NDArray { fixture["stream"] }
    var sourceImages: NDArray { fixture["source.images"] }

    static let batches = [1, 3, 2, 3]

    func source(rank: Int? = nil, engine: any Engine = ReferenceEngine()) throws -> SourceStatistics {
        var source = try SourceStatistics.measure(
            model, on: ImageBatches(sourceImages, batchSize: 7), rank: rank, engine: engine)
        source.limit = 6
        for place in source.layers.indices {
            source.layers[place].sensitivity = fixture["source.\(place).sensitivity"].converted(to: .f32)
        }
        return source
    }

    /// The probabilities of the stream in the fixture's batches, one after another.
    static func run(_ adapter: StreamAdapter, _ stream: NDArray, from first: Int = 0, to end: Int = 4) throws
        -> [Double]
    {
        var (start, result) = (0, [Double]())
        for (place, size) in batches.enumerated() {
            if (first..<end).contains(place) {
                result += try adapter.predict(stream.rows(start..<start + size)).flatMap(\.self)
            }
            start += size
        }
        return result
    }
}
