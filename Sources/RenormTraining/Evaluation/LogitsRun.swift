import RenormArrays
import RenormEngines
import RenormLayers

/// A network that gives its logits for scaled batches of any size.
package final class LogitsRun {
    private let model: Model
    private let engine: any Engine
    private let store: any Store
    private var compiled: [Int: CheckedExecutable] = [:]

    /// Takes a network into an engine's memory.
    package init(_ model: Model, _ engine: any Engine) throws {
        (self.model, self.engine) = (model, engine)
        store = try engine.makeStore(model.variables)
    }

    /// The logits of a batch `[N, H, W, C]`, image after image.
    ///
    /// - Parameter name: What messages call the images.
    /// - Throws: `TrainingError.imageShape`, `.notFiniteOn`.
    package func logits(_ batch: NDArray, _ name: String) throws -> [Double] {
        let image = TensorShape(Array(batch.shape.dimensions.dropFirst()))
        guard batch.shape.rank == 4, image == model.input else {
            throw TrainingError.imageShape(data: name, found: image, expected: model.input)
        }
        let size = batch.shape[0]
        let executable = try compiled[size] ?? CheckedExecutable(model.graph(batch: size), on: engine)
        compiled[size] = executable
        if let path = try executable.run(["images": batch], on: store) {
            throw TrainingError.notFiniteOn(data: name, path: path)
        }
        return try executable.result("logits").doubles
    }
}
