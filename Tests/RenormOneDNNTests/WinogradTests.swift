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

    /// Whether it is ours: of oneDNN's we do not say that the number of threads changes nothing.
    private func isOurs(_ shape: Shape) -> Bool { shape.images[3] % 16 == 0 && shape.outputs % 16 == 0 }
}
