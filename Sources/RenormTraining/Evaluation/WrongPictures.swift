import RenormArrays
import RenormImages
import Synchronization

/// Collects the examples of an evaluation that were classified wrongly with the highest probabilities.
///
///     let wrong = WrongPictures(atMost: 24)
///     let measured = try await evaluator.measure(trained, on: test, each: wrong.add)
///     for picture in try wrong.read(from: test) { … }
public final class WrongPictures: Sendable {
    /// A picture that was taken for another class.
    public struct Picture: Sendable {
        /// What was said of it.
        public var result: ExampleResult
        /// `u8` `[H, W, C]`, at the network's size.
        public var pixels: NDArray
        /// What the source calls it, such as its path; `nil` where it has no name.
        public var name: String?

        /// The probability of the class that it was taken for.
        public var confidence: Double { result.probabilities[result.prediction] }
    }

    private let most: Int
    private let found = Mutex<[ExampleResult]>([])

    /// - Parameter most: How many are kept.
    public init(atMost most: Int) { self.most = most }

    /// Takes the result of an example.
    @Sendable public func add(_ result: ExampleResult) {
        guard result.prediction != result.label, most > 0 else { return }
        func isBefore(_ a: ExampleResult, _ b: ExampleResult) -> Bool {
            (b.probabilities[b.prediction], a.index) < (a.probabilities[a.prediction], b.index)
        }
        found.withLock { found in
            if found.count == most, let last = found.last, !isBefore(result, last) { return }
            let place = found.firstIndex { isBefore(result, $0) } ?? found.count
            found.insert(result, at: place)
            if found.count > most { found.removeLast() }
        }
    }

    /// What was kept, the most confident first.
    public var results: [ExampleResult] { found.withLock { $0 } }

    /// The pictures of what was kept.
    ///
    /// - Parameter dataset: What was evaluated.
    /// - Throws: what reading a picture throws.
    public func read(from dataset: Dataset) throws -> [Picture] {
        let results = results
        guard !results.isEmpty else { return [] }
        let pixels = try dataset.subset(results.map(\.index)).readImages()
        let image = TensorShape(Array(pixels.shape.dimensions.dropFirst()))
        return results.enumerated().map { place, result in
            Picture(
                result: result, pixels: pixels.rows(place..<place + 1).reshaped(to: image),
                name: dataset.imageSource.name(of: dataset.index.image(of: result.index)))
        }
    }
}
