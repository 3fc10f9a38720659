import RenormArrays

/// Gathers, augments and scales examples into the memory of a batch.
struct BatchWriter: Sendable {
    let dataset: Dataset
    let augmentation: Augmentation
    let seed: UInt64
    private let table: [Float]

    init(dataset: Dataset, scaling: InputScaling, augmentation: Augmentation, seed: UInt64) {
        precondition(
            scaling.channels == dataset.channels,
            "a scaling of \(scaling.channels) channels for images of \(dataset.channels)")
        self.dataset = dataset
        self.augmentation = augmentation
        self.seed = seed
        table = scaling.table
    }

    /// Writes the examples at `indices` as f32 [N, H, W, C] and i32 [N].
    func write(step: Int, indices: [Int], images: inout NDArray, labels: inout NDArray) {
        let (height, width, channels) = (dataset.height, dataset.width, dataset.channels)
        let size = height * width * channels
        labels.withMutableValues(of: Int32.self) { labels in
            for (position, index) in indices.enumerated() { labels[position] = dataset.labels[index] }
        }
        images.withMutableValues(of: Float.self) { images in
            dataset.pool.withValues(of: UInt8.self) { pool in
                table.withUnsafeBufferPointer { table in
                    for (position, index) in indices.enumerated() {
                        let source = pool.baseAddress! + (dataset.selection?[index] ?? index) * size
                        let target = images.baseAddress! + position * size
                        let placement = augmentation.placement(
                            seed: seed, step: step, position: position, height: height, width: width)
                        if placement == .identity {
                            scale(
                                source, to: target, pixels: height * width, channels: channels,
                                table: table.baseAddress!)
                        } else {
                            place(source, to: target, placement: placement, table: table.baseAddress!)
                        }
                    }
                }
            }
        }
    }

    private func scale(
        _ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<Float>, pixels: Int, channels: Int,
        table: UnsafePointer<Float>
    ) {
        if channels == 1 {
            for index in 0..<pixels { target[index] = table[Int(source[index])] }
            return
        }
        for pixel in 0..<pixels {
            let start = pixel * channels
            for channel in 0..<channels {
                target[start + channel] = table[channel * 256 + Int(source[start + channel])]
            }
        }
    }

    private func place(
        _ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<Float>, placement: Placement,
        table: UnsafePointer<Float>
    ) {
        let (height, width, channels) = (dataset.height, dataset.width, dataset.channels)
        for y in 0..<height {
            let sourceY = y + placement.top
            for x in 0..<width {
                let sourceX = (placement.isMirrored ? width - 1 - x : x) + placement.left
                let isInside = sourceY >= 0 && sourceY < height && sourceX >= 0 && sourceX < width
                let from = source + (sourceY * width + sourceX) * channels
                let to = target + (y * width + x) * channels
                for channel in 0..<channels {
                    to[channel] = table[channel * 256 + (isInside ? Int(from[channel]) : 0)]
                }
            }
        }
    }
}
