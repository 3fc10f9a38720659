import RenormArrays
import RenormImages

/// Images in batches, which can be gone through more than once.
public struct ImageBatches: Sendable {
    /// What they are called in messages.
    public var name: String
    /// Begins anew; what it returns gives the next batch, `f32` `[N, H, W, C]`, and `nil` after the last.
    public var open: @Sendable () throws -> (() throws -> NDArray?)

    /// Images that come from anywhere.
    public init(_ name: String, open: @escaping @Sendable () throws -> (() throws -> NDArray?)) {
        self.name = name
        self.open = open
    }

    /// Images in memory, `[N, H, W, C]`, as the network takes them; the last batch may be smaller.
    public init(_ images: NDArray, batchSize: Int = 64, name: String = "the images") {
        precondition(batchSize > 0 && images.shape.rank == 4, "batches of \(batchSize) of \(images.shape)")
        self.init(name) {
            var start = 0
            return {
                guard start < images.shape[0] else { return nil }
                defer { start += batchSize }
                return images.rows(start..<min(start + batchSize, images.shape[0]))
            }
        }
    }

    /// The images of a dataset, each once, in its order.
    ///
    /// - Parameter workers: How many threads prepare batches; `nil`: as the images need.
    public init(_ dataset: Dataset, scaling: InputScaling, batchSize: Int = 64, workers: Int? = nil) {
        precondition(batchSize > 0, "batches of \(batchSize)")
        self.init(dataset.name) {
            let batches = stride(from: 0, to: dataset.count, by: batchSize).map {
                Array($0..<min($0 + batchSize, dataset.count))
            }
            let loader = BatchLoader(
                dataset: dataset, scaling: scaling, batches: batches,
                workers: workers ?? BatchLoader.workers(for: dataset.imageSource))
            return { try loader.next()?.images }
        }
    }
}
