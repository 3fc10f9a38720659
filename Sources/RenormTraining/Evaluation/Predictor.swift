import RenormArrays
import RenormEngines
import RenormLayers

/// Says which classes a trained model sees in images.
///
///     let predictor = try Predictor(Classifier(reading: file), engine: engine)
///     let probabilities = try predictor.probabilities(of: images)   // one row for each image
///
/// What is said of an image does not depend on the other images of its batch. Batches of another size may be computed by other
/// algorithms, and then the last digits differ.
public final class Predictor {
    private let classifier: Classifier
    private let engine: any Engine
    private let store: any Store
    /// The number of images at a time.
    public let batchSize: Int
    /// The precision of activations.
    public let precision: Precision
    private var executables: [Int: CheckedExecutable] = [:]

    /// Takes a model into an engine's memory.
    ///
    /// - Parameters:
    ///   - batchSize: The number of images at a time.
    ///   - precision: The precision of activations; logits are f32 in any case.
    /// - Throws: `TrainingError.option` unless the batch has at least one image and the engine has this precision; what making a store throws.
    public init(
        _ classifier: Classifier, engine: any Engine, batchSize: Int = 64, precision: Precision = .f32
    ) throws {
        guard batchSize > 0 else {
            throw TrainingError.option(name: "batch size", found: "\(batchSize)", expected: "at least 1")
        }
        try precision.check(on: engine)
        self.classifier = classifier
        self.engine = engine
        self.batchSize = batchSize
        self.precision = precision
        store = try engine.makeStore(classifier.model.variables)
    }

    /// Takes the network of a run.
    ///
    /// - Parameter precision: The precision of activations; `nil`: that of the run's evaluations (`TrainedModel.precision(on:)`).
    public convenience init(
        _ trained: TrainedModel, engine: any Engine, batchSize: Int = 64, precision: Precision? = nil
    ) throws {
        try self.init(
            trained.classifier, engine: engine, batchSize: batchSize,
            precision: precision ?? trained.precision(on: engine))
    }

    /// The probability of each class, a row for each image.
    ///
    /// - Parameter images: `u8` `[N, H, W, C]`, of the model's size.
    /// - Throws: `TrainingError.imageShape` if the images have another size; `.notFiniteOn` if the network's values are not
    ///   finite.
    public func probabilities(of images: NDArray) throws -> [[Double]] {
        try logits(of: images).map { Softmax($0[...]).values }
    }

    /// The network's result before probabilities are made of it, a row for each image.
    ///
    /// - Parameter images: `u8` `[N, H, W, C]`, of the model's size.
    /// - Throws: As `probabilities(of:)`.
    public func logits(of images: NDArray) throws -> [[Double]] {
        let image = TensorShape(Array(images.shape.dimensions.dropFirst()))
        guard images.shape.rank == 4, image == classifier.model.input else {
            throw TrainingError.imageShape(
                data: "the input", found: image, expected: classifier.model.input)
        }
        let scaled = classifier.preparation.scaling(images)
        var result: [[Double]] = []
        for start in stride(from: 0, to: images.shape[0], by: batchSize) {
            let batch = scaled.rows(start..<min(start + batchSize, images.shape[0]))
            let executable = try executable(batch: batch.shape[0])
            if let path = try executable.run(["images": batch], on: store) {
                throw TrainingError.notFiniteOn(data: "the input", path: path)
            }
            let logits = try executable.result("logits").doubles
            let classes = logits.count / batch.shape[0]
            for row in 0..<batch.shape[0] {
                result.append(Array(logits[row * classes..<(row + 1) * classes]))
            }
        }
        return result
    }

    private func executable(batch: Int) throws -> CheckedExecutable {
        if let known = executables[batch] { return known }
        let executable = try CheckedExecutable(
            classifier.model.graph(batch: batch, precision: precision), on: engine)
        executables[batch] = executable
        return executable
    }

    /// The classes by a network's result for an image, the likeliest first; of equal ones those that come first.
    ///
    /// - Parameter logits: A row of `logits(of:)`.
    public static func ranked(_ logits: [Double], classNames: [String]) -> [RankedClass] {
        let probabilities = Softmax(logits[...]).values
        return probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }
            .map {
                RankedClass(
                    index: $0, name: classNames[$0], probability: probabilities[$0], logit: logits[$0])
            }
    }
}

/// What a network says of a class for an image.
public struct RankedClass: Sendable, Hashable, Codable {
    /// Which class it is, from 0.
    public var index: Int
    /// What it is called.
    public var name: String
    /// Its probability.
    public var probability: Double
    /// The network's result of which the probability is made.
    public var logit: Double
}
