import Renorm
import RenormOneDNN
import RenormTestSupport
import Testing

/// Convolutions by Winograd's algorithm as parts of graphs, against the reference.
@Suite struct WinogradTests {
    /// Shapes, paddings and channels drawn at random, what is left to direct convolutions among them.
    struct Shape: CustomTestStringConvertible {
        var images: TensorShape
        var outputs: Int
        var padding: [Int]

        init(seed: Int) {
            var numbers = Random(seed: UInt64(seed), stream: 1)
            func number(_ range: ClosedRange<Int>) -> Int {
                range.lowerBound + numbers.integer(below: range.count)
            }
            padding = (0..<4).map { _ in number(0...2) }
            let sizes = (0..<2).map { _ in number(3...13) }
            images = [number(1...5), sizes[0], sizes[1], seed % 5 == 0 ? number(1...40) : 16 * number(1...5)]
            outputs = seed % 7 == 0 ? number(1...40) : 16 * number(1...5)
        }

        var testDescription: String { "\(images) to \(outputs), padding \(padding)" }
    }

    @Test(arguments: (0..<24).map(Shape.init))
    func agreesWithReference(_ shape: Shape) throws {
        let values = [
            randomArray(shape.images),
            randomArray([shape.outputs, shape.images[3], 3, 3], seed: 2, deviation: 0.2),
            randomArray([shape.outputs], seed: 3),
        ]
        let operation = OperationCase("convolution", at: values) {
            try $0[0].convolution($0[1], bias: $0[2], options: ConvolutionOptions(padding: shape.padding))
        }
        let expected = try operation.results(on: ReferenceEngine(precision: .f64))
        var bits: [String: NDArray]?
        for (threads, isFused) in [(1, true), (2, true), (3, true), (2, false)] {
            let engine = try OneDNNEngine(threads: threads, convolution: .winograd, isFused: isFused)
            let found = try operation.results(on: engine)
            for (name, value) in expected {
                #expect(
                    mismatch(
                        found[name]!, value, tolerance: 5e-5, absolute: 2e-5,
                        of: "\(name), \(threads) threads")
                        == nil)
            }
            if isFused, isOurs(shape) {
                for (name, value) in bits ?? found where name != "gradient 2" {
                    #expect(found[name] == value, "\(name), \(threads) threads")
                }
                bits = bits ?? found
            }
        }
    }

    /// What the rule decides for shapes that are far from its edges, on a processor with wide vectors.
    @Test(
        arguments: [
            ([32, 32, 32, 64], 64, "winograd:4x4"), ([4, 56, 56, 64], 64, "winograd:4x4"),
            ([32, 7, 7, 512], 512, "winograd:"), ([1, 2, 2, 512], 512, "direct"),
            ([32, 32, 32, 24], 64, "direct"), ([32, 32, 32, 64], 24, "direct"),
        ] as [(TensorShape, Int, String)])
    func theRuleChooses(_ images: TensorShape, _ outputs: Int, _ expected: String) throws {
        let operation = convolution(images, outputs)
        func names(_ algorithm: ConvolutionAlgorithm) throws -> [String] {
            let executable = try OneDNNEngine(threads: 2, convolution: algorithm).compile(operation.graph())
            return try #require(executable as? OneDNNExecutable).measurements.map(\.name)
                .filter { $0.hasPrefix("convolution") }
        }
        let isWide = try !OneDNNEngine().description.instructionSet.hasSuffix("baseline")
        let chosen = try names(.auto)
        #expect(chosen.count == 3, "\(chosen)")
        for name in chosen {
            if isWide && expected != "direct" {
                #expect(name.contains(expected), "\(name)")
            } else {
                #expect(!name.contains("winograd"), "\(name)")
            }
        }
        #expect(try names(.direct).allSatisfy { !$0.contains("winograd") })
    }

    /// Root mean square errors beside those of direct convolutions: at most 1.6 times forward and by data, 4 by weights.
    @Test(arguments: [([4, 16, 16, 64], 64), ([4, 8, 8, 128], 128)] as [(TensorShape, Int)])
    func roundsAboutAsDirectConvolutionsDo(_ images: TensorShape, _ outputs: Int) throws {
        let operation = convolution(images, outputs)
        let exact = try operation.results(on: ReferenceEngine(precision: .f64))
        func errors(_ algorithm: ConvolutionAlgorithm) throws -> [String: Double] {
            let found = try operation.results(on: OneDNNEngine(threads: 2, convolution: algorithm))
            return exact.reduce(into: [:]) { errors, entry in
                let expected = entry.value.doubles
                let squares = zip(found[entry.key]!.doubles, expected)
                    .reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                errors[entry.key] = (squares / expected.reduce(0) { $0 + $1 * $1 }).squareRoot()
            }
        }
        let (direct, winograd) = try (errors(.direct), errors(.winograd))
        for (name, limit) in [("y", 1.6), ("gradient 0", 1.6), ("gradient 1", 4)] {
            let found = try #require(winograd[name])
            #expect(try found < limit * #require(direct[name]), "\(name): \(winograd), direct \(direct)")
            // Another computation, and one that sums in f32.
            #expect(found != direct[name] && found < 1e-6)
        }
    }

    /// A convolution of images after a ReLU, as they come in training, and its gradients.
    private func convolution(_ images: TensorShape, _ outputs: Int) -> OperationCase {
        let rectified = NDArray(randomArray(images).doubles.map { max($0, 0) }, shape: images)
        return OperationCase(
            "convolution", at: [rectified, randomArray([outputs, images[3], 3, 3], seed: 2, deviation: 0.1)]
        ) {
            try $0[0].convolution($0[1], options: ConvolutionOptions(padding: [1, 1, 1, 1]))
        }
    }

    /// Whether it is ours: of oneDNN's we do not say that the number of threads changes nothing.
    private func isOurs(_ shape: Shape) -> Bool { shape.images[3] % 16 == 0 && shape.outputs % 16 == 0 }
}
