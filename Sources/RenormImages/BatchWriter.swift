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

    /// Writes the examples at `indices` as f32 [N, H, W, C] and i32 [N]; the first of them is at `firstPosition` among
    /// those of the step.
    func write(
        step: Int, firstPosition: Int = 0, indices: [Int], images: inout NDArray, labels: inout NDArray
    ) {
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
                            seed: seed, step: step, position: firstPosition + position, height: height,
                            width: width)
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
        // Before mirroring, columns `inside` of the result come from the image and the rest from the padding.
        let inside = max(0, -placement.left)..<max(0, -placement.left, min(width, width - placement.left))
        let step = placement.isMirrored ? -1 : 1
        for y in 0..<height {
            let row = y + placement.top
            let line = target + y * width * channels
            guard row >= 0, row < height else {
                pad(line, columns: 0..<width, table: table)
                continue
            }
            if inside.count < width {
                let left = 0..<inside.lowerBound
                let right = inside.upperBound..<width
                pad(line, columns: placement.isMirrored ? mirrored(left) : left, table: table)
                pad(line, columns: placement.isMirrored ? mirrored(right) : right, table: table)
            }
            let from = source + (row * width + inside.lowerBound + placement.left) * channels
            let first = placement.isMirrored ? width - 1 - inside.lowerBound : inside.lowerBound
            let to = line + first * channels
            if channels == 1 {
                for index in 0..<inside.count { to[index &* step] = table[Int(from[index])] }
            } else {
                for index in 0..<inside.count {
                    for channel in 0..<channels {
                        to[index &* step &* channels &+ channel] =
                            table[channel &* 256 &+ Int(from[index &* channels &+ channel])]
                    }
                }
            }
        }
    }

    private func mirrored(_ columns: Range<Int>) -> Range<Int> {
        dataset.width - columns.upperBound..<dataset.width - columns.lowerBound
    }

    private func pad(
        _ line: UnsafeMutablePointer<Float>, columns: Range<Int>, table: UnsafePointer<Float>
    ) {
        let channels = dataset.channels
        for column in columns {
            for channel in 0..<channels { line[column &* channels &+ channel] = table[channel &* 256] }
        }
    }
}
