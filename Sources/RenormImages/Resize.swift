import RenormArrays

/// Images brought to another size by a triangle filter: bilinear interpolation where they grow, a weighted mean over all
/// pixels that fall on one where they shrink (as Pillow's and torchvision's `BILINEAR` with antialiasing; the ratio of
/// the sides is not kept).
///
/// - Parameter images: `u8` [N, H, W, C].
/// - Returns: `u8` [N, height, width, C].
public func resized(_ images: NDArray, height: Int, width: Int) -> NDArray {
    precondition(
        images.shape.rank == 4 && images.type == .u8 && images.elementCount > 0 && height > 0 && width > 0,
        "\(images.type) images of shape \(images.shape) cannot take the size \(height) × \(width)")
    if images.shape[1] == height, images.shape[2] == width { return images }
    let size = ImageSize(height: images.shape[1], width: images.shape[2], channels: images.shape[3])
    return Placement(whole: size, height: height, width: width)(images)
}

extension Placement {
    /// The same part of each of several images, placed.
    ///
    /// - Parameter images: `u8` [N, H, W, C], at least one.
    /// - Returns: `u8` [N, height, width, C].
    public func callAsFunction(_ images: NDArray) -> NDArray {
        precondition(
            images.shape.rank == 4 && images.type == .u8 && images.elementCount > 0,
            "\(images.type) images of shape \(images.shape) cannot be placed")
        let source = MemoryImages(images)
        let channels = images.shape[3]
        let writer = PlacementWriter<UInt8>(channels: channels)
        let workspace = ImageWorkspace()
        var result = NDArray(uninitialized: [source.count, height, width, channels], type: .u8)
        result.withMutableValues(of: UInt8.self) { target in
            for image in 0..<source.count {
                let place = target.baseAddress! + image * height * width * channels
                source.withPixels(of: image, for: self, in: workspace) {
                    writer.write($0, placed: self, to: place, in: workspace)
                }
            }
        }
        return result
    }
}

/// Cuts out what the placement says and brings it to its size, first row by row, then column by column; it does not mirror.
///
/// Sums are made in f32, in the order of the pixels, and rounded once, at the end; so every way to a picture of that size
/// gives the same bytes. Pillow rounds between the two directions too and may differ by 1.
func resample(
    _ view: PixelView, _ placement: Placement, to target: UnsafeMutablePointer<UInt8>,
    in workspace: ImageWorkspace
) {
    placement.fill(&workspace.rows, &workspace.columns, of: view.size)
    let (rows, columns) = (workspace.rows, workspace.columns)
    let channels = view.size.channels
    let rowSize = placement.width * channels
    let narrowed = workspace.narrowed.memory(of: rows.span.count * rowSize).baseAddress!
    // What swings over an edge is cut off between the directions, as Pillow does; a triangle cannot.
    let isCut = placement.interpolation == .bicubic
    columns.weights.withUnsafeBufferPointer { weights in
        for row in rows.span {
            let line = narrowed + (row - rows.span.lowerBound) * rowSize
            for x in 0..<placement.width {
                let (start, count) = (columns.starts[x], columns.starts[x + 1] - columns.starts[x])
                // Without weights there is nothing to read, and the pixel may be outside what is there.
                let from = count == 0 ? view.pixels : view.pixel(row: row, column: columns.firsts[x])
                for channel in 0..<channels {
                    var sum: Float = 0
                    for tap in 0..<count {
                        sum += weights[start &+ tap] * Float(from[tap &* channels &+ channel])
                    }
                    line[x * channels + channel] = isCut ? min(max(sum, 0), 255) : sum
                }
            }
        }
    }
    rows.weights.withUnsafeBufferPointer { weights in
        for y in 0..<placement.height {
            let (start, count) = (rows.starts[y], rows.starts[y + 1] - rows.starts[y])
            let first = narrowed + max(rows.firsts[y] - rows.span.lowerBound, 0) * rowSize
            for element in 0..<rowSize {
                var sum: Float = 0
                for tap in 0..<count { sum += weights[start &+ tap] * first[tap &* rowSize &+ element] }
                target[y * rowSize + element] = UInt8(min(max(sum + 0.5, 0), 255))
            }
        }
    }
}
