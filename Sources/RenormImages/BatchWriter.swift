import RenormArrays

/// Gathers, augments, scales and mixes examples in the memory of a batch. What it writes is a function of the seed, the step and the
/// position in the step, and what it mixes of the seed, the step and the part.
struct BatchWriter: Sendable {
    private let dataset: Dataset
    private let augmentation: Augmentation
    private let mixing: BatchMixing?
    private let classWeights: [Float]?
    private let seed: UInt64
    private let commonSize: ImageSize?
    private let writer: PlacementWriter<Float>
    private let byteWriter: PlacementWriter<UInt8>

    init(
        dataset: Dataset, scaling: InputScaling, augmentation: Augmentation = .none,
        mixing: BatchMixing? = nil, classWeights: [Float]? = nil,
        seed: UInt64 = 0
    ) {
        precondition(
            scaling.channels == dataset.channels,
            "a scaling of \(scaling.channels) channels for images of \(dataset.channels)")
        if let classWeights {
            precondition(
                classWeights.count == dataset.classCount
                    && classWeights.allSatisfy { $0 >= 0 && $0.isFinite },
                "\(classWeights.count) weights for \(dataset.classCount) classes: \(classWeights)")
        }
        self.dataset = dataset
        self.augmentation = augmentation
        self.mixing = mixing?.isNone == false ? mixing : nil
        self.classWeights = classWeights
        self.seed = seed
        commonSize = dataset.imageSource.commonSize
        writer = PlacementWriter(channels: scaling.channels, table: scaling.table)
        byteWriter = PlacementWriter(channels: scaling.channels)
    }

    /// Writes the examples at the batch's `indices`, which are part number `part` of a step in equal parts.
    ///
    /// - Throws: what the image source throws for the first image that it cannot give.
    func fill(_ batch: inout Batch, part: Int, in workspace: ImageWorkspace) throws {
        makeRoom(&batch)
        // Read once: each look into the dataset would count references up and down.
        let (index, classes, indices) = (dataset.index, dataset.labels, batch.indices)
        let (source, framing, first) = (dataset.imageSource, dataset.framing, part * indices.count)
        let size = framing.size
        let step = batch.step
        try batch.images.withMutableValues(of: Float.self) { images in
            for (position, example) in indices.enumerated() {
                let image = index.image(of: example)
                let picture = try commonSize ?? source.size(of: image)
                augmentation.draw(
                    seed: seed, step: step, position: first + position, picture: picture,
                    placement: framing.placement(of: picture), into: &workspace.draw)
                let target = images.baseAddress! + position * size.valueCount
                try source.withPixels(of: image, for: workspace.draw.placement, in: workspace) {
                    write($0, as: workspace.draw, to: target, in: workspace)
                }
            }
        }
        batch.labels.withMutableValues(of: Int32.self) { labels in
            for (position, example) in indices.enumerated() { labels[position] = classes[example] }
        }
        let mix = mixing?.draw(seed: seed, step: step, part: part, size: size)
        if let mix, !indices.isEmpty {
            let spare = workspace.mixed.memory(of: size.valueCount).baseAddress!
            batch.images.withMutableValues(of: Float.self) {
                mix.mix($0.baseAddress!, count: indices.count, size: size, spare: spare)
            }
        }
        batch.weights?.withMutableValues(of: Float.self) { weights in
            let share = Float(mix?.share ?? 1)
            for (position, example) in indices.enumerated() {
                weights[position] = share * weight(of: classes[example])
            }
        }
        guard let mix else { return }
        func before(_ position: Int) -> Int32 {
            classes[indices[(position == 0 ? indices.count : position) - 1]]
        }
        batch.otherLabels?.withMutableValues(of: Int32.self) { labels in
            for position in indices.indices { labels[position] = before(position) }
        }
        batch.otherWeights?.withMutableValues(of: Float.self) { weights in
            let share = Float(1 - mix.share)
            for position in indices.indices { weights[position] = share * weight(of: before(position)) }
        }
    }

    /// Places a picture, changes its bytes, scales them and erases what is to be erased.
    private func write(
        _ view: PixelView, as draw: AugmentationDraw, to target: UnsafeMutablePointer<Float>,
        in workspace: ImageWorkspace
    ) {
        let size = dataset.size
        if draw.operations.isEmpty {
            writer.write(view, placed: draw.placement, to: target, in: workspace)
        } else {
            let memory = workspace.changed.memory(of: 2 * size.valueCount).baseAddress!
            byteWriter.write(view, placed: draw.placement, to: memory, in: workspace)
            let pixels = MutablePixels(of: size, memory)
            for operation in draw.operations { pixels.apply(operation, spare: memory + size.valueCount) }
            writer.scale(memory, to: target, pixels: size.height * size.width)
        }
        guard let erased = draw.erased else { return }
        for row in erased.rows {
            let place = (row * size.width + erased.columns.lowerBound) * size.channels
            (target + place).update(repeating: 0, count: erased.columns.count * size.channels)
        }
    }

    /// Gives a batch the arrays that it needs for its examples, where it does not have them yet: shapes are made only where memory is.
    private func makeRoom(_ batch: inout Batch) {
        let count = batch.indices.count
        guard batch.labels.elementCount != count else { return }
        batch.images = NDArray(uninitialized: TensorShape([count] + dataset.size.extents), type: .f32)
        batch.labels = NDArray(uninitialized: [count], type: .i32)
        if classWeights != nil || mixing != nil {
            batch.weights = NDArray(uninitialized: [count], type: .f32)
        }
        if mixing != nil {
            batch.otherLabels = NDArray(uninitialized: [count], type: .i32)
            batch.otherWeights = NDArray(uninitialized: [count], type: .f32)
        }
    }

    private func weight(of label: Int32) -> Float { classWeights?[Int(label)] ?? 1 }
}
