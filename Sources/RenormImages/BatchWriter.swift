import RenormArrays

/// Gathers, augments and scales examples into the memory of a batch. What it writes is a function of the seed, the step and
/// the position in the batch.
struct BatchWriter: Sendable {
    let dataset: Dataset
    private let augmentation: Augmentation
    private let seed: UInt64
    /// How much the loss of an example counts by its class; `nil`: all the same.
    let classWeights: [Float]?
    private let commonSize: ImageSize?
    private let writer: PlacementWriter<Float>

    init(
        dataset: Dataset, scaling: InputScaling, augmentation: Augmentation, seed: UInt64,
        classWeights: [Float]? = nil
    ) {
        precondition(
            classWeights.map { $0.count == dataset.classCount } ?? true,
            "weights of \(classWeights?.count ?? 0) classes for \(dataset.classCount)")
        self.classWeights = classWeights
        precondition(
            scaling.channels == dataset.channels,
            "a scaling of \(scaling.channels) channels for images of \(dataset.channels)")
        self.dataset = dataset
        self.augmentation = augmentation
        self.seed = seed
        commonSize = dataset.imageSource.commonSize
        writer = PlacementWriter(channels: scaling.channels, table: scaling.table)
    }

    /// Writes the examples at `indices` as f32 [N, H, W, C] and i32 [N]; the first of them is at `firstPosition` among
    /// those of the step.
    ///
    /// - Throws: what the image source throws for the first image that it cannot give.
    func write(
        step: Int, firstPosition: Int = 0, indices: [Int], images: inout NDArray, labels: inout NDArray,
        weights: inout NDArray?, in workspace: ImageWorkspace
    ) throws {
        // Read once: each look into the dataset would count references up and down.
        let (index, classes) = (dataset.index, dataset.labels)
        labels.withMutableValues(of: Int32.self) { labels in
            for (position, example) in indices.enumerated() { labels[position] = classes[example] }
        }
        if let classWeights {
            weights?.withMutableValues(of: Float.self) { weights in
                for (position, example) in indices.enumerated() {
                    weights[position] = classWeights[Int(classes[example])]
                }
            }
        }
        let (source, size) = (dataset.imageSource, dataset.size)
        try images.withMutableValues(of: Float.self) { images in
            for (position, example) in indices.enumerated() {
                let image = index.image(of: example)
                let placement = augmentation.placement(
                    seed: seed, step: step, position: firstPosition + position,
                    image: try commonSize ?? source.size(of: image), size: size)
                let target = images.baseAddress! + position * size.valueCount
                try source.withPixels(of: image, for: placement, in: workspace) {
                    writer.write($0, placed: placement, to: target, in: workspace)
                }
            }
        }
    }
}
